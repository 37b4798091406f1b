/**
 * relais list: the synchronised list, and how the disk differs from it.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { databaseOf } from "../config/database.ts";
import {
  command,
  type Declaration,
  type GivenTo,
  type Surroundings,
} from "../cli/command.ts";
import { globBelow } from "../cli/glob.ts";
import { page } from "../cli/pager.ts";
import type { ClusterConfig, ReplicaReady } from "../config/config.ts";
import { requireReplica } from "../config/load.ts";
import { type ExitStatus, exitStatus } from "../errors.ts";
import { Destination } from "../files/destination.ts";
import { kindOf } from "../list/not-files.ts";
import { readState } from "../state/database.ts";
import {
  type ListedFile,
  listedFiles,
  listOrders,
  type ListQuery,
  type Selection,
} from "../state/overview.ts";
import { allPassedOver } from "../state/passed-over.ts";
import type { Standing } from "../state/standing.ts";
import { compileGlobs, literalPrefix } from "../text/glob.ts";
import { formatBytes, formatDate } from "../text/human.ts";
import { compare } from "../verify/compare.ts";
import { findingLine } from "../verify/finding.ts";
import { type Copies, OwnCopies } from "../verify/ledger.ts";

const declaration = {
  name: "list",
  summary: "the synchronised list of files",
  description: [
    "Shows the synchronised list, one line per file: its state on the replica, its size, its date, and the servers that list it, with the state of each version that differs. With --json, one object for each server that lists a file. On a terminal, the output goes through PAGER, or less.",
    "With --diff it compares the disk: it shows files that are missing, have a wrong size or date, or were not copied by relais, and exits with 1 if there are any. To check contents, use relais verify.",
  ],
  arguments: [{
    name: "glob",
    required: false,
    help: "only paths that match; quote it for the shell",
  }],
  options: [
    {
      long: "wanted",
      kind: "flag",
      help: "only files that are not fetched yet",
      conflicts: "failed",
    },
    {
      long: "failed",
      kind: "flag",
      help: "only files that could not be copied",
      conflicts: "diff",
    },
    {
      long: "diff",
      kind: "flag",
      help: "show how the disk differs from the list",
      conflicts: "wanted",
    },
    {
      long: "skipped",
      kind: "flag",
      help:
        "show what is not copied from a server's tree: symbolic links, empty directories, special files",
      conflicts: "diff",
    },
    {
      long: "since",
      kind: "duration",
      value: "DURATION",
      help: "only files published in the last DURATION, like 1d",
      conflicts: "diff",
    },
    {
      long: "sort",
      kind: "choice",
      value: "BY",
      choices: listOrders,
      help: "the order",
      default: "path",
      conflicts: "diff",
    },
  ],
  examples: [
    { line: "relais list 'stock/**/*.csv'", help: "a part of the list" },
    { line: "relais list --wanted", help: "files that are not fetched yet" },
    {
      line: "relais list --diff",
      help: "changes on the replica that relais did not make",
    },
  ],
} as const satisfies Declaration;

type Given = GivenTo<typeof declaration>;

export const list = command(declaration, show);

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
async function show(
  { glob, ...options }: Given,
  { output, load }: Surroundings,
): Promise<ExitStatus> {
  const { replica, cluster } = requireReplica(await load());
  const given = { ...options, glob: globBelow(replica.into, glob) };
  const found = cluster === null
    ? ownLines(replica, given)
    : sharedLines(cluster, replica, given);
  let shown = 0;
  async function* texts(): AsyncGenerator<string> {
    for await (const { text } of found) {
      shown++;
      yield text;
    }
  }
  if (!given.json) await page(texts(), output);
  else {
    for await (const { json } of found) {
      shown++;
      output.json(json);
      if (output.isClosed) break;
    }
  }
  if (shown === 0) output.note(nothingShown(given));
  return given.diff && shown > 0 ? exitStatus.incomplete : exitStatus.done;
}

/** Says why nothing is shown: nothing at all answers no question. */
function nothingShown(
  { diff, skipped, wanted, failed, since, glob }: Given,
): string {
  if (diff) return "The copy does not differ from the list";
  if (skipped) return "Nothing was skipped";
  const isPart = wanted || failed || since !== undefined || glob !== undefined;
  return isPart
    ? 'No file of the list is like that; "relais list" shows all of them'
    : 'The list is empty: no pass has read one yet, or nothing is published; run "relais --once"';
}

/** Lines about the list of this machine. */
async function* ownLines(
  { state, into }: ReplicaReady["replica"],
  given: Given,
): AsyncGenerator<Line> {
  using db = readState(state);
  if (db === undefined) return;
  if (given.skipped) yield* others(db, given);
  else if (given.diff) yield* differences(new OwnCopies(db), into, given);
  else yield* lines(listedFiles(db, queryOf(given)), given);
}

/** Lines about the list that nodes share. No tree is read there, and nothing of one skipped. */
async function* sharedLines(
  cluster: ClusterConfig,
  { into }: ReplicaReady["replica"],
  given: Given,
): AsyncGenerator<Line> {
  const { lookAt } = await import("../cluster/look.ts");
  await using database = await lookAt(databaseOf(cluster));
  if (database === undefined || given.skipped) return;
  if (given.diff) {
    const { assertShared } = await import("../verify/shared-directory.ts");
    const { SharedCopies } = await import("../verify/shared-ledger.ts");
    await assertShared(into, database);
    yield* differences(new SharedCopies(database), into, given);
  } else {
    const { listedFiles } = await import("../cluster/listed.ts");
    yield* lines(listedFiles(database, queryOf(given)), given);
  }
}

function queryOf(
  { wanted, failed, since, sort = "path", glob = "" }: Given,
): ListQuery {
  const selection: Selection = wanted ? "wanted" : failed ? "failed" : "all";
  return {
    selection,
    sort,
    prefix: literalPrefix(glob),
    since: since === undefined ? -Infinity : (Date.now() - since) / 1_000,
  };
}

/** Returns which paths were asked for. */
function asked({ glob }: Given): (path: string) => boolean {
  return glob === undefined ? () => true : compileGlobs([glob]);
}

/** A program gets an object for each server that names a file; a person, one line a file. */
async function* lines(
  found: Iterable<ListedFile> | AsyncIterable<ListedFile>,
  given: Given,
): AsyncGenerator<Line> {
  const matches = asked(given);
  let file: ListedFile[] = [];
  for await (const entry of found) {
    if (!matches(entry.path)) continue;
    if (given.json) yield { text: "", json: entry };
    else if (file.length > 0 && file[0]!.path !== entry.path) {
      yield { text: fileLine(file), json: null };
      file = [entry];
    } else file.push(entry);
  }
  if (file.length > 0) yield { text: fileLine(file), json: null };
}

/** What matters most of a file that several servers name. */
const gravity: readonly Standing[] = [
  "conflict",
  "wanted",
  "here",
  "withdrawn",
  "older",
  "excluded",
  "gone",
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

function* others(db: DatabaseSync, given: Given): Generator<Line> {
  const matches = asked(given);
  const found = allPassedOver(db).filter(({ path }) => matches(path));
  const width = Math.max(...found.map(({ kind }) => kindOf(kind).length));
  for (const other of found) {
    const { server, path, kind } = other;
    const text = `${kindOf(kind).padEnd(width)}  ${server}  ${path}`;
    yield { text, json: other };
  }
}

async function* differences(
  copies: Copies,
  into: string,
  given: Given,
): AsyncGenerator<Line> {
  const destination = new Destination(into);
  for await (const difference of compare(copies, destination, asked(given))) {
    yield { text: findingLine(difference), json: difference };
  }
}
