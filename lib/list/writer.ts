/**
 * The writing end of a list: append-only, one write a line, and one writer for
 * each generation.
 *
 * @module
 */

import type { Compaction } from "../config/config.ts";
import { LocalError } from "../errors.ts";
import { type Timestamp, timestampFromMilliseconds } from "../timestamp.ts";
import type { Entry } from "./entry.ts";
import {
  type Extension,
  formatExtension,
  formatHeader,
  formatLine,
  isExtension,
  parseExtension,
  parseHeader,
  parseLine,
} from "./format.ts";
import { writeAll } from "../write-all.ts";

/** Where the list lies in an export, and beside it. */
const name = "list";

const encoder = new TextEncoder();

/** Appends to the list in `directory`, which its caller has locked. */
export class ListWriter implements Disposable {
  /** The last `+` entry of each path that was not withdrawn since. */
  readonly live: ReadonlyMap<string, Entry>;
  /** What was wrong with the list, and has been mended. */
  readonly mended: readonly string[];
  /** Whether this opened a new generation, which is durable after the next barrier. */
  readonly isNew: boolean;
  readonly #path: string;
  readonly #writer: string;
  readonly #live: Map<string, Entry>;
  #file: Deno.FsFile;
  #generation: string;
  #seq: number;
  /** Lines that tell of a file. */
  #lines: number;
  /** What the generation took over, and what that had taken over. */
  #ancestry: readonly From[];

  private constructor(path: string, writer: string, found: Found) {
    this.#path = path;
    this.#writer = writer;
    this.isNew = found.isNew;
    this.#generation = found.generation;
    this.mended = found.mended;
    this.#live = found.live;
    this.live = this.#live;
    this.#seq = found.seq;
    this.#lines = found.lines;
    this.#ancestry = found.ancestry;
    this.#file = Deno.openSync(path, { append: true });
  }

  /**
   * Opens the list, makes one if there is none, and mends a last line that was
   * torn by a crash. A list that somebody else wrote is taken over by a new
   * generation: it may go on elsewhere.
   *
   * @param writer Who writes from now on.
   * @throws {LocalError} If it cannot be used.
   */
  static async open(directory: string, writer: string): Promise<ListWriter> {
    const path = `${directory}/${name}`;
    try {
      return new ListWriter(path, writer, await find(path, writer));
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

  get generation(): string {
    return this.#generation;
  }

  /** Appends one line by one write. What it names must be complete, and durable. */
  append(entry: Omit<Entry, "seq" | "published">): void {
    const published: Timestamp = timestampFromMilliseconds(Date.now());
    const line: Entry = { ...entry, seq: ++this.#seq, published };
    this.#write(encoder.encode(formatLine(line)));
    this.#lines++;
    this.#live.delete(entry.path);
    if (entry.op === "+") this.#live.set(entry.path, line);
  }

  /** One write, or none: on a full disk it may be short. */
  #write(line: Uint8Array): void {
    const { size } = this.#file.statSync();
    let why = "its disk is full";
    try {
      if (this.#file.writeSync(line) === line.length) return;
    } catch (error) {
      why = (error as Error).message;
    }
    this.#file.truncateSync(size);
    throw new LocalError(`Cannot append to the list ${this.#path}: ${why}`, {
      hint: "make room there; the next run goes on",
    });
  }

  /** Makes what was appended durable: on a busy disk that takes long. */
  async sync(): Promise<void> {
    await this.#file.syncData();
  }

  /**
   * Writes the list anew, as another generation, if most of what it says is no
   * longer so; returns whether it did. Each entry keeps the date on which it
   * was published.
   */
  async compact({ size, share }: Compaction): Promise<boolean> {
    if (this.#file.statSync().size < size) return false;
    if (this.#live.size > share * this.#lines) return false;
    const ancestry = [
      { generation: this.#generation, seq: this.#seq },
      ...this.#ancestry,
    ];
    const next = await takeOver(this.#path, this.#writer, ancestry, this.#live);
    this.#file.close();
    this.#file = Deno.openSync(this.#path, { append: true });
    this.#generation = next.generation;
    for (const entry of next.live.values()) this.#live.set(entry.path, entry);
    this.#seq = next.seq;
    this.#lines = next.lines;
    this.#ancestry = next.ancestry;
    return true;
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

/** A generation that was taken over, and its last line that was. */
interface From {
  readonly generation: string;
  readonly seq: number;
}

/** A reader that was away while so many generations passed knows none of them. */
const mostAncestors = 16;

interface Found {
  readonly generation: string;
  /** The nearest first. */
  readonly ancestry: readonly From[];
  readonly isNew: boolean;
  /** In the order of their lines. */
  readonly live: Map<string, Entry>;
  /** The last number that was given. */
  readonly seq: number;
  readonly lines: number;
  readonly mended: readonly string[];
}

async function find(path: string, writer: string): Promise<Found> {
  const bytes = readBytes(path);
  if (bytes === undefined) return await empty(path, writer, []);
  const end = bytes.lastIndexOf(0x0a) + 1;
  const lines = new TextDecoder().decode(bytes.subarray(0, end)).split("\n")
    .slice(0, -1);
  const header = parseHeader(lines[0] ?? "");
  if ("reason" in header) {
    const aside = `${path}.damaged-${Date.now()}`;
    Deno.renameSync(path, aside);
    return await empty(path, writer, [
      `${header.reason}: the list was put aside as ${aside}, and a new one begun`,
    ]);
  }
  const mended: string[] = [];
  if (end < bytes.length) {
    Deno.truncateSync(path, end);
    mended.push("a torn last line was taken away");
  }
  const { generation } = header.value;
  const entries = readEntries(lines.slice(1), mended);
  const ancestry = readAncestry(lines.slice(1));
  if (isWrittenBy(writer, lines)) {
    return { generation, ancestry, isNew: false, mended, ...entries };
  }
  const taken = [{ generation, seq: entries.seq }, ...ancestry];
  return { ...await takeOver(path, writer, taken, entries.live), mended };
}

/** Reads what a generation took over, from the extensions after its header. */
function readAncestry(lines: readonly string[]): From[] {
  const first = lines.findIndex((line) => !isExtension(line));
  const extensions = (first === -1 ? lines : lines.slice(0, first))
    .map(parseExtension);
  const [writer] = extensions;
  if (writer === undefined || !("writer" in writer)) return [];
  return extensions.flatMap((extension) =>
    extension !== undefined && "from" in extension ? [extension.from] : []
  );
}

/** Whether the line after the header names `writer`. */
function isWrittenBy(writer: string, lines: readonly string[]): boolean {
  const extension = parseExtension(lines[1] ?? "");
  return extension !== undefined && "writer" in extension &&
    extension.writer === writer;
}

function readEntries(
  lines: readonly string[],
  mended: string[],
): Pick<Found, "live" | "seq" | "lines"> {
  const live = new Map<string, Entry>();
  const entries = lines.filter((line) => !isExtension(line));
  let seq = 0;
  for (const line of entries) {
    const parsed = parseLine(line);
    if ("reason" in parsed) {
      mended.push(`after line ${seq}: ${parsed.reason}; readers pass over it`);
      continue;
    }
    const { value: entry } = parsed;
    if (entry.seq <= seq) {
      mended.push(
        `after line ${seq}: its number is ${entry.seq}; readers pass over it`,
      );
      continue;
    }
    seq = entry.seq;
    // What is set anew goes to the end: the order is that of the lines.
    live.delete(entry.path);
    if (entry.op === "+") live.set(entry.path, entry);
  }
  return { live, seq, lines: entries.length };
}

async function empty(
  path: string,
  writer: string,
  mended: readonly string[],
): Promise<Found> {
  return { ...await begin(path, [{ writer }], new Map()), mended };
}

/** Takes a generation over: what is live of it is the beginning of the next one. */
async function takeOver(
  path: string,
  writer: string,
  ancestry: readonly From[],
  live: ReadonlyMap<string, Entry>,
): Promise<Found> {
  const kept = ancestry.slice(0, mostAncestors);
  const entries = [...live.values()].map((entry, index) => ({
    ...entry,
    seq: index + 1,
  }));
  const extensions = [
    { writer },
    ...kept.map((from) => ({ from })),
    { carried: entries.length },
  ];
  const named = new Map(entries.map((entry) => [entry.path, entry]));
  return { ...await begin(path, extensions, named), ancestry: kept };
}

/** Begins a new generation: written aside, made durable, renamed. */
async function begin(
  path: string,
  extensions: readonly Extension[],
  live: Map<string, Entry>,
): Promise<Found> {
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
    const text = [
      formatHeader({ generation, created }),
      ...extensions.map(formatExtension),
      ...live.values().map(formatLine),
    ].join("");
    writeAll(file, encoder.encode(text));
    await file.sync();
  }
  Deno.renameSync(fresh, path);
  const { size } = live;
  return {
    ...{ generation, ancestry: [], isNew: true, live },
    ...{ seq: size, lines: size, mended: [] },
  };
}

function readBytes(path: string): Uint8Array | undefined {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
