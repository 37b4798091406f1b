/**
 * A published list, read over SFTP from where it was left.
 *
 * @module
 */

import type { ServerConfig } from "../config/config.ts";
import { UnusableError } from "../errors.ts";
import type { Cursor } from "../protocol.ts";
import { type Read, readFully, readRange } from "../ssh/read-range.ts";
import { type Handle, SftpError, type SftpSession } from "../ssh/session.ts";
import { parseHeader } from "./format.ts";

/** Where the list lies below the root of an export. */
export const listPath = ".relais/list";

/** No header is longer: the generation has at most 64 bytes. */
const headerBytes = 256;

/** How many of the last bytes known are compared to recognise a list. */
const tailBytes = 64;

/** A line longer than this breaks the format: a path has at most 4096 bytes, each written as `%XX` at worst. */
const longestLine = 16 * 1024;

/** Stands for a line that was too long to be kept; breaks the format as well. */
const tooLong = "a line of over 16 KiB";

/** A line is looked for the end of no further than this. */
const longestSkip = 16 * 1024 * 1024;

/** Requests in flight while a list is read, and the bytes of each: short strings are soon forgotten, long ones are not. */
const parallel = () => 8;
const pieceBytes = 32 * 1024;

/** Stands for the generation of a list that has none: relais did not write it. */
export const foreignGeneration = "foreign";

/** What a list is to the one a cursor was taken from. */
export type Recognition = "same" | "grown" | "shrunken" | "other";

/** Some whole lines of a list. */
export interface Lines {
  readonly lines: readonly string[];
  /** Where reading goes on after them. */
  readonly offset: number;
  readonly tail: Uint8Array;
}

/** What follows a cursor that stands at the beginning of a list. */
export const beginning = { offset: 0, tail: new Uint8Array(0) };

/** An open list. Its size is that of the moment it was opened, however it grows. */
export class RemoteList {
  readonly generation: string;
  /** Bytes. */
  readonly size: number;
  /** The heartbeat of the publisher, in seconds since the epoch; 0 if the server does not tell it. */
  readonly mtime: number;
  /** What the server did not tell of it, in words. */
  readonly untold: readonly string[];
  /** What it is to the list that the cursor given to {@link open} knows. */
  readonly recognition: Recognition;
  readonly #session: SftpSession;
  readonly #path: string;
  readonly #handle: Handle;

  private constructor(
    session: SftpSession,
    path: string,
    handle: Handle,
    facts: Facts,
  ) {
    this.#session = session;
    this.#path = path;
    this.#handle = handle;
    this.generation = facts.generation;
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
    session: SftpSession,
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
      const generation = list === null
        ? generationOf(head, session.server)
        : foreignGeneration;
      // SFTP lets a server leave attributes out, or make them up.
      const told = stat.size !== null && (stat.size > 0 || head.length === 0);
      const size = told ? stat.size! : await endOf(read, known?.offset ?? 0);
      const untold = [
        ...told ? [] : ["size"],
        ...stat.mtime === null ? ["date"] : [],
      ];
      return new RemoteList(session, path, handle, {
        generation,
        size,
        mtime: stat.mtime ?? 0,
        untold,
        recognition: recognise(known, { generation, tail, size }),
      });
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
    const session = this.#session;
    const range = {
      start: offset,
      end: this.size,
      length: pieceBytes,
      parallel,
    };
    const read: Read = (position, length) =>
      session.read(this.#handle, position, length);
    for await (const piece of readRange(read, range)) {
      const end = piece.lastIndexOf(0x0a) + 1;
      if (end === 0) {
        rest = join(rest, piece);
        if (rest.length <= longestLine) continue;
        // Nobody needs the bytes of a line that long, but for the last ones.
        skipped += rest.length - tailBytes;
        if (skipped > longestSkip) {
          throw this.#unusable(`line after byte ${offset} does not end`);
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
      throw this.#unusable(`${this.size} bytes end after ${end}`);
    }
  }

  async close(): Promise<void> {
    await this.#session.close(this.#handle);
  }

  #unusable(what: string): UnusableError {
    return new UnusableError(
      `Cannot read the list of ${this.#session.server}: its ${what}`,
      { hint: `see what writes ${this.#path} there` },
    );
  }
}

/** What is known of a list once it is open. */
type Facts = Pick<
  RemoteList,
  "generation" | "size" | "mtime" | "untold" | "recognition"
>;

/** What was opened is there, whatever the server says of it later: nobody is to take it for missing. */
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

/** Reads the first line, and as a rule more: no more than one answer, unless that is a short one. */
async function readHead(read: Read): Promise<Uint8Array> {
  const first = await read(0, headerBytes);
  if (first.length === 0 || first.includes(0x0a)) return first;
  return await readFully(read, 0, headerBytes);
}

function generationOf(head: Uint8Array, server: string): string {
  const end = head.indexOf(0x0a);
  const line = new TextDecoder().decode(
    end === -1 ? head : head.subarray(0, end),
  );
  const header = parseHeader(line);
  if ("reason" in header) {
    throw new UnusableError(
      `Cannot read the list of ${server}: ${header.reason}`,
      { hint: `see what writes ${listPath} there` },
    );
  }
  return header.value.generation;
}

function recognise(
  known: Cursor | undefined,
  list: { generation: string; tail: Uint8Array; size: number },
): Recognition {
  if (known === undefined || known.generation !== list.generation) {
    return "other";
  }
  if (list.size < known.offset) return "shrunken";
  if (!equal(known.tail, list.tail)) return "other";
  return list.size === known.offset ? "same" : "grown";
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
