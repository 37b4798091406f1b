/**
 * relais list: the synchronised list, and how the disk differs from it.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { ReplicaReady } from "../config/config.ts";
import { Destination } from "../copy/destination.ts";
import { type ExitStatus, exitStatus } from "../errors.ts";
import { compileGlobs, literalPrefix } from "../glob.ts";
import { readState } from "../state/database.ts";
import {
  type ListedFile,
  listedFiles,
  type ListQuery,
  type Selection,
} from "../state/overview.ts";
import type { Standing } from "../state/standing.ts";
import { kindOf } from "../list/not-files.ts";
import { allPassedOver } from "../state/passed-over.ts";
import { compare } from "../verify/compare.ts";
import { formatBytes, formatDate } from "../human.ts";
import { findingLine } from "./finding.ts";
import type { Output } from "./output.ts";
import { page } from "./pager.ts";

export interface ListArguments {
  readonly selection: Selection;
  /** Whether to tell how the disk differs from the list, and not the list. */
  readonly diff: boolean;
  /** Whether to tell what is not copied, and not the list. */
  readonly skipped: boolean;
  readonly glob: string | undefined;
  /** Milliseconds. */
  readonly since: number | undefined;
  readonly sort: ListQuery["sort"] | undefined;
  readonly json: boolean;
}

/** One line, for a person and for a program. */
interface Line {
  readonly text: string;
  readonly json: unknown;
}

/**
 * Shows each file that a server names, and how it stands, on a line; or with
 * `diff` each that is not on the disk as it should be. With `json` one object a
 * line, of each server.
 */
export async function list(
  { replica }: ReplicaReady,
  args: ListArguments,
  output: Output,
): Promise<ExitStatus> {
  using db = readState(replica.state);
  if (db === undefined) return exitStatus.done;
  const matches = args.glob === undefined
    ? () => true
    : compileGlobs([args.glob]);
  const found = args.skipped
    ? others(db, matches)
    : args.diff
    ? differences(db, new Destination(replica.into), matches)
    : lines(entries(db, args, matches), args);
  let shown = 0;
  async function* texts(): AsyncGenerator<string> {
    for await (const { text } of found) {
      shown++;
      yield text;
    }
  }
  if (!args.json) await page(texts(), output);
  else {
    for await (const { json } of found) {
      shown++;
      output.json(json);
    }
  }
  return args.diff && shown > 0 ? exitStatus.incomplete : exitStatus.done;
}

function* entries(
  db: DatabaseSync,
  { selection, since, sort = "path", glob = "" }: ListArguments,
  matches: (path: string) => boolean,
): Generator<ListedFile> {
  const query = {
    ...{ selection, sort, prefix: literalPrefix(glob) },
    since: since === undefined ? -Infinity : (Date.now() - since) / 1_000,
  };
  for (const entry of listedFiles(db, query)) {
    if (matches(entry.path)) yield entry;
  }
}

/** A program gets an object for each server that names a file; a person, one line a file. */
function* lines(
  found: Iterable<ListedFile>,
  { json }: ListArguments,
): Generator<Line> {
  let file: ListedFile[] = [];
  for (const entry of found) {
    if (json) yield { text: "", json: entry };
    else if (file.length > 0 && file[0]!.path !== entry.path) {
      yield { text: fileLine(file), json: null };
      file = [entry];
    } else file.push(entry);
  }
  if (file.length > 0) yield { text: fileLine(file), json: null };
}

/** What matters most of a file that several servers name. */
const gravity: readonly Standing[] = [
  ...["conflict", "wanted", "here", "withdrawn"] as const,
  ...["older", "excluded", "gone"] as const,
];

function fileLine(entries: readonly ListedFile[]): string {
  const [main] = entries.toSorted((a, b) =>
    gravity.indexOf(a.standing) - gravity.indexOf(b.standing)
  ) as [ListedFile];
  const { path, size, mtime, standing } = main;
  const error = entries.find(({ error }) => error !== null)?.error;
  const servers = entries.map((each) =>
    each.standing === standing ? each.server : `${each.server}:${each.standing}`
  );
  return `${standing.padEnd(9)} ${formatBytes(size).padStart(9)}  ${
    formatDate(Number(mtime) * 1_000)
  }  ${servers.join(",")}  ${path}${error === undefined ? "" : `  (${error})`}`;
}

function* others(
  db: DatabaseSync,
  matches: (path: string) => boolean,
): Generator<Line> {
  for (const other of allPassedOver(db)) {
    const { server, path, kind } = other;
    if (!matches(path)) continue;
    const text = `${kindOf(kind).padEnd(15)}  ${server}  ${path}`;
    yield { text, json: other };
  }
}

async function* differences(
  db: DatabaseSync,
  destination: Destination,
  matches: (path: string) => boolean,
): AsyncGenerator<Line> {
  for await (const difference of compare(db, destination, matches)) {
    yield { text: findingLine(difference), json: difference };
  }
}
