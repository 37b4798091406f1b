/**
 * What was told, from one process to the next.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { transaction } from "../state/database.ts";
import { prepared } from "../state/prepared.ts";
import type { Lasting } from "./condition.ts";
import type { Told } from "./notices.ts";

/** Returns the states that last. */
export function readTold(db: DatabaseSync): Told {
  const rows = prepared(db, "SELECT condition, began, seen, told FROM told")
    .all() as unknown as ({ condition: string } & Lasting)[];
  return Object.fromEntries(
    rows.map(({ condition, ...lasting }) => [condition, lasting]),
  );
}

/** Remembers the states that last, and no others. */
export function writeTold(db: DatabaseSync, told: Told): void {
  transaction(db, () => {
    prepared(db, "DELETE FROM told").run();
    for (const [condition, { began, seen, told: at }] of Object.entries(told)) {
      prepared(db, "INSERT INTO told VALUES (?, ?, ?, ?)")
        .run(condition, began, seen, at);
    }
  });
}
