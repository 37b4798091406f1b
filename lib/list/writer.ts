/**
 * The writing end of a list: append-only, one write a line.
 *
 * @module
 */

import { LocalError } from "../errors.ts";
import { type Timestamp, timestampFromMilliseconds } from "../timestamp.ts";
import type { Entry } from "./entry.ts";
import {
  formatHeader,
  formatLine,
  isExtension,
  parseHeader,
  parseLine,
} from "./format.ts";

/** Where the list lies in an export, and beside it. */
const name = "list";

/** Appends to the list in `directory`, which its caller has locked. */
export class ListWriter implements Disposable {
  readonly generation: string;
  /** The last `+` entry of each path that was not withdrawn since. */
  readonly live: ReadonlyMap<string, Entry>;
  /** What was wrong with the list, and has been mended. */
  readonly mended: readonly string[];
  readonly #path: string;
  readonly #file: Deno.FsFile;
  readonly #live: Map<string, Entry>;
  #seq: number;

  private constructor(path: string, found: Found) {
    this.#path = path;
    this.generation = found.generation;
    this.mended = found.mended;
    this.#live = found.live;
    this.live = this.#live;
    this.#seq = found.seq;
    this.#file = Deno.openSync(path, { append: true });
  }

  /**
   * Opens the list, makes one if there is none, and mends a last line that was
   * torn by a crash.
   *
   * @throws {LocalError} If it cannot be used.
   */
  static open(directory: string): ListWriter {
    const path = `${directory}/${name}`;
    try {
      return new ListWriter(path, find(path));
    } catch (cause) {
      throw new LocalError(
        `Cannot use the list ${path}: ${(cause as Error).message}`,
        {
          cause,
          hint: "see its directory and its disk",
        },
      );
    }
  }

  /** Appends one line by one write. What it names must be complete, and durable. */
  append(entry: Omit<Entry, "seq" | "published">): void {
    const published: Timestamp = timestampFromMilliseconds(Date.now());
    const line: Entry = { ...entry, seq: ++this.#seq, published };
    this.#write(new TextEncoder().encode(formatLine(line)));
    if (entry.op === "+") this.#live.set(entry.path, line);
    else this.#live.delete(entry.path);
  }

  /** One write, or none: on a full disk it may be short. */
  #write(line: Uint8Array): void {
    const { size } = this.#file.statSync();
    if (this.#file.writeSync(line) === line.length) return;
    this.#file.truncateSync(size);
    throw new LocalError(
      `Cannot append to the list ${this.#path}: its disk is full`,
      { hint: "make room there; the next run goes on" },
    );
  }

  /** Makes what was appended durable. */
  sync(): void {
    this.#file.syncDataSync();
  }

  /** Sets the date of the list to now: the publisher lives. */
  heartbeat(): void {
    const now = new Date();
    Deno.utimeSync(this.#path, now, now);
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

interface Found {
  readonly generation: string;
  readonly live: Map<string, Entry>;
  readonly seq: number;
  readonly mended: readonly string[];
}

function find(path: string): Found {
  const bytes = readBytes(path);
  if (bytes === undefined) return begin(path, []);
  const end = bytes.lastIndexOf(0x0a) + 1;
  const lines = new TextDecoder().decode(bytes.subarray(0, end)).split("\n")
    .slice(0, -1);
  const header = parseHeader(lines[0] ?? "");
  if ("reason" in header) {
    const aside = `${path}.damaged-${Date.now()}`;
    Deno.renameSync(path, aside);
    return begin(path, [
      `${header.reason}: the list was put aside as ${aside}, and a new one begun`,
    ]);
  }
  const mended: string[] = [];
  if (end < bytes.length) {
    Deno.truncateSync(path, end);
    mended.push("a torn last line was taken away");
  }
  return {
    generation: header.value.generation,
    mended,
    ...readEntries(lines.slice(1), mended),
  };
}

function readEntries(
  lines: readonly string[],
  mended: string[],
): Pick<Found, "live" | "seq"> {
  const live = new Map<string, Entry>();
  let seq = 0;
  for (const line of lines) {
    if (isExtension(line)) continue;
    const parsed = parseLine(line);
    if ("reason" in parsed) {
      mended.push(`after line ${seq}: ${parsed.reason}; readers pass over it`);
      continue;
    }
    const { value: entry } = parsed;
    seq = Math.max(seq, entry.seq);
    if (entry.op === "+") live.set(entry.path, entry);
    else live.delete(entry.path);
  }
  return { live, seq };
}

/** Begins a new generation: written aside, made durable, renamed. */
function begin(path: string, mended: readonly string[]): Found {
  const generation = crypto.randomUUID();
  const created = timestampFromMilliseconds(Date.now());
  const fresh = `${path}.new`;
  {
    using file = Deno.openSync(fresh, {
      write: true,
      create: true,
      truncate: true,
      mode: 0o644,
    });
    file.writeSync(
      new TextEncoder().encode(formatHeader({ generation, created })),
    );
    file.syncSync();
  }
  Deno.renameSync(fresh, path);
  return { generation, live: new Map(), seq: 0, mended };
}

function readBytes(path: string): Uint8Array | undefined {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
