/**
 * The list as the last run left it: read from its start, repaired, and taken over
 * if another writer wrote it.
 *
 * @module
 */

import { openIfThere } from "../files/if-there.ts";
import {
  type Extension,
  isExtension,
  parseExtension,
  parseHeader,
  parseLine,
  parseSet,
} from "../list/format.ts";
import {
  beginEmpty,
  type FoundList,
  type From,
  takeOver,
} from "./generation.ts";
import { Live } from "./live.ts";
import { scanLines } from "./scan.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Returns the list at `path`; begins one if there is none, or it is not a list. */
export async function findList(
  path: string,
  writer: string,
): Promise<FoundList> {
  using file = openIfThere(path);
  if (file === undefined) return await beginEmpty(path, writer, []);
  const reader = new ListReader();
  const end = scanLines(file, (line, place) => reader.read(line, place));
  if (reader.why !== undefined) {
    const aside = `${path}.damaged-${Date.now()}`;
    Deno.renameSync(path, aside);
    return await beginEmpty(path, writer, [
      `moved the list to ${aside} and began a new one: ${reader.why}`,
    ]);
  }
  const { mended } = reader;
  if (end < file.statSync().size) {
    Deno.truncateSync(path, end);
    mended.unshift("removed a torn last line from the list");
  }
  const { generation, live, seq, inSets, lines, ancestry } = reader;
  if (reader.writer === writer) {
    return {
      generation,
      ancestry,
      isNew: false,
      mended,
      live,
      seq,
      inSets,
      lines,
    };
  }
  const taken = [{ generation, seq }, ...ancestry];
  return {
    ...await takeOver(path, writer, taken, { file, live, inSets }),
    mended,
  };
}

/** Reads a list from its start. */
class ListReader {
  readonly live = new Live();
  readonly mended: string[] = [];
  readonly #head: string[] = [];
  generation = "";
  /** Reason why it is not a list. */
  why: string | undefined = "it is empty";
  seq = 0;
  /** The last number that is in a set; `null`: the list has no sets. */
  inSets: number | null = null;
  lines = 0;
  #isFirst = true;

  read(bytes: Uint8Array, place: number): void {
    const line = decoder.decode(bytes);
    if (this.#isFirst) this.#readHeader(line);
    else if (this.why !== undefined) return;
    else if (!isExtension(line)) this.#readEntry(line, place);
    else this.#readExtension(line);
  }

  /** Writer of the list, from the line after the header. */
  get writer(): string | undefined {
    const [first] = this.#extensions;
    return first !== undefined && "writer" in first ? first.writer : undefined;
  }

  /** Generations that were taken over, from the extensions after the header. */
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

  #readExtension(line: string): void {
    if (this.lines === 0) this.#head.push(line);
    const set = parseSet(line);
    // A set that names what is not there yet would hide what is.
    if (set === undefined || set.last > this.seq) return;
    this.inSets = Math.max(this.inSets ?? 0, set.last);
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
