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
 * Copies `source` to `staged` with its date and mode, hashing it on the way.
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
    const { digest, size } = await copyAndHash(source, staged, maker);
    const after = lookAtSource(source);
    if (same(before, after) && size === before.size) {
      setAttributes(staged, before);
      const signature = maker === undefined ? null : `${staged}.signature`;
      if (signature !== null) {
        signatures.stage(signature, maker!.finish(digest), before);
      }
      return { ...before, digest, staged, signature };
    }
    onRetry();
  }
  throw new FileError(`Cannot publish ${source}: it keeps changing`, {
    hint: "it will be tried again in the next run",
  });
}

function same(a: SourceState, b: SourceState): boolean {
  return a.size === b.size && a.mtime === b.mtime && a.inode === b.inode;
}

async function copyAndHash(
  source: string,
  staged: string,
  signature: SignatureMaker | undefined,
): Promise<{ digest: Digest; size: number }> {
  const pacer = new Pacer();
  const hasher = createHasher(null);
  const block = new Uint8Array(blockBytes);
  let size = 0;
  using from = Deno.openSync(source);
  using to = Deno.openSync(staged, {
    write: true,
    create: true,
    truncate: true,
    mode: 0o600,
  });
  for (let read; (read = from.readSync(block)) !== null;) {
    const bytes = block.subarray(0, read);
    hasher.update(bytes);
    signature?.update(bytes);
    writeAll(to, bytes);
    size += read;
    await pacer.pause();
  }
  return { digest: hasher.digest(), size };
}
