/**
 * relais list: the synchronised list, and how the disk differs from it.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { ReplicaReady } from "../config/config.ts";
import { Destination } from "../copy/destination.ts";
import { type ExitStatus, exitStatus } from "../errors.ts";
import { compileGlobs } from "../glob.ts";
import { readState } from "../state/database.ts";
import {
  listedFiles,
  type ListQuery,
  type Selection,
} from "../state/overview.ts";
import { compare } from "../verify/compare.ts";
import { formatBytes, formatDate } from "../human.ts";
import { findingLine } from "./finding.ts";
import type { Output } from "./output.ts";
import { page } from "./pager.ts";

export interface ListArguments {
  readonly selection: Selection;
  /** Whether to tell how the disk differs from the list, and not the list. */
  readonly diff: boolean;
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
 * Shows each file that a server names, and how it stands; or with `diff` each
 * that is not on the disk as it should be. With `json` one object a line.
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
  const lines = args.diff
    ? differences(db, new Destination(replica.into), matches)
    : files(db, args, matches);
  let shown = 0;
  async function* texts(): AsyncGenerator<string> {
    for await (const { text } of lines) {
      shown++;
      yield text;
    }
  }
  if (!args.json) await page(texts(), output);
  else {
    for await (const { json } of lines) {
      shown++;
      output.json(json);
    }
  }
  return args.diff && shown > 0 ? exitStatus.incomplete : exitStatus.done;
}

function* files(
  db: DatabaseSync,
  { selection, since, sort = "path" }: ListArguments,
  matches: (path: string) => boolean,
): Generator<Line> {
  const query = {
    ...{ selection, sort },
    since: since === undefined ? -Infinity : (Date.now() - since) / 1_000,
  };
  for (const file of listedFiles(db, query)) {
    if (!matches(file.path)) continue;
    const { server, path, size, mtime, standing, error } = file;
    const date = formatDate(Number(mtime) * 1_000);
    const why = error === null ? "" : `  (${error})`;
    const text = `${standing.padEnd(9)} ${
      formatBytes(size).padStart(9)
    }  ${date}  ${server}  ${path}${why}`;
    yield { text, json: file };
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
