/**
 * The TCP connection under SSH. It is our own, because ssh2 leaves its socket
 * open when a frozen peer does not answer, lets small packets wait for
 * acknowledgements, and writes each of them with a system call of its own.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { Socket } from "node:net";

/** A socket that gathers what is written in one turn of the event loop into one write, and counts bytes. */
export class SshSocket extends Socket {
  /** Bytes handed over for sending. */
  sent = 0;
  /** Bytes that arrived. */
  received = 0;
  #gathered: Uint8Array[] = [];
  #send: (bytes: Uint8Array) => void = () => {};

  constructor() {
    super();
    this.setNoDelay(true);
    this.on("data", (bytes: Uint8Array) => this.received += bytes.length);
    // Deno gives each socket a `write` of its own when it connects: a method
    // of this class would never be called.
    this.once("connect", () => {
      this.#send = this.write.bind(this);
      this.write = (bytes: Uint8Array | string) => this.#gather(bytes);
    });
  }

  override end(): this {
    this.#flush();
    return super.end();
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
