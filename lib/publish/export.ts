/**
 * Copying one source file into the export, whole.
 *
 * @module
 */

import { lstatSync } from "node:fs";
import { setAttributes } from "../copy/attributes.ts";
import type { SignatureMaker } from "../delta/signature.ts";
import { createHasher } from "../digest.ts";
import { FileError } from "../errors.ts";
import type { Digest } from "../list/entry.ts";
import { Pacer } from "../pacer.ts";
import { type Timestamp, timestampFromNanoseconds } from "../timestamp.ts";
import { writeAll } from "../write-all.ts";
import type { Signatures } from "./signatures.ts";

/** What tells one state of a source from another. */
export interface SourceState {
  readonly size: number;
  readonly mtime: Timestamp;
  /** Permission bits. */
  readonly mode: number;
  readonly inode: bigint;
}

/** A source whose copy is staged. */
export interface Exported extends SourceState {
  readonly digest: Digest;
  readonly staged: string;
  /** Path of its staged signature; `null` if it gets none. */
  readonly signature: string | null;
}

/** What staging a source needs besides. */
export interface Staging {
  readonly signatures: Signatures;
  /** Hears that the source changed while it was copied. */
  onRetry(): void;
}

/** A file that changes while it is copied is copied again so many times. */
const attempts = 3;

const blockBytes = 1024 * 1024;

/** @throws {FileError} If it is not a regular file. */
export function lookAtSource(source: string): SourceState {
  const stat = lstatSync(source, { bigint: true });
  if (!stat.isFile()) {
    throw new FileError(`Cannot publish ${source}: it is no regular file`);
  }
  return {
    size: Number(stat.size),
    mtime: timestampFromNanoseconds(stat.mtimeNs),
    mode: Number(stat.mode & 0o7777n),
    inode: stat.ino,
  };
}

/**
 * Copies `source` to `staged` with its date and mode, and hashes what has arrived.
 *
 * @throws {FileError} If it cannot be read, or keeps changing.
 */
export async function stageSource(
  source: string,
  staged: string,
  { signatures, onRetry }: Staging,
): Promise<Exported> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const before = lookAtSource(source);
    const maker = signatures.begin(before.size);
    const { digest, size } = await copyAndHash(
      source,
      staged,
      before.size,
      maker,
    );
    const after = lookAtSource(source);
    if (same(before, after) && size === before.size) {
      setAttributes(staged, before);
      const signature = maker === undefined ? null : `${staged}.signature`;
      if (signature !== null) {
        signatures.stage(signature, maker!.finish(digest), before);
      }
      return { ...before, digest, staged, signature };
    }
    // It may have the mode of the source by now, which may forbid to write to it.
    Deno.removeSync(staged);
    onRetry();
  }
  throw new FileError(`Cannot publish ${source}: it keeps changing`, {
    hint: "it will be tried again in the next run",
  });
}

function same(a: SourceState, b: SourceState): boolean {
  return a.size === b.size && a.mtime === b.mtime && a.inode === b.inode;
}

/**
 * Copies a source of about `size` bytes, and sums up what has arrived. Large ones
 * the kernel copies: it shares their blocks where the file system can
 * (copy_file_range(2)).
 */
async function copyAndHash(
  source: string,
  staged: string,
  size: number,
  signature: SignatureMaker | undefined,
): Promise<{ digest: Digest; size: number }> {
  const isLarge = size >= blockBytes;
  if (isLarge) await Deno.copyFile(source, staged);
  using copy = isLarge ? undefined : Deno.openSync(staged, {
    write: true,
    create: true,
    truncate: true,
    mode: 0o600,
  });
  const pacer = new Pacer();
  const hasher = createHasher(null);
  let copied = 0;
  for (const bytes of blocksOf(isLarge ? staged : source)) {
    if (copy !== undefined) writeAll(copy, bytes);
    hasher.update(bytes);
    signature?.update(bytes);
    copied += bytes.length;
    await pacer.pause();
  }
  return { digest: hasher.digest(), size: copied };
}

/** Yields what is in a file; each piece is overwritten by the next one. */
function* blocksOf(path: string): Generator<Uint8Array> {
  const block = new Uint8Array(blockBytes);
  using file = Deno.openSync(path);
  for (let read; (read = file.readSync(block)) !== null;) {
    yield block.subarray(0, read);
  }
}
