/**
 * The writing end of a list: append-only, one write a line, and one writer for
 * each generation.
 *
 * @module
 */

import { openIfThere } from "../files/if-there.ts";
import type { Compaction } from "../config/config.ts";
import { LocalError } from "../errors.ts";
import {
  type Timestamp,
  timestampFromMilliseconds,
} from "../text/timestamp.ts";
import type { Entry } from "../list/entry.ts";
import { Live } from "./live.ts";
import { readLineAt, scanLines } from "./scan.ts";
import {
  type Extension,
  formatExtension,
  formatHeader,
  formatLine,
  isExtension,
  parseExtension,
  parseHeader,
  parseLine,
} from "../list/format.ts";
import { writeAll } from "../files/write-all.ts";

/** Where the list lies in an export, and beside it. */
const name = "list";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** What is written of a new generation at a time. */
const pieceBytes = 256 * 1024;

/** What a run knows of the list that it has left, for the next one. */
export class ListMemory {
  #found: Found | undefined;
  #state = "";

  /** Returns what is known of the list at `path`, if it is as it was left. */
  recall(path: string, writer: string): Found | undefined {
    if (this.#found === undefined) return undefined;
    return this.#state === stateOf(path, writer) ? this.#found : undefined;
  }

  /** Remembers the list at `path`. */
  keep(path: string, writer: string, found: Found): void {
    this.#state = stateOf(path, writer);
    this.#found = found;
  }

  forget(): void {
    this.#found = undefined;
  }
}

/** What changes when anybody writes a list. */
function stateOf(path: string, writer: string): string {
  try {
    const { dev, ino, size, mtime } = Deno.statSync(path);
    return [dev, ino, size, mtime?.getTime(), writer].join(" ");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "missing";
    throw error;
  }
}

/** Appends to the list in `directory`, which its caller has locked. */
export class ListWriter implements Disposable {
  /** The files that it names. */
  readonly live: Live;
  /** What was wrong with the list, and has been mended. */
  readonly mended: readonly string[];
  /** Whether this opened a new generation, which is durable after the next barrier. */
  readonly isNew: boolean;
  readonly #path: string;
  readonly #writer: string;
  #file: Deno.FsFile;
  #size: number;
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
    this.live = found.live;
    this.#seq = found.seq;
    this.#lines = found.lines;
    this.#ancestry = found.ancestry;
    this.#file = Deno.openSync(path, { read: true, append: true });
    this.#size = this.#file.statSync().size;
  }

  /**
   * Opens the list, makes one if there is none, and mends a last line that was
   * torn by a crash. A list that somebody else wrote is taken over by a new
   * generation: it may go on elsewhere.
   *
   * @param writer Who writes from now on.
   * @param memory Spares reading a list that is as the last run left it.
   * @throws {LocalError} If it cannot be used.
   */
  static async open(
    directory: string,
    writer: string,
    memory: ListMemory = new ListMemory(),
  ): Promise<ListWriter> {
    const path = `${directory}/${name}`;
    try {
      const found = memory.recall(path, writer) ??
        await find(path, writer);
      // It changes from now on: who does not come to an end reads it again.
      memory.forget();
      found.live.unmark();
      return new ListWriter(path, writer, found);
    } catch (cause) {
      throw new LocalError(
        `Cannot use the list ${path}: ${(cause as Error).message}`,
        {
          cause,
          hint: `check the owner, permissions and free space of ${directory}`,
        },
      );
    }
  }

  get generation(): string {
    return this.#generation;
  }

  /** Returns the last line of a file that the list names. */
  entry(path: string): Entry | undefined {
    return entryAt(this.#file, this.live, path);
  }

  /** Appends one line by one write. What it names must be complete, and durable. */
  append(entry: Omit<Entry, "seq" | "published">): void {
    const published: Timestamp = timestampFromMilliseconds(Date.now());
    const line: Entry = { ...entry, seq: ++this.#seq, published };
    const place = this.#size;
    this.#write(encoder.encode(formatLine(line)));
    this.#lines++;
    if (entry.op === "+") this.live.set(entry.path, { ...entry, place });
    else this.live.delete(entry.path);
  }

  /** One write, or none: on a full disk it may be short. */
  #write(line: Uint8Array): void {
    let why = "its disk is full";
    try {
      if (this.#file.writeSync(line) === line.length) {
        this.#size += line.length;
        return;
      }
    } catch (error) {
      why = (error as Error).message;
    }
    this.#file.truncateSync(this.#size);
    throw new LocalError(`Cannot append to the list ${this.#path}: ${why}`, {
      hint: "free some space there; the next run continues",
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
    if (this.#size < size) return false;
    if (this.live.size > share * this.#lines) return false;
    const ancestry = [
      { generation: this.#generation, seq: this.#seq },
      ...this.#ancestry,
    ];
    const next = await takeOver(this.#path, this.#writer, ancestry, {
      file: this.#file,
      live: this.live,
    });
    this.#file.close();
    this.#file = Deno.openSync(this.#path, { read: true, append: true });
    this.#size = this.#file.statSync().size;
    this.#generation = next.generation;
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

  /** Remembers the list as it is now; nothing may be appended any more. */
  keepIn(memory: ListMemory): void {
    memory.keep(this.#path, this.#writer, {
      ...{ generation: this.#generation, ancestry: this.#ancestry },
      ...{ isNew: false, live: this.live, seq: this.#seq },
      ...{ lines: this.#lines, mended: [] },
    });
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
  readonly live: Live;
  /** The last number that was given. */
  readonly seq: number;
  readonly lines: number;
  readonly mended: readonly string[];
}

/** A list, and what it names. */
interface Named {
  readonly file: Deno.FsFile;
  readonly live: Live;
}

function entryAt(
  file: Deno.FsFile,
  live: Live,
  path: string,
): Entry | undefined {
  const place = live.placeOf(path);
  if (place === undefined) return undefined;
  const parsed = parseLine(decoder.decode(readLineAt(file, place)));
  if ("value" in parsed && parsed.value.path === path) return parsed.value;
  throw new Error("another process has changed it");
}

async function find(path: string, writer: string): Promise<Found> {
  using file = openIfThere(path);
  if (file === undefined) return await empty(path, writer, []);
  const reader = new ListReader();
  const end = scanLines(file, (line, place) => reader.read(line, place));
  if (reader.why !== undefined) {
    const aside = `${path}.damaged-${Date.now()}`;
    Deno.renameSync(path, aside);
    return await empty(path, writer, [
      `moved the list to ${aside} and began a new one: ${reader.why}`,
    ]);
  }
  const { mended } = reader;
  if (end < file.statSync().size) {
    Deno.truncateSync(path, end);
    mended.unshift("removed a torn last line from the list");
  }
  const { generation, live, seq, lines, ancestry } = reader;
  if (reader.writer === writer) {
    return { generation, ancestry, isNew: false, mended, live, seq, lines };
  }
  const taken = [{ generation, seq }, ...ancestry];
  return { ...await takeOver(path, writer, taken, { file, live }), mended };
}

/** Reads a list from its start. */
class ListReader {
  readonly live = new Live();
  readonly mended: string[] = [];
  readonly #head: string[] = [];
  generation = "";
  /** Why it is no list. */
  why: string | undefined = reasonOf("");
  seq = 0;
  lines = 0;
  #isFirst = true;

  read(bytes: Uint8Array, place: number): void {
    const line = decoder.decode(bytes);
    if (this.#isFirst) this.#readHeader(line);
    else if (this.why !== undefined) return;
    else if (!isExtension(line)) this.#readEntry(line, place);
    else if (this.lines === 0) this.#head.push(line);
  }

  /** Who wrote it: named by the line after the header. */
  get writer(): string | undefined {
    const [first] = this.#extensions;
    return first !== undefined && "writer" in first ? first.writer : undefined;
  }

  /** What the generation took over, from the extensions after its header. */
  get ancestry(): From[] {
    if (this.writer === undefined) return [];
    return this.#extensions.flatMap((extension) =>
      extension !== undefined && "from" in extension ? [extension.from] : []
    );
  }

  get #extensions(): (Extension | undefined)[] {
    return this.#head.map(parseExtension);
  }

  #readHeader(line: string): void {
    this.#isFirst = false;
    const header = parseHeader(line);
    this.why = "reason" in header ? header.reason : undefined;
    if ("value" in header) this.generation = header.value.generation;
  }

  #readEntry(line: string, place: number): void {
    this.lines++;
    const parsed = parseLine(line);
    const reason = "reason" in parsed
      ? parsed.reason
      : parsed.value.seq <= this.seq
      ? `its number is ${parsed.value.seq}`
      : undefined;
    if (reason !== undefined || "reason" in parsed) {
      this.mended.push(
        `refused a line after line ${this.seq} of the list: ${reason}`,
      );
      return;
    }
    const { value: entry } = parsed;
    this.seq = entry.seq;
    if (entry.op === "+") this.live.set(entry.path, { ...entry, place });
    else this.live.delete(entry.path);
  }
}

function reasonOf(line: string): string | undefined {
  const header = parseHeader(line);
  return "reason" in header ? header.reason : undefined;
}

async function empty(
  path: string,
  writer: string,
  mended: readonly string[],
): Promise<Found> {
  const found = await begin(path, [{ writer }], { live: new Live() });
  return { ...found, mended };
}

/** Takes a generation over: what is live of it is the beginning of the next one. */
async function takeOver(
  path: string,
  writer: string,
  ancestry: readonly From[],
  before: Named,
): Promise<Found> {
  const kept = ancestry.slice(0, mostAncestors);
  const extensions = [
    { writer },
    ...kept.map((from) => ({ from })),
    { carried: before.live.size },
  ];
  return { ...await begin(path, extensions, before), ancestry: kept };
}

/** Begins a new generation with what is live: written aside, made durable, renamed. */
async function begin(
  path: string,
  extensions: readonly Extension[],
  { file: before, live }: { file?: Deno.FsFile; live: Live },
): Promise<Found> {
  const generation = crypto.randomUUID();
  const created = timestampFromMilliseconds(Date.now());
  const fresh = `${path}.new`;
  const places = new Float64Array(live.size);
  {
    using file = Deno.openSync(fresh, {
      write: true,
      create: true,
      truncate: true,
      mode: 0o644,
    });
    const output = new Output(file);
    output.write(formatHeader({ generation, created }));
    for (const extension of extensions) {
      output.write(formatExtension(extension));
    }
    let seq = 0;
    for (const path of live.paths()) {
      const entry = entryAt(before!, live, path)!;
      places[seq++] = output.place;
      output.write(formatLine({ ...entry, seq }));
    }
    output.flush();
    await file.sync();
  }
  Deno.renameSync(fresh, path);
  live.move(places);
  const { size } = live;
  return {
    ...{ generation, ancestry: [], isNew: true, live },
    ...{ seq: size, lines: size, mended: [] },
  };
}

/** Writes texts to a file, many at a time. */
class Output {
  /** Where the next text will stand. */
  place = 0;
  readonly #file: Deno.FsFile;
  readonly #piece = new Uint8Array(pieceBytes);
  #filled = 0;

  constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  write(text: string): void {
    const bytes = encoder.encode(text);
    if (this.#filled + bytes.length > pieceBytes) this.flush();
    if (bytes.length > pieceBytes) writeAll(this.#file, bytes);
    else {
      this.#piece.set(bytes, this.#filled);
      this.#filled += bytes.length;
    }
    this.place += bytes.length;
  }

  flush(): void {
    writeAll(this.#file, this.#piece.subarray(0, this.#filled));
    this.#filled = 0;
  }
}
