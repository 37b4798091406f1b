/**
 * The list that a replica shows to others, as the last pass has left it.
 *
 * @module
 */

import { lookAt, openIfThere } from "../files/if-there.ts";
import type { Cursor } from "../list/cursor.ts";
import { parseExtension, parseHeader } from "../list/format.ts";

/** Name of the list in the directory of relais. */
export const name = "list";

/** A header is no longer. */
const headerBytes = 512;

/** The last lines are looked for in so many bytes: no line has more than 16 KiB. */
const endBytes = 32 * 1024;

/** Last bytes by which another list is recognised as the same. */
const tailBytes = 64;

const lineFeed = 0x0a;

/** A list that is there. */
export interface ShownList {
  readonly generation: string;
  /** Its writer; `null` if it does not name one. */
  readonly writer: string | null;
  /** Bytes of whole lines; what follows was torn by a crash. */
  readonly size: number;
  /** The last bytes of them. */
  readonly tail: Uint8Array;
  /** Number of the last line; 0: there is none, or it cannot be read. */
  readonly seq: number;
  /** Date up to which it has all that was published, in seconds since the epoch. */
  readonly mtime: number;
}

/** Looks at the list of `directory`; `undefined` if there is none. */
export function lookAtList(directory: string): ShownList | undefined {
  const path = `${directory}/${name}`;
  // A list is no link, and nothing that waits for a writer.
  if (!lookAt(path)?.isFile) return undefined;
  using file = openIfThere(path);
  if (file === undefined) return undefined;
  const { size: length, mtime } = file.statSync();
  const head = readAt(file, 0, headerBytes);
  const [line = "", next = ""] = new TextDecoder().decode(head).split("\n");
  const header = parseHeader(line);
  const extension = parseExtension(next);
  const start = Math.max(0, length - endBytes);
  const end = readAt(file, start, endBytes);
  const whole = end.subarray(0, end.lastIndexOf(lineFeed) + 1);
  if ("reason" in header || whole.length === 0) return undefined;
  return {
    generation: header.value.generation,
    writer: extension !== undefined && "writer" in extension
      ? extension.writer
      : null,
    size: start + whole.length,
    tail: whole.slice(-tailBytes),
    seq: lastNumber(whole),
    mtime: (mtime?.getTime() ?? 0) / 1_000,
  };
}

/** Tells whether the list of `directory` has these bytes before a position. */
export function hasBefore(
  directory: string,
  { offset, tail }: Pick<Cursor, "offset" | "tail">,
): boolean {
  using file = Deno.openSync(`${directory}/${name}`);
  const there = readAt(file, offset - tail.length, tail.length);
  return there.length === tail.length &&
    there.every((byte, at) => byte === tail[at]);
}

function readAt(file: Deno.FsFile, position: number, length: number) {
  const bytes = new Uint8Array(length);
  file.seekSync(position, Deno.SeekMode.Start);
  let filled = 0;
  while (filled < length) {
    const read = file.readSync(bytes.subarray(filled));
    if (read === null) break;
    filled += read;
  }
  return bytes.subarray(0, filled);
}

function lastNumber(lines: Uint8Array): number {
  const text = new TextDecoder().decode(lines);
  const numbers = [...text.matchAll(/^(\d+)\t[+-]\t/gm)];
  return Number(numbers.at(-1)?.[1] ?? 0);
}
