/**
 * relais resolve: decides a conflict that nothing else can decide.
 *
 * @module
 */

import {
  command,
  type Declaration,
  type GivenTo,
  type Surroundings,
} from "../cli/command.ts";
import type { DatabaseConfig } from "../cluster/database.ts";
import { databaseOf } from "../config/database.ts";
import type { ReplicaReady } from "../config/config.ts";
import { requireReplica } from "../config/load.ts";
import {
  type ExitStatus,
  exitStatus,
  RefusedError,
  UsageError,
} from "../errors.ts";
import { hasState, openState } from "../state/database.ts";
import {
  type KnownFile,
  knownFile,
  pathHere,
  resolve as decide,
} from "../state/file.ts";
import { passNow } from "../supervisor/pass-now.ts";
import { shellWord } from "../text/shell-word.ts";

const declaration = {
  name: "resolve",
  summary: "decide which server has the newer version of a file",
  description: [
    "Ends a conflict: two servers have different versions of a file, and neither their lists nor their dates show which is newer. Until then the replica keeps its own version, and every pass exits with 5. relais why PATH shows both versions.",
    "The version of SERVER counts as the newer one from now on, and a pass fetches it, unless it is the one on the replica.",
  ],
  arguments: [{
    name: "path",
    required: true,
    help: "the file, below replica.into",
  }],
  options: [{
    long: "from",
    kind: "server",
    value: "SERVER",
    help: "the server that has the newer version",
  }],
  examples: [{
    line: "relais resolve stock/2026-11.csv --from production",
    help: "take the version of production",
  }],
} as const satisfies Declaration;

type Given = GivenTo<typeof declaration>;

export const resolve = command(declaration, settle, () => true);

/**
 * Lets the version of one server be the newer one, and has a pass take it.
 *
 * @throws {UsageError} If no server is given, or none of that name is configured.
 * @throws {RefusedError} If there is no conflict about the path.
 */
async function settle(
  { path: given, from, json }: Given,
  { output, load }: Surroundings,
): Promise<ExitStatus> {
  const config = requireReplica(await load());
  const { servers, replica } = config;
  const path = pathHere(given, replica);
  const names = servers.map(({ name }) => name);
  if (from === undefined || !names.includes(from)) {
    const what = from === undefined
      ? "no server is given"
      : `no server is called ${from}`;
    throw new UsageError(`Cannot resolve ${path}: ${what}`, {
      hint: `add --from and one of ${names.join(", ")}`,
    });
  }
  const places = placesOf(config);
  if (!isConflict(await places.look(path))) throw noConflict(path);
  await places.decide(path, from);
  const stopped = await passNow(
    config,
    output,
    "The running relais fetches it in its next pass.",
  );
  const file = await places.look(path);
  const isOver = !isConflict(file);
  if (json) output.json({ path, from, resolved: isOver, here: file.here });
  else if (isOver) {
    output.result(`Resolved the conflict about ${path}: ${said(file)}.`);
  }
  if (!isOver && config.cluster !== null) {
    output.note("The node that leads decides by it in its next pass.");
  }
  return stopped ?? (isOver ? exitStatus.done : exitStatus.incomplete);
}

/** Where conflicts are known, and decided. */
interface Places {
  look(path: string): Promise<KnownFile>;
  /** Notes that the version of `server` is the newer one. */
  decide(path: string, server: string): Promise<void>;
}

const unknown: KnownFile = { here: null, named: [] };

function placesOf({ replica: { state }, cluster }: ReplicaReady): Places {
  return cluster === null
    ? ownPlaces(state)
    : sharedPlaces(databaseOf(cluster));
}

function ownPlaces(state: string): Places {
  return {
    look(path) {
      if (!hasState(state)) return Promise.resolve(unknown);
      using db = openState(state);
      return Promise.resolve(knownFile(db, path));
    },
    decide(path, server) {
      using db = openState(state);
      decide(db, path, server);
      return Promise.resolve();
    },
  };
}

/** The database that nodes share; the one that leads applies what is decided. */
function sharedPlaces(config: DatabaseConfig): Places {
  return {
    async look(path) {
      const { lookAt } = await import("../cluster/look.ts");
      await using database = await lookAt(config);
      if (database === undefined) return unknown;
      const { WorkingSet } = await import("../cluster/working-set.ts");
      using rows = new WorkingSet();
      await database.transaction((session) => rows.load(session, [path]));
      return knownFile(rows.db, path);
    },
    async decide(path, server) {
      const { lookAt } = await import("../cluster/look.ts");
      await using database = await lookAt(config);
      await database!.query(
        `INSERT INTO resolution VALUES ($1, $2)
         ON CONFLICT (path) DO UPDATE SET server = EXCLUDED.server`,
        [path, server],
      );
    },
  };
}

function isConflict({ named }: KnownFile): boolean {
  return named.some(({ standing }) => standing === "conflict");
}

function said({ here }: KnownFile): string {
  return here === null
    ? "the file is not on the replica any more"
    : `the replica has the version of ${here.server}`;
}

function noConflict(path: string): RefusedError {
  return new RefusedError(
    `Cannot resolve ${path}: there is no conflict about it`,
    {
      hint: `run "relais why ${shellWord(path)}" to see its versions`,
    },
  );
}
