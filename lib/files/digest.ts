/**
 * The digests a list can carry.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Digest } from "../list/entry.ts";

/** A digest in the making. */
export interface Hasher {
  update(bytes: Uint8Array): void;
  /** Returns the digest as a list writes it; called once, at the end. */
  digest(): Digest;
}

/** Makes a hasher of the algorithm that `like` was made with; SHA-256 if there is nothing to compare with. */
export function createHasher(like: Digest | null): Hasher {
  return like?.startsWith("cksum:") ? new Cksum() : new Sha256();
}

/** SHA-256, FIPS 180-4. */
class Sha256 implements Hasher {
  readonly #hash = createHash("sha256");

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  digest(): Digest {
    return `sha256:${this.#hash.digest("hex")}`;
  }
}

/** The checksum of POSIX `cksum`: a CRC over the contents, then over their length. */
class Cksum implements Hasher {
  #crc = 0;
  #length = 0;

  update(bytes: Uint8Array): void {
    let crc = this.#crc;
    for (const byte of bytes) crc = step(crc, byte);
    this.#crc = crc;
    this.#length += bytes.length;
  }

  digest(): Digest {
    let crc = this.#crc;
    for (let left = this.#length; left > 0; left = Math.floor(left / 256)) {
      crc = step(crc, left % 256);
    }
    return `cksum:${~crc >>> 0}`;
  }
}

const polynomial = 0x04c11db7;

const table = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) {
    crc = crc < 0 ? (crc << 1) ^ polynomial : crc << 1;
  }
  return crc;
});

function step(crc: number, byte: number): number {
  return (crc << 8) ^ table[(crc >>> 24) ^ byte]!;
}
