/**
 * Reading what was appended to a server's list into the synchronised list.
 *
 * @module
 */

import { UnusableError } from "../errors.ts";
import type { Entry } from "../list/entry.ts";
import {
  isExtension,
  parseHeader,
  parseLine,
  parseSet,
} from "../list/format.ts";
import type { SetEnd } from "../state/intake.ts";
import { decodePath } from "../list/path.ts";
import { beginning, datedWhenRead, type RemoteList } from "../list/remote.ts";
import type { Cursor } from "../list/cursor.ts";
import { ForeignLines, type ForeignReading } from "./foreign-lines.ts";
import { guardList } from "./guard.ts";
import { add, emptyOutcome, type Outcome, refuse } from "./outcome.ts";
import type { Reading } from "../state/reading.ts";
import type { Twin } from "../state/twins.ts";
import type { ListStore } from "./store.ts";
import { Pacer } from "../worker/pacer.ts";

/** Entries taken into the synchronised list in one transaction, of a list that grows. */
const batch = 500;

/** A list of which so many lines are refused in one reading is none. */
const mostRefusals = 1_000_000;

/** Nor is one with so many extensions in a row, which are passed over. */
const mostExtensions = 1_000_000;

/** How a list is read. */
export interface ReadingOptions {
  /** True to believe a list that is no longer what it was. */
  readonly acceptShrink: boolean;
  /** How to read a list that relais did not write. */
  readonly foreign?: ForeignReading;
}

/** A list, and what to know to read it. */
interface Source {
  readonly remote: RemoteList;
  readonly foreign: ForeignReading | undefined;
}

/**
 * Reads `remote` from where `server`'s list was left, or from its start if it
 * is another list or lines are missing.
 *
 * @throws {RefusedError} If the list is not what it was, and that is not accepted.
 */
export async function synchroniseList(
  list: ListStore,
  server: string,
  remote: RemoteList,
  { acceptShrink, foreign }: ReadingOptions,
): Promise<Outcome> {
  const known = await list.intake.cursor(server);
  const source = { remote, foreign };
  // What writes a foreign list may rewrite it each time.
  if (known !== undefined && !acceptShrink && foreign === undefined) {
    guardList(server, remote, known);
  }
  const { generation } = remote.provenance;
  const isNew = known?.generation !== generation || known.offset === 0;
  const { twins } = list;
  const twin = isNew ? twins?.find(server, remote.provenance) : undefined;
  if (twin !== undefined && await remote.has(twin.cursor)) {
    return await readFromTwin(list, server, source, { twins: twins!, twin });
  }
  if (known === undefined) return await readFromStart(list, server, source);
  if (remote.recognition !== "same" && remote.recognition !== "grown") {
    return await readFromStart(list, server, source, {
      renewed: remote.provenance.generation === known.generation,
    });
  }
  const reading = await list.intake.resume(server);
  const outcome = emptyOutcome();
  const complete = await readLines(list, reading, source, known, outcome);
  // A line is missing that was there once, or was never written: the start tells.
  if (!complete) {
    return await readFromStart(list, server, source, { gaps: outcome.gaps });
  }
  // Reading from the start may have been cut off, and ends only now.
  await list.intake.complete(reading);
  return outcome;
}

async function readFromStart(
  list: ListStore,
  server: string,
  source: Source,
  { gaps = 0, renewed = false } = {},
): Promise<Outcome> {
  const { remote: { provenance, grows } } = source;
  const { generation } = provenance;
  const outcome = { ...emptyOutcome(), gaps };
  const life = { ...provenance, grows, renewed };
  const reading = await list.intake.begin(server, life);
  const start = { generation, seq: 0, modified: null, ...beginning };
  await readLines(list, reading, source, start, outcome);
  await list.intake.complete(reading);
  return outcome;
}

/** Takes over what was read of the same list on another server, and reads on from there. */
async function readFromTwin(
  list: ListStore,
  server: string,
  source: Source,
  { twins, twin }: {
    readonly twins: NonNullable<ListStore["twins"]>;
    readonly twin: Twin;
  },
): Promise<Outcome> {
  const { remote: { provenance, grows } } = source;
  const outcome = emptyOutcome();
  const life = { ...provenance, grows, renewed: false };
  const reading = await list.intake.begin(server, life);
  const pacer = new Pacer();
  for (let after = "";;) {
    const entries = twins.entries(twin, after, batch);
    if (entries.length === 0) break;
    // Nothing is read yet, should this be cut off.
    add(outcome, await list.intake.take(reading, entries));
    after = entries.at(-1)!.path;
    await pacer.pause();
  }
  const { cursor } = twin;
  list.sets.takeOver(server, twin.server);
  await list.intake.take(reading, [], cursor, twins.refusals(twin));
  if (!await readLines(list, reading, source, cursor, outcome)) {
    return await readFromStart(list, server, source, { gaps: outcome.gaps });
  }
  await list.intake.complete(reading);
  return outcome;
}

/** Reads to the end; returns false, early, if a line is missing and reading did not begin at the start. */
async function readLines(
  list: ListStore,
  reading: Reading,
  { remote, foreign }: Source,
  from: Cursor,
  outcome: Outcome,
): Promise<boolean> {
  const lines = foreign === undefined
    ? new LineReader(from, outcome)
    : new ForeignLines(from.seq, foreign, outcome);
  let entries: Entry[] = [];
  let cursor = from;
  outcome.cursor = from;

  async function take() {
    const refusals = outcome.unsaved.splice(0);
    const ends = list.sets.matter ? lines.ends.splice(0) : [];
    add(
      outcome,
      await list.intake.take(reading, entries, cursor, refusals, ends),
    );
    outcome.bytes += cursor.offset - outcome.cursor!.offset;
    outcome.cursor = cursor;
    entries = [];
  }

  const { generation } = remote.provenance;
  for await (const { lines: texts, offset, tail } of remote.read(from)) {
    entries.push(...await lines.read(texts));
    if (outcome.refusedCount > mostRefusals) {
      throw senseless(reading.server, `${mostRefusals} lines break a rule`);
    }
    if (lines.extensions > mostExtensions) {
      throw senseless(
        reading.server,
        `${mostExtensions} extensions follow each other`,
      );
    }
    if (lines.gap && from.offset > 0) return false;
    cursor = { generation, offset, tail, seq: lines.seq, modified: null };
    if (remote.grows && entries.length >= batch) await take();
  }
  if (!remote.grows) {
    // Read again whole: what a path was on an earlier line must not look like what followed.
    const all = lastOfEach(entries);
    const last = Math.max(0, all.length - batch);
    for (let from = 0; from < last; from += batch) {
      // Nothing is read yet, should this be cut off.
      const some = all.slice(from, Math.min(from + batch, last));
      add(outcome, await list.intake.take(reading, some));
    }
    entries = all.slice(last);
    cursor = { ...cursor, modified: datedWhenRead(remote) };
  }
  if (cursor !== outcome.cursor) await take();
  return true;
}

/** The last entry of each path. */
function lastOfEach(entries: readonly Entry[]): Entry[] {
  return [...new Map(entries.map((entry) => [entry.path, entry])).values()];
}

function senseless(server: string, what: string): UnusableError {
  return new UnusableError(
    `Cannot read the list of ${server}: over ${what}`,
    {
      hint:
        'find the first ones with "relais log", and correct the program that writes the list',
    },
  );
}

/** The path in a line that may be wrong, as it is written if it cannot be read. */
function pathIn(line: string): string {
  const text = line.slice(line.lastIndexOf("\t") + 1);
  return decodePath(text) ?? text;
}

/** Turns lines to entries, and watches their numbers. */
class LineReader {
  /** Number of the last good line. */
  seq: number;
  /** True if a number was left out that no refused line explains. */
  gap = false;
  /** How many extensions came one after the other, up to here. */
  extensions = 0;
  /** Ends of sets that the state does not know of yet. */
  readonly ends: SetEnd[] = [];
  readonly #outcome: Outcome;
  #atHeader: boolean;
  /** Lines refused since the last good one: each explains one missing number. */
  #unnumbered = 0;

  constructor({ seq, offset }: Cursor, outcome: Outcome) {
    this.seq = seq;
    this.#atHeader = offset === 0;
    this.#outcome = outcome;
  }

  read(lines: readonly string[]): Entry[] {
    const entries: Entry[] = [];
    for (const line of lines) {
      if (this.#atHeader) this.#readHeader(line);
      else if (isExtension(line)) this.#readExtension(line);
      else {
        this.extensions = 0;
        this.#readEntry(line, entries);
      }
    }
    return entries;
  }

  #readHeader(line: string): void {
    this.#atHeader = false;
    const header = parseHeader(line);
    if ("reason" in header) {
      refuse(this.#outcome, { line: 0, path: null, reason: header.reason });
    }
  }

  #readExtension(line: string): void {
    this.extensions++;
    const { last } = parseSet(line) ?? { last: Infinity };
    // Lines that were refused may have had the last numbers.
    if (last > this.seq + this.#unnumbered) return;
    this.ends.push({ last, after: this.seq });
  }

  #readEntry(line: string, entries: Entry[]): void {
    const parsed = parseLine(line);
    if ("reason" in parsed) {
      this.#unnumbered++;
      this.#refuse(parsed.reason, pathIn(line));
      return;
    }
    const { seq } = parsed.value;
    if (seq <= this.seq) {
      this.#refuse(`its number is ${seq}`, parsed.value.path);
      return;
    }
    this.#watch(seq);
    entries.push(parsed.value);
  }

  #refuse(what: string, path: string): void {
    const reason = `after line ${this.seq}: ${what}`;
    refuse(this.#outcome, { line: this.seq, path, reason });
  }

  #watch(seq: number): void {
    if (seq > this.seq + 1 + this.#unnumbered) {
      this.gap = true;
      this.#outcome.gaps++;
    }
    this.#unnumbered = 0;
    this.seq = seq;
  }
}
