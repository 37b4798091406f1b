/**
 * Statements that are prepared once.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";

const statements = new WeakMap<DatabaseSync, Map<string, StatementSync>>();

/**
 * Returns the statement of `sql`. Deno holds the memory of every statement that
 * was ever prepared until its database is closed: a loop that prepared one in
 * each pass would grow for ever.
 */
export function prepared(db: DatabaseSync, sql: string): StatementSync {
  const known = statements.get(db) ?? new Map<string, StatementSync>();
  statements.set(db, known);
  const statement = known.get(sql) ?? db.prepare(sql);
  known.set(sql, statement);
  return statement;
}
