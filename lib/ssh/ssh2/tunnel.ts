/**
 * A connection to a server through another one: a channel of SSH in the place of
 * a TCP connection.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import type { Channel } from "ssh2";
import type { RelaisError } from "../../errors.ts";
import { ProtocolError } from "../../sftp/protocol-error.ts";
import type { Carrier } from "../carrier.ts";
import { Opening } from "./opening.ts";

/** How long that may take that is said last. */
const endMs = 500;

/** The connection to the jump host, which ends with the tunnel through it. */
export interface Hop {
  /** What goes over the network. */
  readonly socket: Carrier;
  /** The agreed algorithms that only `algorithms = "legacy"` offers. */
  readonly weak: readonly string[];
  /** Says goodbye. */
  end(): void;
}

/** A stream to a server. What is written in one turn of the event loop goes as one. */
export class Tunnel extends Duplex implements Carrier {
  readonly #channel: Channel;
  readonly hop: Hop;
  readonly #opening = new Opening();
  #isGathering = false;

  constructor(channel: Channel, hop: Hop) {
    super();
    this.#channel = channel;
    this.hop = hop;
    channel.on("data", (bytes: Buffer) => {
      this.#opening.keep(bytes);
      this.push(bytes);
    });
    // Until SSH listens, nobody else does.
    this.on("error", () => {});
    channel.on("end", () => this.push(null));
    channel.on("error", (error: Error) => this.destroy(error));
    channel.on("close", () => this.destroy());
  }

  get received(): number {
    return this.hop.socket.received;
  }

  get sent(): number {
    return this.hop.socket.sent;
  }

  get opening(): Buffer {
    return this.#opening.bytes;
  }

  /** The jump host is lost. */
  break(error: RelaisError): void {
    this.destroy(error);
  }

  async hangUp(): Promise<void> {
    if (this.destroyed) return;
    await this.#close();
    this.destroy();
    await this.hop.socket.hangUp();
  }

  /** Waits until the server has closed it: a jump host that is left forwards nothing more. */
  async #close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.once("close", resolve);
    const late = setTimeout(resolve, endMs);
    this.end();
    await promise;
    clearTimeout(late);
  }

  /** Ends the connection, and not the module, if ssh2 stumbles over what a peer has sent. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    try {
      return super.emit(event, ...args);
    } catch (cause) {
      if (event !== "data") throw cause;
      this.destroy(
        new ProtocolError("it sent data that cannot be parsed", { cause }),
      );
      return true;
    }
  }

  override write(bytes: Uint8Array | string): boolean {
    if (!this.#isGathering) {
      this.#isGathering = true;
      this.cork();
      setImmediate(() => {
        this.#isGathering = false;
        this.uncork();
      });
    }
    return super.write(bytes);
  }

  override _read(): void {}

  override _writev(
    chunks: readonly { chunk: Buffer }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#channel.write(
      Buffer.concat(chunks.map(({ chunk }) => chunk)),
      done,
    );
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#channel.end();
    done();
  }

  override _destroy(
    error: Error | null,
    done: (error?: Error | null) => void,
  ): void {
    this.hop.end();
    if (error === null) this.hop.socket.hangUp();
    else this.hop.socket.destroy();
    done(error);
  }
}
