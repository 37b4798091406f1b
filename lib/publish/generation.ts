/**
 * A new generation of a list: empty, or with what is live of the one that it takes
 * over.
 *
 * @module
 */

import { writeAll } from "../files/write-all.ts";
import type { Entry } from "../list/entry.ts";
import {
  type Extension,
  formatExtension,
  formatHeader,
  formatLine,
  formatSet,
  noSet,
  parseLine,
} from "../list/format.ts";
import { timestampFromMilliseconds } from "../text/timestamp.ts";
import { Live } from "./live.ts";
import { readLineAt } from "./scan.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Size of one write of a new generation. */
const pieceBytes = 256 * 1024;

/** A generation that was taken over, and its last line that was. */
export interface From {
  readonly generation: string;
  readonly seq: number;
}

/** A reader that was away while so many generations passed knows none of them. */
const mostAncestors = 16;

/** A list as a run finds or makes it. */
export interface FoundList {
  readonly generation: string;
  /** The nearest first. */
  readonly ancestry: readonly From[];
  readonly isNew: boolean;
  readonly live: Live;
  /** The last number that was given. */
  readonly seq: number;
  /** The last number that is in a set; `null`: the list has no sets. */
  readonly inSets: number | null;
  readonly lines: number;
  readonly mended: readonly string[];
}

/** A list, and what it names. */
interface Named extends Pick<FoundList, "inSets" | "live"> {
  readonly file: Deno.FsFile;
}

/** Returns the entry of `path` from its line in the list. */
export function entryAt(
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

/** Begins a list that names nothing. */
export async function beginEmpty(
  path: string,
  writer: string,
  mended: readonly string[],
): Promise<FoundList> {
  const found = await begin(path, [{ writer }], {
    live: new Live(),
    inSets: null,
  });
  return { ...found, mended };
}

/** Takes a generation over: what is live of it is the beginning of the next one. */
export async function takeOver(
  path: string,
  writer: string,
  ancestry: readonly From[],
  before: Named,
): Promise<FoundList> {
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
  { file: before, live, inSets }: Omit<Named, "file"> & Partial<Named>,
): Promise<FoundList> {
  const generation = crypto.randomUUID();
  const created = timestampFromMilliseconds(Date.now());
  const fresh = `${path}.new`;
  const places = new Float64Array(live.size);
  /** Those that are in sets come first: the lines keep their order. */
  let last = 0;
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
      if (entry.seq <= (inSets ?? 0)) last++;
      places[seq++] = output.place;
      output.write(formatLine({ ...entry, seq }));
    }
    output.write(formatSet(last === 0 ? noSet : { first: 1, last }));
    output.flush();
    await file.sync();
  }
  Deno.renameSync(fresh, path);
  live.move(places);
  const { size } = live;
  return {
    generation,
    ancestry: [],
    isNew: true,
    live,
    seq: size,
    inSets: last,
    lines: size,
    mended: [],
  };
}

/** Writes texts to a file, many at a time. */
class Output {
  /** Offset of the next text. */
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
