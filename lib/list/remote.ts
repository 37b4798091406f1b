/**
 * A published list, read over SFTP from where it was left.
 *
 * @module
 */

import { ownDirectory } from "./path.ts";
import type { ServerConfig } from "../config/config.ts";
import { UnusableError } from "../errors.ts";
import { type Cursor, foreignGeneration } from "./cursor.ts";
import {
  type Range,
  type Read,
  readFully,
  readRange,
} from "../ssh/read-range.ts";
import type { Handle } from "../ssh/session.ts";
import type { SessionRequests } from "../ssh/session-requests.ts";
import { SftpError } from "../ssh/sftp-error.ts";
import {
  isExtension,
  parseExtension,
  parseHeader,
  type Provenance,
} from "./format.ts";

/** Path of the list below the root of an export. */
export const listPath = `${ownDirectory}/list`;

/** The header, and as a rule the extensions that say where the list comes from. */
const headerBytes = 512;

/** No header is longer with them: it names 16 ancestors at most, by 64 bytes and a number each. */
const longestHeader = 2_048;

/** Number of the last known bytes that are compared to recognise a list. */
export const tailBytes = 64;

/** A line longer than this breaks the format: a path has at most 4096 bytes, each written as `%XX` at worst. */
const longestLine = 16 * 1024;

/** Stands for a line that was too long to be kept; breaks the format as well. */
const tooLong = "a line of over 16 KiB";

/** A line is looked for the end of no further than this. */
const longestSkip = 16 * 1024 * 1024;

/** Requests in flight while a list is read, and the bytes of each: short strings are soon forgotten, long ones are not. */
const parallel = () => 8;
const pieceBytes = 32 * 1024;

/**
 * A list that was changed so short a time before it was read may change again
 * within the same second, and SFTP tells no finer date. Seconds.
 */
const unsettled = 3;

/** Relation of a list to the one from which a cursor was taken. */
export type Recognition = "same" | "grown" | "shrunken" | "other";

/** Some whole lines of a list. */
export interface Lines {
  readonly lines: readonly string[];
  /** Offset at which reading continues after them. */
  readonly offset: number;
  readonly tail: Uint8Array;
}

/** Cursor at the beginning of a list. */
export const beginning = { offset: 0, tail: new Uint8Array(0) };

/** An open list. Its size is that of the moment it was opened, however it grows. */
export class RemoteList {
  readonly provenance: Provenance;
  /** True if it only ever grows; else it is rewritten. */
  readonly grows: boolean;
  /** Bytes. */
  readonly size: number;
  /** The heartbeat of the publisher, in seconds since the epoch; 0 if the server does not tell it. */
  readonly mtime: number;
  /** Properties that the server did not report, in words. */
  readonly untold: readonly string[];
  /** Relation to the list that the cursor given to {@link open} knows. */
  readonly recognition: Recognition;
  readonly #session: SessionRequests;
  readonly #path: string;
  readonly #handle: Handle;

  private constructor(
    session: SessionRequests,
    path: string,
    handle: Handle,
    facts: Facts & Pick<RemoteList, "recognition">,
  ) {
    this.#session = session;
    this.#path = path;
    this.#handle = handle;
    this.provenance = facts.provenance;
    this.grows = facts.grows;
    this.size = facts.size;
    this.mtime = facts.mtime;
    this.untold = facts.untold;
    this.recognition = facts.recognition;
  }

  /**
   * Opens the list of a server and recognises it, in two round
   * trips. What tells a list that was replaced from one that was only touched
   * is its header and the bytes before the cursor.
   *
   * @throws {SftpError} If there is none, or it cannot be read.
   * @throws {UnusableError} If it is not a list.
   */
  static async open(
    session: SessionRequests,
    { root, list }: Pick<ServerConfig, "root" | "list">,
    known?: Cursor,
  ): Promise<RemoteList> {
    const path = list?.path ?? `${root}/${listPath}`;
    const handle = await session.open(path);
    try {
      const tailLength = known?.tail.length ?? 0;
      const read: Read = (position, length) =>
        session.read(handle, position, length);
      const [stat, head, tail] = await Promise.all([
        session.fstat(handle),
        readHead(read),
        known === undefined
          ? new Uint8Array(0)
          : readFully(read, known.offset - tailLength, tailLength),
      ]);
      // SFTP lets a server leave attributes out, or make them up.
      const told = stat.size !== null && (stat.size > 0 || head.length === 0);
      const facts = {
        provenance: list === null
          ? provenanceOf(head, session.server)
          : ofForeignList,
        grows: list === null || list.grows,
        size: told ? stat.size! : await endOf(read, known?.offset ?? 0),
        mtime: stat.mtime ?? 0,
        untold: [
          ...told ? [] : ["size"],
          ...stat.mtime === null ? ["date"] : [],
        ],
      };
      const recognition = recognise(known, tail, facts);
      return new RemoteList(session, path, handle, { ...facts, recognition });
    } catch (error) {
      await session.close(handle).catch(
        () => {/* the first error tells more */},
      );
      throw afterOpening(error, session.server);
    }
  }

  /**
   * Yields the whole lines from `from` on. A last line without LF is left for the next time.
   *
   * @throws {SftpError} If the list cannot be read any further.
   * @throws {UnusableError} If it ends before it should, or a line never ends.
   */
  async *read(from: Pick<Cursor, "offset" | "tail">): AsyncGenerator<Lines> {
    const decoder = new TextDecoder();
    let { offset, tail } = from;
    let rest = new Uint8Array(0);
    /** Bytes of the line that is too long to be kept. */
    let skipped = 0;
    const range = { start: offset, end: this.size };
    for await (const piece of this.bytes(range)) {
      const end = piece.lastIndexOf(0x0a) + 1;
      if (end === 0) {
        rest = join(rest, piece);
        if (rest.length <= longestLine) continue;
        // Nobody needs the bytes of a line that long, but for the last ones.
        skipped += rest.length - tailBytes;
        if (skipped > longestSkip) {
          throw this.#unusable(
            `line at byte ${offset} is longer than ${longestSkip} bytes`,
          );
        }
        rest = rest.slice(-tailBytes);
        continue;
      }
      const bytes = join(rest, piece.subarray(0, end));
      rest = piece.slice(end);
      offset += skipped + bytes.length;
      tail = join(tail, bytes).slice(-tailBytes);
      const lines = decoder.decode(bytes).split("\n");
      lines.pop();
      if (skipped > 0) lines[0] = tooLong;
      skipped = 0;
      yield { lines, offset, tail };
    }
    const end = offset + skipped + rest.length;
    if (end < this.size) {
      throw this.#unusable(
        `size is ${this.size} bytes, but only ${end} bytes arrive`,
      );
    }
  }

  /** Tells whether the bytes before a position in some list are the same in this one. */
  async has({ offset, tail }: Pick<Cursor, "offset" | "tail">): Promise<
    boolean
  > {
    if (this.size < offset) return false;
    const there = await readFully(
      this.#read,
      offset - tail.length,
      tail.length,
    );
    return equal(tail, there);
  }

  /**
   * Yields the bytes of `[start, end)` as they are.
   *
   * @throws {SftpError} If the list cannot be read any further.
   */
  bytes({ start, end }: Range): AsyncGenerator<Uint8Array> {
    const range = { start, end, length: pieceBytes, parallel };
    return readRange(this.#read, range);
  }

  async close(): Promise<void> {
    await this.#session.close(this.#handle);
  }

  get #read(): Read {
    return (position, length) =>
      this.#session.read(this.#handle, position, length);
  }

  #unusable(what: string): UnusableError {
    return new UnusableError(
      `Cannot read the list of ${this.#session.server}: its ${what}`,
      { hint: `correct the program that writes ${this.#path} there` },
    );
  }
}

/** Translates an error after opening: the list exists, so nobody may take it for missing. */
function afterOpening(error: unknown, server: string): unknown {
  if (!(error instanceof SftpError)) return error;
  return new UnusableError(
    `Cannot read the list of ${server}: ${error.reason}`,
    { cause: error, hint: "check the file system and the SFTP server there" },
  );
}

/** No file of SFTP is longer. */
const longestFile = Number.MAX_SAFE_INTEGER;

/** Finds the end of a file by reading, in steps that double from where it ended last time. */
async function endOf(read: Read, guess: number): Promise<number> {
  const reaches = async (end: number) =>
    end === 0 || (await read(end - 1, 1)).length > 0;
  let [least, most] = await reaches(guess)
    ? [guess, longestFile]
    : [0, guess - 1];
  for (let step = pieceBytes; least + step < most; step *= 2) {
    if (!await reaches(least + step)) {
      most = least + step - 1;
      break;
    }
    least += step;
  }
  while (least < most) {
    const middle = least + Math.ceil((most - least) / 2);
    if (await reaches(middle)) least = middle;
    else most = middle - 1;
  }
  return least;
}

/** Reads the first line and the extensions after it: by one answer, unless that is a short one, or there are many. */
async function readHead(read: Read): Promise<Uint8Array> {
  const first = await read(0, headerBytes);
  if (first.length === 0 || hasWholeHeader(first)) return first;
  return await readFully(read, 0, longestHeader);
}

/** Tells whether a line begins after the header that is no extension. */
function hasWholeHeader(head: Uint8Array): boolean {
  for (let end = head.indexOf(0x0a); end !== -1;) {
    const next = head[end + 1];
    if (next === undefined) return false;
    if (next !== extensionMark) return true;
    end = head.indexOf(0x0a, end + 1);
  }
  return false;
}

/** `#` */
const extensionMark = 0x23;

const ofForeignList: Provenance = {
  generation: foreignGeneration,
  writer: null,
  from: [],
  carried: 0,
};

/** Reads the header, and the extensions that come right after it. */
function provenanceOf(head: Uint8Array, server: string): Provenance {
  const [line = "", ...others] = new TextDecoder().decode(head).split("\n");
  const header = parseHeader(line);
  if ("reason" in header) {
    throw new UnusableError(
      `Cannot read the list of ${server}: ${header.reason}`,
      { hint: `correct the program that writes ${listPath} there` },
    );
  }
  const { generation } = header.value;
  let provenance: Provenance = { ...ofForeignList, generation };
  // The last one may be cut off.
  for (const other of others.slice(0, -1)) {
    const extension = isExtension(other) ? parseExtension(other) : undefined;
    if (extension === undefined) break;
    // What a list took over counts only where it says who writes.
    if (provenance.writer === null && !("writer" in extension)) break;
    provenance = "from" in extension
      ? { ...provenance, from: [...provenance.from, extension.from] }
      : { ...provenance, ...extension };
  }
  return provenance;
}

/** Properties of an open list. */
type Facts = Pick<
  RemoteList,
  "provenance" | "grows" | "size" | "mtime" | "untold"
>;

function recognise(
  known: Cursor | undefined,
  tail: Uint8Array,
  { provenance: { generation }, grows, size, mtime }: Facts,
): Recognition {
  if (known === undefined || known.generation !== generation) return "other";
  if (!grows && known.modified !== mtime) return "other";
  if (size < known.offset) return "shrunken";
  if (!equal(known.tail, tail)) return "other";
  // One that is rewritten and has the same date is what it was, even if its last line has no end.
  return size === known.offset || !grows ? "same" : "grown";
}

/** Returns by which date a list is recognised that is read now, one that is rewritten; `null` if by none. */
export function datedWhenRead(
  { mtime }: Pick<RemoteList, "mtime">,
): number | null {
  const isUntold = mtime === 0;
  return isUntold || mtime > Date.now() / 1_000 - unsettled ? null : mtime;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
