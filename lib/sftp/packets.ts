/**
 * Cutting a stream of bytes into SFTP packets: a length, and so many bytes.
 * draft-ietf-secsh-filexfer-02, section 3.
 *
 * @module
 */

import { ProtocolError } from "./protocol-error.ts";

/** No answer to what relais asks for is longer: OpenSSH's limit for any packet. */
export const longestPacket = 256 * 1024;

/** Pieces of memory that are kept for packets to come: what a fast link has under way. */
const mostSpare = 32;

/** Cuts what is received into packets, wherever it is cut itself; keeps one packet at most. */
export class Packets {
  readonly #take: (packet: Uint8Array<ArrayBuffer>) => void;
  #length = 0;
  #lengthBytes = 0;
  /** What is there of a packet that came in parts. */
  #packet: Uint8Array<ArrayBuffer> | undefined;
  #filled = 0;
  #spare: ArrayBuffer[] = [];

  /** @param take Takes a packet without its length, which shares its memory with nothing. */
  constructor(take: (packet: Uint8Array<ArrayBuffer>) => void) {
    this.#take = take;
  }

  /**
   * Gives memory for a packet to come. To get it from the system costs more than
   * all else that is done with a large packet.
   */
  give(memory: ArrayBuffer): void {
    if (this.#spare.length < mostSpare) this.#spare.push(memory);
    else memory.transfer(0);
  }

  /** Keeps no memory any longer. */
  forget(): void {
    for (const memory of this.#spare) memory.transfer(0);
    this.#spare = [];
  }

  /** @throws {ProtocolError} If a packet has a length that cannot be. */
  receive(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#packet !== undefined) {
        at += this.#fill(this.#packet, bytes.subarray(at));
      } else if (this.#lengthBytes < 4) {
        this.#length = this.#length * 256 + bytes[at++]!;
        if (++this.#lengthBytes === 4) checkLength(this.#length);
      } else if (bytes.length - at >= this.#length) {
        const packet = new Uint8Array(bytes.subarray(at, at + this.#length));
        at += packet.length;
        this.#end(packet);
      } else {
        this.#packet = this.#roomFor(this.#length);
      }
    }
  }

  /** Returns how many bytes there were of the packet. */
  #fill(packet: Uint8Array<ArrayBuffer>, bytes: Uint8Array): number {
    const part = bytes.subarray(0, packet.length - this.#filled);
    packet.set(part, this.#filled);
    this.#filled += part.length;
    if (this.#filled === packet.length) this.#end(packet);
    return part.length;
  }

  /** What fills less than half of some memory does not take it. */
  #roomFor(length: number): Uint8Array<ArrayBuffer> {
    const { byteLength = 0 } = this.#spare.at(-1) ?? {};
    if (length <= byteLength / 2) return new Uint8Array(length);
    const memory = this.#spare.pop();
    return memory === undefined || length > byteLength
      ? new Uint8Array(length)
      : new Uint8Array(memory, 0, length);
  }

  #end(packet: Uint8Array<ArrayBuffer>): void {
    this.#length = 0;
    this.#lengthBytes = 0;
    this.#packet = undefined;
    this.#filled = 0;
    this.#take(packet);
  }
}

function checkLength(length: number): void {
  if (length > 0 && length <= longestPacket) return;
  throw new ProtocolError(`it sends a packet of ${length} bytes`);
}
