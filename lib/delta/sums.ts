/**
 * The two sums of a block. The weak one can be moved along a file by one byte
 * at little cost, and finds what may be a block; the strong one says whether it
 * is. The idea is rsync's (A. Tridgell, "Efficient Algorithms for Sorting and
 * Synchronization", thesis, 1999, chapter 3).
 *
 * The weak sum is CRC-32, as gzip has it (RFC 1952). It is linear: what a byte
 * is worth at the start of a block can be taken off again when the block moves
 * on (M. Rabin, "Fingerprinting by random polynomials", 1981). Moved in
 * JavaScript it is nearly as quick as the sum of rsync, of a whole block it is
 * taken at the speed of memory, and it spreads better over blocks of text.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";

/** Continues the weak sum of a block over more of its bytes; it begins with 0. */
export function weakSum(bytes: Uint8Array, sum = 0): number {
  return crc32(bytes, sum >>> 0) | 0;
}

/** What each byte does to a CRC-32 that it enters. */
const entering = Int32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte;
  for (let bit = 0; bit < 8; bit++) {
    sum = (sum & 1) === 0 ? sum >>> 1 : (sum >>> 1) ^ 0xedb88320;
  }
  return sum;
});

/** Moves the weak sum of a block of one length along a file. */
export class Roller {
  readonly #length: number;
  /** What each byte is worth when it leaves, and what a block of this length begins and ends with. */
  readonly #leaving: Int32Array;

  constructor(length: number) {
    this.#length = length;
    const block = new Uint8Array(length + 1);
    const zeros = crc32(block.subarray(1));
    // CRC-32 begins with ones and ends inverted: what that adds is taken off with the byte.
    const frame = (zeros >>> 8) ^ entering[zeros & 0xff]! ^ zeros;
    const nothing = crc32(block);
    const bits = Array.from({ length: 8 }, (_, bit) => {
      block[0] = 1 << bit;
      return crc32(block) ^ nothing;
    });
    this.#leaving = Int32Array.from(
      { length: 256 },
      (_, byte) =>
        bits.reduce(
          (sum, worth, bit) => (byte >>> bit) & 1 ? sum ^ worth : sum,
          frame,
        ),
    );
  }

  /**
   * Moves on from the block at `at`, whose sum is `sum`, until `filter` lets a
   * sum through, or to the block at `end`. Returns where, and the sum there.
   */
  roll(
    bytes: Uint8Array,
    { at, end, sum }: { at: number; end: number; sum: number },
    { bits, shift }: Filter,
  ): { at: number; sum: number } {
    const length = this.#length;
    const leaving = this.#leaving;
    for (; at < end; at++) {
      const key = sum >>> shift;
      if ((bits[key >>> 5]! & (1 << key)) !== 0) break;
      sum = entering[(sum & 0xff) ^ bytes[at + length]!]! ^ (sum >>> 8) ^
        leaving[bytes[at]!]!;
    }
    return { at, sum };
  }

  /** Moves on from the block at `at` by one byte; returns the sum there. */
  step(bytes: Uint8Array, at: number, sum: number): number {
    return entering[(sum & 0xff) ^ bytes[at + this.#length]!]! ^ (sum >>> 8) ^
      this.#leaving[bytes[at]!]!;
  }
}

/** A set of sums, by their upper bits: it lets a few through that are not in it. */
export interface Filter {
  readonly bits: Int32Array;
  /** How many lower bits are left out. */
  readonly shift: number;
}

/** The strong sum of a block: the first 64 bits of its SHA-256, as two words. */
export interface StrongSum {
  readonly first: number;
  readonly second: number;
}

/** The strong sum of a block, in the making. */
export class StrongSummer {
  readonly #hash = createHash("sha256");

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  /** Called once, at the end. */
  sum(): StrongSum {
    const digest = this.#hash.digest();
    return { first: digest.readUInt32LE(0), second: digest.readUInt32LE(4) };
  }
}

/** Returns the strong sum of a block. */
export function strongSum(block: Uint8Array): StrongSum {
  const summer = new StrongSummer();
  summer.update(block);
  return summer.sum();
}
