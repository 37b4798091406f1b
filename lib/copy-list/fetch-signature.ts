/**
 * Fetching the signature of a file that a server publishes.
 *
 * @module
 */

import type { Parsed } from "../text/parsed.ts";
import {
  blockSizeOf,
  countBlocks,
  parseHeader,
  parseSignature,
  type Signature,
  signatureBytes,
  signaturePath,
} from "../delta/signature.ts";
import { FileError } from "../errors.ts";
import type { Wanted } from "../files/wanted.ts";
import type { Fetcher } from "./fetch.ts";

/** A file, and where the server has it. */
export interface Asked {
  readonly entry: Wanted;
  /** The export directory on the server. */
  readonly root: string;
  /** How much may be under way; see {@link Fetcher.slotsFor}. */
  readonly slots: number;
}

/** The part of it that a signature is of. */
type AskedFor = Omit<Asked, "entry"> & {
  readonly entry: Pick<Wanted, "path" | "size" | "digest">;
};

/** The blocks of a signature that is about to be fetched. */
export interface BlocksToCome {
  readonly count: number;
  readonly blockSize: number;
}

/**
 * Fetches the signature of a version; `undefined` if the server has none.
 * No more is read than a sound signature of that file is long.
 *
 * @param admit Waits until there is memory for so many blocks.
 * @throws {FileError} If it cannot be used.
 */
export async function fetchSignature(
  fetcher: Fetcher,
  { entry: { path, size, digest }, root, slots }: AskedFor,
  admit: (blocks: BlocksToCome) => Promise<void>,
): Promise<Signature | undefined> {
  const below = signaturePath(digest);
  const blockSize = blockSizeOf(size);
  if (digest === null || below === null || blockSize === undefined) return;
  const signed = { size, digest };
  const usual = signatureBytes(countBlocks({ size, blockSize }));
  const asked = Math.min(usual, fetcher.mostAtOnce);
  const first = await fetchFirst(fetcher, `${root}/${below}`, asked);
  if (first === undefined) return undefined;
  const header = sound(parseHeader(first, signed), path);
  const { length } = header;
  await admit({
    count: countBlocks({ size, blockSize: header.blockSize }),
    blockSize: header.blockSize,
  });
  const bytes = new Uint8Array(length + 1);
  bytes.set(first.subarray(0, bytes.length));
  let filled = Math.min(first.length, bytes.length);
  if (first.length > asked) {
    // One byte more than a sound one has tells that it is longer.
    const rest = [{ start: filled, end: bytes.length }];
    const pieces = fetcher.fetchRanges(`${root}/${below}`, rest, slots);
    for await (const piece of pieces) {
      bytes.set(piece, filled);
      filled += piece.length;
    }
  }
  return sound(parseSignature(bytes.subarray(0, filled), signed), path);
}

/** Fetches so many bytes, and one more if there are more; `undefined` if there is no file. */
async function fetchFirst(
  fetcher: Fetcher,
  path: string,
  bytes: number,
): Promise<Uint8Array | undefined> {
  try {
    return await fetcher.fetchSmall(path, bytes, false);
  } catch (error) {
    if (error instanceof FileError) return undefined;
    throw error;
  }
}

function sound<Value>(parsed: Parsed<Value>, path: string): Value {
  if ("value" in parsed) return parsed.value;
  throw new FileError(
    `Cannot use the signature of ${path}: ${parsed.reason}`,
    { hint: 'run "relais publish --once --verify" on the server' },
  );
}
