/**
 * The fields of packets: numbers, and strings of bytes behind their length.
 * RFC 4251, section 5.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { ProtocolError } from "./protocol-error.ts";

/** A uint32, or a string; text goes as UTF-8. */
export type Field = number | string | Uint8Array;

/** Makes a packet, with its length. */
export function packet(type: number, fields: readonly Field[]): Buffer {
  const length = fields.reduce<number>(
    (sum, field) => sum + 4 + contentsOf(field),
    1,
  );
  const bytes = Buffer.allocUnsafe(4 + length);
  bytes.writeUInt32BE(length, 0);
  bytes[4] = type;
  let at = 5;
  for (const field of fields) {
    const contents = contentsOf(field);
    bytes.writeUInt32BE(typeof field === "number" ? field : contents, at);
    at += 4;
    if (typeof field === "string") bytes.write(field, at);
    else if (typeof field !== "number") bytes.set(field, at);
    at += contents;
  }
  return bytes;
}

/** Bytes of a string, without its length. */
function contentsOf(field: Field): number {
  if (typeof field === "number") return 0;
  return typeof field === "string" ? Buffer.byteLength(field) : field.length;
}

/** A uint64, as two fields. */
export function uint64(value: number): [high: number, low: number] {
  return [Math.floor(value / 2 ** 32), value % 2 ** 32];
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Reads bytes as UTF-8; U+FFFD stands for what is none. */
export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** Reads the fields of one packet, in order. */
export class FieldReader {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Tells whether nothing more comes. */
  get ended(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** @throws {ProtocolError} If the packet ends before; so do all others here. */
  byte(): number {
    return this.#view.getUint8(this.#skip(1));
  }

  uint32(): number {
    return this.#view.getUint32(this.#skip(4));
  }

  /** Beyond 2^53 the next number that JavaScript has. */
  uint64(): number {
    return this.uint32() * 2 ** 32 + this.uint32();
  }

  /** Returns a view of the packet. */
  string(): Uint8Array<ArrayBuffer> {
    const length = this.uint32();
    const start = this.#skip(length);
    return this.#bytes.subarray(start, start + length);
  }

  #skip(bytes: number): number {
    const start = this.#at;
    if (bytes > this.#bytes.length - start) {
      throw new ProtocolError("it sends a packet that is cut off");
    }
    this.#at += bytes;
    return start;
  }
}
