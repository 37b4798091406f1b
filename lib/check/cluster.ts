/**
 * `relais check` on a node of a cluster: it examines the database, and whether that
 * and the shared directory belong together.
 *
 * @module
 */

import { Database, type DatabaseConfig } from "../cluster/database.ts";
import { leastVersion } from "../cluster/failure.ts";
import { versionIn } from "../cluster/look.ts";
import { schemaVersion } from "../cluster/schema.ts";
import { identity } from "../cluster/statements.ts";
import type { ReplicaReady } from "../config/config.ts";
import { addressText } from "../config/address.ts";
import { NodeGuard } from "../copy-list/node-guard.ts";
import { describe, LocalError } from "../errors.ts";
import { formatSeconds } from "../text/human.ts";
import { bad, doubtful, type Finding, good } from "./finding.ts";

/** A clock that differs by more, in seconds, is worth a word. */
const mostDifference = 60;

/** Facts that the database tells of itself. */
interface Said {
  readonly version: string;
  /** The same as a number: 150004 is 15.4. */
  readonly number: number;
  /** Seconds since the epoch. */
  readonly now: number;
  /** Version of the tables; `null`: there are none yet. */
  readonly tables: number | null;
}

/** Examines the database of a cluster. Changes nothing. */
export async function examineCluster(
  { replica: { into } }: ReplicaReady,
  config: DatabaseConfig,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  try {
    await using database = new Database(config);
    const said = await ask(database);
    const { now, tables } = said;
    findings.push(tellDatabase(addressText(config.address), said));
    findings.push(...clock(now), tellTables(config, tables));
    if (tables === null || tables > schemaVersion) return findings;
    const own = await identity(database);
    if (own.isNew) return findings;
    new NodeGuard(into).check(own);
    const told = `${into} is the directory of ${config.name}`;
    return [...findings, good("cluster", told)];
  } catch (error) {
    if (!(error instanceof LocalError)) throw error;
    return [...findings, bad("cluster", describe(error))];
  }
}

async function ask(database: Database): Promise<Said> {
  const [said] = await database.query<Omit<Said, "tables">>(
    `SELECT current_setting('server_version') AS version,
       current_setting('server_version_num')::integer AS number,
       extract(epoch FROM clock_timestamp())::double precision AS now`,
  );
  return { ...said!, tables: await versionIn(database) };
}

/** Says which PostgreSQL it is, and whether that will do. */
export function tellDatabase(
  where: string,
  { version, number }: Pick<Said, "version" | "number">,
): Finding {
  const told = `${where}, PostgreSQL ${version}`;
  return number < leastVersion * 10_000
    ? bad("database", `${told}; relais needs ${leastVersion} or later`)
    : good("database", told);
}

/** No promise rests on clocks, but people compare dates. */
function clock(now: number): Finding[] {
  const difference = Math.abs(Date.now() / 1_000 - now);
  if (difference < mostDifference) return [];
  const told = `it differs by ${
    formatSeconds(Math.round(difference))
  } from that of the database; set it by NTP`;
  return [doubtful("clock", told)];
}

function tellTables(
  { name }: DatabaseConfig,
  version: number | null,
): Finding {
  if (version === null) {
    return good("tables", `the first pass makes them, in the schema ${name}`);
  }
  return version > schemaVersion
    ? bad(
      "tables",
      `a newer relais made those in the schema ${name}; install the same version on all nodes`,
    )
    : good("tables", `version ${version}, in the schema ${name}`);
}
