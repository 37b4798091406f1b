/**
 * Looking at the database of a cluster from a command, which is no node at work: it asks
 * for no lease, and makes no tables.
 *
 * @module
 */

import { addressText } from "../config/address.ts";
import { LocalError } from "../errors.ts";
import { Database, type DatabaseConfig } from "./database.ts";
import { assertKnown, assertReached, schemaVersion } from "./schema.ts";

/**
 * Connects to the database; returns `undefined` if no node has made the tables yet.
 *
 * @throws {LocalError} If it does not answer, or another version of relais made the tables.
 */
export async function lookAt(
  config: DatabaseConfig,
): Promise<Database | undefined> {
  const database = new Database(config);
  try {
    const version = await versionIn(database);
    if (version === schemaVersion) return database;
    if (version !== null) {
      assertKnown(version, config);
      throw older(config, version);
    }
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw error;
  }
  await database[Symbol.asyncDispose]();
  return undefined;
}

/** Returns the version of the tables; `null`: there are none yet. */
export async function versionIn(database: Database): Promise<number | null> {
  await assertReached((text) => database.query(text), database.config);
  const [there] = await database.query<{ made: boolean }>(
    "SELECT to_regclass('version') IS NOT NULL AS made",
  );
  if (!there!.made) return null;
  const [row] = await database.query<{ version: number }>(
    "SELECT version FROM version",
  );
  return row!.version;
}

function older(
  { name, address }: DatabaseConfig,
  version: number,
): LocalError {
  return new LocalError(
    `Cannot use the tables of "${name}" in the database ${
      addressText(address)
    }: an older relais made them (version ${version}, this one knows ${schemaVersion})`,
    { hint: 'run "relais --once", which converts them' },
  );
}
