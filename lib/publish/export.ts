/**
 * Copying one source file into the export, whole.
 *
 * @module
 */

import { removeIfThere } from "../files/if-there.ts";
import { readSync } from "node:fs";
import {
  type Timestamp,
  timestampFromMilliseconds,
} from "../text/timestamp.ts";
import { setAttributes } from "../files/attributes.ts";
import type { SignatureMaker } from "../delta/signature.ts";
import { createHasher } from "../files/digest.ts";
import { FileError } from "../errors.ts";
import type { Digest } from "../list/entry.ts";
import { Pacer } from "../worker/pacer.ts";
import { writeAll } from "../files/write-all.ts";
import { NoRoomError, Space } from "../files/space.ts";
import type { Signatures } from "./signatures.ts";
import {
  type OpenSource,
  sameState,
  type Sources,
  type SourceState,
} from "./sources.ts";

/** A source whose copy is staged. */
export interface Exported extends Pick<SourceState, "size" | "mode"> {
  readonly mtime: Timestamp;
  readonly digest: Digest;
  readonly staged: string;
  /** Path of its staged signature; `null` if it gets none. */
  readonly signature: string | null;
}

/** A file that changes while it is copied is copied again so many times. */
const attempts = 3;

const blockBytes = 1024 * 1024;

/** Copies sources, one at a time. */
export class Exporter {
  readonly #sources: Sources;
  readonly #signatures: Signatures;
  readonly #into: string;
  readonly #space: Space;
  readonly #block = new Uint8Array(blockBytes);

  /** @param into Where there must be room. */
  constructor(sources: Sources, signatures: Signatures, into: string) {
    this.#sources = sources;
    this.#signatures = signatures;
    this.#into = into;
    this.#space = new Space(into);
  }

  /**
   * Copies the source under `path` to `staged` with its date and mode, and hashes
   * what has arrived. `onRetry` hears that it changed while it was copied.
   *
   * @throws {FileError} If it cannot be read, or keeps changing.
   * @throws {NoRoomError} If it does not fit.
   */
  async stage(
    path: string,
    staged: string,
    onRetry: () => void,
  ): Promise<Exported> {
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const exported = await this.#attempt(path, staged);
      if (exported !== undefined) return exported;
      onRetry();
    }
    throw new FileError(
      "it changes while it is copied",
      { hint: "the next run tries again" },
    );
  }

  /** Copies a source; returns `undefined` if it changed meanwhile. */
  async #attempt(path: string, staged: string): Promise<Exported | undefined> {
    const before = this.#sources.look(path);
    using source = this.#sources.open(path, before);
    if (source === undefined) return undefined;
    try {
      const maker = this.#signatures.begin(before.size);
      const { digest, size } = await this.#copy(path, source, {
        staged,
        size: before.size,
        maker,
      });
      // What is under the path is what is open, or the source has changed.
      if (
        size === before.size && sameState(this.#sources.look(path), before)
      ) {
        const mtime = timestampFromMilliseconds(before.modified);
        const { mode } = before;
        setAttributes(staged, { mtime, mode });
        const signature = maker === undefined ? null : `${staged}.signature`;
        if (signature !== null) {
          this.#signatures.stage(signature, maker!.finish(digest), {
            mtime,
            mode,
          });
        }
        return { size, mtime, mode, digest, staged, signature };
      }
    } catch (error) {
      forget(staged);
      throw isFull(error) ? noRoom(this.#into, error) : error;
    }
    // It may have the mode of the source by now, which may forbid to write to it.
    forget(staged);
    return undefined;
  }

  /**
   * Copies a source of about `size` bytes, and sums up what has arrived. Large
   * ones the kernel copies: it shares their blocks where the file system can
   * (copy_file_range(2)). It does so by path, so only where nobody can put
   * another file there.
   */
  async #copy(
    path: string,
    source: OpenSource,
    { staged, size, maker }: Copying,
  ): Promise<{ digest: Digest; size: number }> {
    const byKernel = size >= blockBytes && this.#sources.isOurs(path);
    if (byKernel) await this.#copyByKernel(path, staged);
    const claim = byKernel ? undefined : this.#space.claim(size, newFiles);
    using _ = { [Symbol.dispose]: () => claim && this.#space.release(claim) };
    using copy = Deno.openSync(
      staged,
      byKernel
        ? { read: true }
        : { write: true, create: true, truncate: true, mode: 0o600 },
    );
    const pacer = new Pacer();
    const hasher = createHasher(null);
    let copied = 0;
    // One that has grown is copied again: it need not be followed to its end.
    for (let isAtEnd = false; !isAtEnd && copied <= size;) {
      // What is read into is filled with zeros first: no more than it takes.
      const length = Math.min(blockBytes, Math.max(0, size - copied) + 1);
      const read = byKernel
        ? copy.readSync(this.#block.subarray(0, length)) ?? 0
        : readSync(source.file, this.#block, 0, length, null);
      if (read === 0) break;
      // A regular file gives less than it is asked for at its end alone.
      isAtEnd = read < length;
      const bytes = this.#block.subarray(0, read);
      if (!byKernel) writeAll(copy, bytes);
      hasher.update(bytes);
      maker?.update(bytes);
      copied += read;
      await pacer.pause();
    }
    return { digest: hasher.digest(), size: copied };
  }

  /** Checks for room afterwards: a copy that shares its blocks takes none. */
  async #copyByKernel(path: string, staged: string): Promise<void> {
    await Deno.copyFile(this.#sources.placeOf(path), staged);
    new Space(this.#into).claim(1);
  }
}

/** Tells whether a disk is full, or its quota is used up. */
export function isFull(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code === "ENOSPC" || code === "EDQUOT";
}

function noRoom(into: string, cause: unknown): NoRoomError {
  return new NoRoomError(`Cannot write to ${into}: its disk is full`, {
    cause,
    hint: "free some space there; the next run publishes the rest",
  });
}

/** The copy, and its signature. */
const newFiles = 2;

/** Target, size and signature of a source that is copied. */
interface Copying {
  readonly staged: string;
  readonly size: number;
  readonly maker: SignatureMaker | undefined;
}

function forget(staged: string): void {
  removeIfThere(staged);
  removeIfThere(`${staged}.signature`);
}
