/**
 * The TCP connection under SSH. It is our own, because ssh2 leaves its socket
 * open when a frozen peer does not answer, lets small packets wait for
 * acknowledgements, and writes each of them with a system call of its own.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { Socket } from "node:net";
import { ProtocolError } from "../../sftp/protocol-error.ts";
import type { Carrier } from "../carrier.ts";
import { Opening } from "./opening.ts";

/** How long an orderly end may take before the socket is destroyed. */
const endMs = 500;

/** A socket that gathers what is written in one turn of the event loop into one write, and counts bytes. */
export class SshSocket extends Socket implements Carrier {
  /** Bytes handed over for sending. */
  sent = 0;
  /** Bytes that arrived. */
  received = 0;
  readonly #opening = new Opening();
  #gathered: Uint8Array[] = [];
  #send: (bytes: Uint8Array) => void = () => {};

  constructor() {
    super();
    this.setNoDelay(true);
    this.on("data", (bytes: Buffer) => {
      this.#opening.keep(bytes);
      this.received += bytes.length;
    });
    // Deno gives each socket a `write` of its own when it connects: a method
    // of this class would never be called.
    this.once("connect", () => {
      this.#send = this.write.bind(this);
      this.write = (bytes: Uint8Array | string) => this.#gather(bytes);
    });
  }

  get opening(): Buffer {
    return this.#opening.bytes;
  }

  /** Ends the connection, and not the module, if ssh2 stumbles over what a peer has sent. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (event !== "data") return super.emit(event, ...args);
    try {
      return super.emit(event, ...args);
    } catch (cause) {
      this.destroy(
        new ProtocolError("it sent data that cannot be parsed", { cause }),
      );
      return true;
    }
  }

  override end(): this {
    this.#flush();
    return super.end();
  }

  /** Closes the connection once everything is sent, whether the peer answers or not. */
  async hangUp(): Promise<void> {
    if (this.destroyed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.once("close", () => resolve());
    this.once("finish", () => this.destroy());
    // A peer that reads nothing does not let us finish.
    const late = setTimeout(() => this.destroy(), endMs);
    this.end();
    await promise;
    clearTimeout(late);
  }

  #gather(bytes: Uint8Array | string): boolean {
    const packet = typeof bytes === "string" ? Buffer.from(bytes) : bytes;
    this.sent += packet.length;
    if (this.#gathered.length === 0) setImmediate(() => this.#flush());
    this.#gathered.push(packet);
    return true;
  }

  #flush(): void {
    const packets = this.#gathered;
    if (packets.length === 0) return;
    this.#gathered = [];
    this.#send(packets.length === 1 ? packets[0]! : Buffer.concat(packets));
  }
}
