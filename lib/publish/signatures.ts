/**
 * The signatures of an export: see docs/signature-format.md.
 *
 * @module
 */

import {
  blockSizeOf,
  formatSignature,
  type Signature,
  signatureDirectory,
  SignatureMaker,
  signaturePath,
} from "../delta/signature.ts";
import { setAttributes } from "../files/attributes.ts";
import type { Digest } from "../list/entry.ts";

/** Puts signatures beside the list, and takes them away again. */
export class Signatures {
  readonly #into: string;
  readonly #directory: string;
  readonly #least: number;

  /** @param least Bytes of the smallest file that gets one. */
  constructor(into: string, least: number) {
    this.#into = into;
    this.#directory = `${into}/${signatureDirectory}`;
    this.#least = least;
  }

  /** Begins the signature of a file of `size` bytes, if it gets one. */
  begin(size: number): SignatureMaker | undefined {
    const blockSize = size < this.#least ? undefined : blockSizeOf(size);
    return blockSize === undefined
      ? undefined
      : new SignatureMaker(size, blockSize);
  }

  /** Writes a signature to `staged`, for those who may read its file. */
  stage(
    staged: string,
    signature: Signature,
    rights: Parameters<typeof setAttributes>[1],
  ): void {
    Deno.writeFileSync(staged, formatSignature(signature));
    setAttributes(staged, rights);
  }

  /** Renames a staged signature to the name that readers look for. */
  place(staged: string, digest: Digest): void {
    // Made when first needed: an export of small files has none.
    Deno.mkdirSync(this.#directory, { recursive: true });
    Deno.chmodSync(this.#directory, 0o755);
    Deno.renameSync(staged, `${this.#into}/${signaturePath(digest)}`);
  }

  /** Removes the signatures of all contents but those of `digests`. */
  prune(digests: Iterable<Digest | null>): void {
    const names = this.#names();
    if (names.length === 0) return;
    const wanted = new Set<string | null>();
    for (const digest of digests) wanted.add(signaturePath(digest));
    for (const name of names) {
      const path = `${signatureDirectory}/${name}`;
      if (!wanted.has(path)) Deno.removeSync(`${this.#into}/${path}`);
    }
  }

  #names(): string[] {
    try {
      return [...Deno.readDirSync(this.#directory)].map(({ name }) => name);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }
}
