/**
 * relais list: the synchronised list.
 *
 * @module
 */

import type { ReplicaReady } from "../config/config.ts";
import { type ExitStatus, exitStatus } from "../errors.ts";
import { compileGlobs } from "../glob.ts";
import { readState } from "../state/database.ts";
import {
  listedFiles,
  type ListQuery,
  type Selection,
} from "../state/overview.ts";
import { formatBytes, formatDate } from "./human.ts";
import type { Output } from "./output.ts";

export interface ListArguments {
  readonly selection: Selection;
  readonly glob: string | undefined;
  /** Milliseconds. */
  readonly since: number | undefined;
  readonly sort: ListQuery["sort"] | undefined;
  readonly json: boolean;
}

/** Shows each file that a server names, and how it stands; with `json` one object a line. */
export function list(
  config: ReplicaReady,
  { selection, glob, since, sort = "path", json }: ListArguments,
  output: Output,
): ExitStatus {
  using db = readState(config.replica.state);
  const matches = glob === undefined ? () => true : compileGlobs([glob]);
  if (db === undefined) return exitStatus.done;
  const query = {
    ...{ selection, sort },
    since: since === undefined ? -Infinity : (Date.now() - since) / 1_000,
  };
  for (const file of listedFiles(db, query)) {
    if (!matches(file.path)) continue;
    const { server, path, size, mtime, standing, error } = file;
    if (json) {
      output.json(file);
      continue;
    }
    const date = formatDate(Number(mtime) * 1_000);
    const why = error === null ? "" : `  (${error})`;
    output.result(
      `${standing.padEnd(9)} ${
        formatBytes(size).padStart(9)
      }  ${date}  ${server}  ${path}${why}`,
    );
  }
  return exitStatus.done;
}
