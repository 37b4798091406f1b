/**
 * The signature of a file: what its blocks sum up to. Whoever has an older
 * version finds out by it which blocks of the new one are there already. The
 * format is in docs/signature-format.md.
 *
 * @module
 */

import type { Parsed } from "../text/parsed.ts";
import { ownDirectory } from "../list/path.ts";
import { createHash } from "node:crypto";
import type { Digest } from "../list/entry.ts";
import { StrongSummer, weakSum } from "./sums.ts";

/** A signature, read or about to be written. */
export interface Signature {
  /** Bytes of the file. */
  readonly size: number;
  readonly digest: Digest;
  /** Bytes of each block but the last, which may be shorter. */
  readonly blockSize: number;
  /** The weak sum of each block. */
  readonly weak: Int32Array;
  /** The strong sum of each block, in two words. */
  readonly strong: Uint32Array;
}

/** The file that a signature is expected to be of. */
export type Signed = Pick<Signature, "size" | "digest">;

const magic = "relaisig";
const version = 1;

/** Where the parts of the header lie. */
const header = { version: 8, blockSize: 12, size: 16, blocks: 24, digest: 32 };

/** Bytes of a header. */
export const headerBytes = 64;
const checkBytes = 32;
const weakBytes = 4;
const strongBytes = 8;

/** Limits of a block, in bytes, and of the number of blocks: they bound the memory of a reader. */
const leastBlock = 512;
const mostBlock = 16 * 1024 * 1024;
export const mostBlocks = 2 ** 20;

/** Blocks begin at pages, as the records of many files do. */
const page = 4_096;

/**
 * Returns the size of the blocks of a file: the square root of its size, at
 * which a changed byte costs about what a further block does, in whole pages.
 * `undefined` if the file is too large for a signature.
 */
export function blockSizeOf(size: number): number | undefined {
  const pages = Math.max(
    1,
    Math.round(Math.sqrt(size) / page),
    Math.ceil(size / mostBlocks / page),
  );
  return pages * page <= mostBlock ? pages * page : undefined;
}

/** Returns how many blocks a file has. */
export function countBlocks(
  { size, blockSize }: Pick<Signature, "size" | "blockSize">,
): number {
  return Math.ceil(size / blockSize);
}

/** Where the signature of a file lies in an export, by the digest of its contents; `null` if it cannot have one. */
export function signaturePath(digest: Digest | null): string | null {
  const [algorithm, hex] = digest?.split(":") ?? [];
  return algorithm === "sha256" ? `${signatureDirectory}/${hex}` : null;
}

/** Where all signatures of an export lie. */
export const signatureDirectory = `${ownDirectory}/signatures`;

/** Returns the bytes of a signature whose file has so many blocks. */
export function signatureBytes(blocks: number): number {
  return headerBytes + blocks * (weakBytes + strongBytes) + checkBytes;
}

/** Makes the signature of a file that is read from its start to its end. */
export class SignatureMaker {
  readonly #size: number;
  readonly #blockSize: number;
  readonly #weak: Int32Array;
  readonly #strong: Uint32Array;
  #blocks = 0;
  /** Of the block under way. */
  #sum = 0;
  #summer = new StrongSummer();
  #filled = 0;

  /** Begins the signature of a file of `size` bytes. */
  constructor(size: number, blockSize: number) {
    this.#size = size;
    this.#blockSize = blockSize;
    const blocks = countBlocks({ size, blockSize });
    this.#weak = new Int32Array(blocks);
    this.#strong = new Uint32Array(2 * blocks);
  }

  update(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const piece = bytes.subarray(at, at + this.#blockSize - this.#filled);
      this.#sum = weakSum(piece, this.#sum);
      this.#summer.update(piece);
      this.#filled += piece.length;
      at += piece.length;
      if (this.#filled === this.#blockSize) this.#endBlock();
    }
  }

  /** Ends it. A file that had another size than it began with has a signature that no reader takes. */
  finish(digest: Digest): Signature {
    if (this.#filled > 0) this.#endBlock();
    return {
      size: this.#size,
      digest,
      blockSize: this.#blockSize,
      weak: this.#weak,
      strong: this.#strong,
    };
  }

  #endBlock(): void {
    const { first, second } = this.#summer.sum();
    this.#weak[this.#blocks] = this.#sum;
    this.#strong[2 * this.#blocks] = first;
    this.#strong[2 * this.#blocks + 1] = second;
    this.#blocks++;
    this.#sum = 0;
    this.#summer = new StrongSummer();
    this.#filled = 0;
  }
}

/** Writes a signature as bytes. */
export function formatSignature(signature: Signature): Uint8Array {
  const { size, digest, blockSize, weak, strong } = signature;
  const bytes = new Uint8Array(signatureBytes(weak.length));
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(magic));
  view.setUint32(header.version, version, true);
  view.setUint32(header.blockSize, blockSize, true);
  view.setBigUint64(header.size, BigInt(size), true);
  view.setBigUint64(header.blocks, BigInt(weak.length), true);
  bytes.set(hexBytes(digest), header.digest);
  for (let block = 0; block < weak.length; block++) {
    view.setInt32(headerBytes + weakBytes * block, weak[block]!, true);
  }
  const at = headerBytes + weakBytes * weak.length;
  for (let word = 0; word < strong.length; word++) {
    view.setUint32(at + 4 * word, strong[word]!, true);
  }
  bytes.set(checkOf(bytes), bytes.length - checkBytes);
  return bytes;
}

/** Reads the header of the signature of `signed`, and tells how long the whole is, which has limits. */
export function parseHeader(
  bytes: Uint8Array,
  signed: Signed,
): Parsed<{ readonly blockSize: number; readonly length: number }> {
  if (bytes.length < headerBytes) return { reason: "it is cut" };
  const view = new DataView(bytes.buffer, bytes.byteOffset, headerBytes);
  if (new TextDecoder().decode(bytes.subarray(0, magic.length)) !== magic) {
    return { reason: "it is not a signature" };
  }
  const found = view.getUint32(header.version, true);
  if (found !== version) return { reason: `it is of version ${found}` };
  const blockSize = view.getUint32(header.blockSize, true);
  if (blockSize < leastBlock || blockSize > mostBlock) {
    return { reason: `its blocks have ${blockSize} bytes` };
  }
  const ofAnother = view.getBigUint64(header.size, true) !==
      BigInt(signed.size) ||
    hexBytes(signed.digest).some((byte, index) =>
      byte !== bytes[header.digest + index]
    );
  if (ofAnother) return { reason: "it is of another file" };
  const blocks = countBlocks({ size: signed.size, blockSize });
  const told = view.getBigUint64(header.blocks, true);
  if (told !== BigInt(blocks) || blocks > mostBlocks) {
    return { reason: `it tells of ${told} blocks` };
  }
  return { value: { blockSize, length: signatureBytes(blocks) } };
}

/** Reads the signature of `signed`. */
export function parseSignature(
  bytes: Uint8Array,
  signed: Signed,
): Parsed<Signature> {
  const parsed = parseHeader(bytes, signed);
  if ("reason" in parsed) return parsed;
  const { blockSize, length } = parsed.value;
  if (bytes.length < length) return { reason: "it is cut" };
  if (bytes.length > length) return { reason: "it is too long" };
  const check = bytes.subarray(length - checkBytes);
  if (!checkOf(bytes).equals(check)) return { reason: "it is damaged" };
  const blocks = countBlocks({ size: signed.size, blockSize });
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  const weak = new Int32Array(blocks);
  const strong = new Uint32Array(2 * blocks);
  for (let block = 0; block < blocks; block++) {
    weak[block] = view.getInt32(headerBytes + weakBytes * block, true);
  }
  const at = headerBytes + weakBytes * blocks;
  for (let word = 0; word < strong.length; word++) {
    strong[word] = view.getUint32(at + 4 * word, true);
  }
  return { value: { ...signed, blockSize, weak, strong } };
}

/** SHA-256 of all but the last 32 bytes. */
function checkOf(bytes: Uint8Array) {
  return createHash("sha256")
    .update(bytes.subarray(0, bytes.length - checkBytes)).digest();
}

function hexBytes(digest: Digest): Uint8Array {
  return Uint8Array.fromHex(digest.slice(digest.indexOf(":") + 1));
}
