/**
 * relais why: what is known of one file.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import {
  command,
  type Declaration,
  type GivenTo,
  type Surroundings,
} from "../cli/command.ts";
import { databaseOf } from "../config/database.ts";
import type { ClusterConfig, ReplicaReady } from "../config/config.ts";
import { requireReplica } from "../config/load.ts";
import { type ExitStatus, exitStatus } from "../errors.ts";
import { readableName } from "../list/charset.ts";
import { readState } from "../state/database.ts";
import {
  type KnownFile,
  knownFile,
  type KnownVersion,
  type NamedVersion,
  pathHere,
  takeVerifications,
} from "../state/file.ts";
import type { Standing } from "../state/standing.ts";
import { recall, sharedReason } from "../test-server/memory.ts";
import { tellObstacle } from "../state/sets.ts";
import { formatBytes, formatDate } from "../text/human.ts";
import { shellWord } from "../text/shell-word.ts";

const declaration = {
  name: "why",
  summary: "why a file is here, is missing, or waits",
  description: [
    "Shows which version of a file is on the replica and where it came from, which version each server lists and how it compares, and why the active server is active. It reads the state (in a cluster, the database), and asks no server.",
    "Exits with 0 if the replica has the version of the active server, with 1 if not.",
  ],
  arguments: [{
    name: "path",
    required: true,
    help: "the file, below replica.into",
  }],
  options: [],
  examples: [
    { line: "relais why stock/2026-11.csv", help: "a file that a user misses" },
  ],
} as const satisfies Declaration;

type Given = GivenTo<typeof declaration>;

export const why = command(declaration, tell);

/** How each standing reads after "NAME names …: ". */
const meanings: Record<Standing, string> = {
  here: "this version is on the replica",
  wanted: "the next pass from there fetches it",
  older: "the version on the replica is newer",
  conflict:
    "no rule decides which of the two is newer; the replica keeps its own",
  excluded: "replica.include and replica.exclude exclude it",
  withdrawn: "the copy will be removed as replica.delete says",
  gone: "no other server brings it back; replica.delete decides about the copy",
};

/**
 * Says why a file is here, is not, or waits.
 *
 * @throws {LocalError} If the state cannot be read.
 */
async function tell(
  { path: given, json }: Given,
  { output, load }: Surroundings,
): Promise<ExitStatus> {
  const { servers, replica, cluster } = requireReplica(await load());
  const known = cluster === null
    ? ownKnown(replica, given)
    : await sharedKnown(cluster, replica, given);
  const { path, file, active, reason } = known;
  const ofActive = file.named.find(({ server }) => server === active);
  const isWell = file.here !== null && ofActive?.standing === "here";
  const order = servers.map(({ name }) => name);
  const named = file.named.toSorted((a, b) =>
    order.indexOf(a.server) - order.indexOf(b.server)
  );
  if (json) output.json({ path, ...file, named, active, reason });
  else {
    for (const line of told(path, { ...file, named }, active)) {
      output.result(line);
    }
    output.result(
      active === null
        ? `No server is active: ${reason}.`
        : `${active} is the active server: ${reason}.`,
    );
  }
  return isWell ? exitStatus.done : exitStatus.incomplete;
}

/** What is known of a path, and of the server that files come from. */
interface Known {
  readonly path: string;
  readonly file: KnownFile;
  readonly active: string | null;
  /** Why it is that one, or none. */
  readonly reason: string;
}

const noPass = { active: null, reason: "no pass has run yet" };

function ownKnown(replica: ReplicaReady["replica"], given: string): Known {
  using db = readState(replica.state);
  if (db === undefined) return { ...nothing(replica, given), ...noPass };
  const { choice: { active }, reason } = recall(db);
  return { ...find(db, given, replica), active, reason };
}

/** Asks the database that nodes share; when a file was verified, each node knows itself. */
async function sharedKnown(
  cluster: ClusterConfig,
  replica: ReplicaReady["replica"],
  given: string,
): Promise<Known> {
  const { lookAt } = await import("../cluster/look.ts");
  await using database = await lookAt(databaseOf(cluster));
  if (database === undefined) return { ...nothing(replica, given), ...noPass };
  const { activeServer } = await import("../cluster/members.ts");
  const { WorkingSet } = await import("../cluster/working-set.ts");
  using rows = new WorkingSet();
  const paths = placesOf(given, replica);
  await database.transaction((session) => rows.load(session, paths));
  using own = readState(replica.state);
  if (own !== undefined) takeVerifications(rows.db, own, paths);
  const { server: active } = await activeServer(database);
  const reason = sharedReason(active, own && recall(own));
  return { ...find(rows.db, given, replica), active, reason };
}

function nothing(
  replica: ReplicaReady["replica"],
  given: string,
): Pick<Known, "path" | "file"> {
  return { path: pathHere(given, replica), file: { here: null, named: [] } };
}

/** Paths under which a file may be kept that is given as it is here, from the root, or as it is on a server. */
function placesOf(
  given: string,
  { into, filenameCharset }: ReplicaReady["replica"],
): string[] {
  const path = pathHere(given, { into });
  const readable = filenameCharset === null
    ? undefined
    : readableName(path, filenameCharset);
  return readable === undefined ? [path] : [path, readable];
}

/** Returns what is known of a path; of its places, the first that anything is known of counts. */
function find(
  db: DatabaseSync,
  given: string,
  replica: ReplicaReady["replica"],
): Pick<Known, "path" | "file"> {
  const found = placesOf(given, replica)
    .map((path) => ({ path, file: knownFile(db, path) }));
  return found.find(({ file: { here, named } }) =>
    here !== null || named.length > 0
  ) ?? found.at(-1)!;
}

function* told(
  path: string,
  { here, named }: KnownFile,
  active: string | null,
): Generator<string> {
  // Versions that nothing tells apart but their contents have the same size and date.
  const show = named.some(({ standing }) => standing === "conflict")
    ? shownWithDigest
    : shown;
  if (here === null) yield `${path} is not here.`;
  else {
    yield `${path} is here: ${show(here)}, from ${here.server}, since ${
      date(here.arrived)
    }.`;
    if (here.verified !== null) yield `It was verified ${date(here.verified)}.`;
  }
  if (named.length === 0) {
    yield 'No server lists this path. Check the spelling ("relais list") and that publish.files covers it.';
  }
  for (const entry of named) yield* toldOf(entry, active, show);
}

function* toldOf(
  entry: NamedVersion,
  active: string | null,
  show: (version: KnownVersion) => string,
): Generator<string> {
  const { server, op, remote, published, standing, error, held } = entry;
  const meaning = standing === "wanted" && server !== active
    ? `it is fetched when ${server} is the active server`
    : meanings[standing];
  const name = remote === null ? "" : `, as ${remote}`;
  yield op === "-"
    ? `${server} has withdrawn it: ${meaning}.`
    : `${server} lists ${show(entry)}${name}, published ${
      date(Number(published))
    }: ${meaning}.`;
  if (standing === "conflict") {
    yield `To decide, run "relais resolve ${
      shellWord(entry.path)
    } --from ${server}", or name the server of the copy to keep it.`;
  }
  if (error !== null) yield `It could not be copied last time: ${error}`;
  if (held !== null) {
    yield `It is part of the set ${held.set}, which waits: ${
      tellObstacle(held)
    }`;
  }
}

function shown(version: KnownVersion): string {
  return `${dated(version)} (${formatBytes(version.size)})`;
}

function shownWithDigest(version: KnownVersion): string {
  const { size, digest } = version;
  return `${dated(version)} (${formatBytes(size)}, ${digest ?? "no digest"})`;
}

function dated({ mtime }: KnownVersion): string {
  return `the version of ${date(Number(mtime))}`;
}

function date(seconds: number): string {
  return formatDate(seconds * 1_000);
}
