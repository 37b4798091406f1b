/**
 * Making sure that a directory is the one that the nodes of a cluster share: where it is
 * not mounted, every file would look as if it were missing.
 *
 * @module
 */

import type { Database } from "../cluster/database.ts";
import { identity } from "../cluster/statements.ts";
import { NodeGuard } from "../copy-list/node-guard.ts";

/** @throws {LocalError} If `into` and the database do not belong together. */
export async function assertShared(
  into: string,
  database: Database,
): Promise<void> {
  const own = await identity(database);
  if (!own.isNew) new NodeGuard(into).check(own);
}
