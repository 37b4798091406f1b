/**
 * The signatures of what is shown, as the server has them: others fetch no more of
 * a large file from here than from there.
 *
 * @module
 */

import {
  type BlocksToCome,
  fetchSignature,
} from "../copy-list/fetch-signature.ts";
import type { Fetcher } from "../copy-list/fetch.ts";
import { Slots } from "../copy-list/window.ts";
import { leastSigned } from "../delta/least-signed.ts";
import {
  formatSignature,
  type Signature,
  signatureDirectory,
  signaturePath,
} from "../delta/signature.ts";
import { FileError } from "../errors.ts";
import { lookAt } from "../files/if-there.ts";
import { replaceFile } from "../files/replace.ts";
import type { Rights } from "../files/rights.ts";
import type { Digest, Entry } from "../list/entry.ts";
import { parseLine } from "../list/format.ts";
import { basename } from "@std/path/posix";

/** Signatures that are fetched at a time, and the requests for each. */
const together = 32;
const slots = 8;

/** Bytes of memory for them, and what each block takes: as it comes, as it is read, and as it is written. */
const mostMemory = 16 * 1024 * 1024;
const bytesPerBlock = 36;

/** A line of a file that may have a signature. */
const maySign =
  /^\d+\t\+\t[^\t]+\t[^\t]+\t\d{5,}\t[^\t]+\tsha256:[0-9a-f]{64}\t/;

/** A file whose signature is wanted. */
export type Signed = Pick<Entry, "path" | "size" | "digest">;

/** Where signatures come from, and where they go. */
export interface SignatureTools {
  /** Directory of relais in `into`. */
  readonly own: string;
  /** The export directory on the server. */
  readonly root: string;
  readonly rights: Rights;
  /** Returns what fetches from the server. */
  fetcher(): Promise<Fetcher>;
}

/** Keeps the signatures of files. */
export class KeptSignatures {
  readonly #tools: SignatureTools;
  readonly #directory: string;
  readonly #memory = new Slots(mostMemory);
  /** The largest file so far for which the server has none. */
  #unsigned = 0;

  constructor(tools: SignatureTools) {
    this.#tools = tools;
    this.#directory = `${tools.own}/${basename(signatureDirectory)}`;
  }

  /** Fetches what is missing for the files that these lines name. */
  async fetchFor(lines: Uint8Array): Promise<void> {
    const text = new TextDecoder().decode(lines);
    await this.fetch(
      text.split("\n").filter((line) => maySign.test(line))
        .flatMap((line) => {
          const parsed = parseLine(line);
          return "value" in parsed ? [parsed.value] : [];
        }),
    );
  }

  /** Fetches what is missing for these files, as far as the server has it. */
  async fetch(files: readonly Signed[]): Promise<void> {
    const missing = files.filter((file) => this.#isMissing(file));
    for (let at = 0; at < missing.length; at += together) {
      await Promise.all(
        missing.slice(at, at + together).map((file) => this.#fetch(file)),
      );
    }
  }

  /** Removes all but those of `digests`. */
  async prune(digests: () => Promise<ReadonlySet<string>>): Promise<void> {
    const names = this.#names();
    if (names.length === 0) return;
    const wanted = new Set<string>();
    for (const digest of await digests()) {
      wanted.add(basename(signaturePath(digest as Digest) ?? ""));
    }
    for (const name of names) {
      if (!wanted.has(name)) Deno.removeSync(`${this.#directory}/${name}`);
    }
  }

  #isMissing({ size, digest }: Signed): boolean {
    if (size < leastSigned || size <= this.#unsigned) return false;
    const path = this.#pathOf(digest);
    return path !== undefined && lookAt(path) === undefined;
  }

  async #fetch(file: Signed): Promise<void> {
    const { size, digest } = file;
    if (size <= this.#unsigned) return;
    let taken = 0;
    const admit = async ({ count }: BlocksToCome) => {
      const bytes = Math.min(mostMemory, count * bytesPerBlock);
      await this.#memory.take(bytes);
      taken = bytes;
    };
    try {
      const { root, fetcher } = this.#tools;
      const asked = { entry: file, root, slots };
      const signature = await fetchSignature(await fetcher(), asked, admit);
      if (signature !== undefined) this.#write(digest, signature);
      else this.#unsigned = Math.max(this.#unsigned, size);
    } catch (error) {
      // A damaged one helps nobody, and says nothing of the others.
      if (!(error instanceof FileError)) throw error;
    } finally {
      this.#memory.give(taken);
    }
  }

  #write(digest: Digest | null, signature: Signature): void {
    const { rights } = this.#tools;
    Deno.mkdirSync(this.#directory, { recursive: true });
    rights.showDirectory(this.#directory);
    const show = (path: string) => rights.showFile(path);
    replaceFile(this.#pathOf(digest)!, formatSignature(signature), show);
  }

  #pathOf(digest: Digest | null): string | undefined {
    const path = signaturePath(digest);
    return path === null ? undefined : `${this.#directory}/${basename(path)}`;
  }

  #names(): string[] {
    if (lookAt(this.#directory) === undefined) return [];
    return [...Deno.readDirSync(this.#directory)].map(({ name }) => name);
  }
}
