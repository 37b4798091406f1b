/**
 * The synchronised list as reading works with it: that of one machine, in SQLite
 * ({@link SynchronisedList}), or that of several nodes, in PostgreSQL.
 *
 * @module
 */

import type { Cursor } from "../list/cursor.ts";
import type { Entry } from "../list/entry.ts";
import type { SetEnd, Taken } from "../state/intake.ts";
import type { Life, Reading } from "../state/reading.ts";
import type { Refusal } from "../state/refusals.ts";
import type { Sets } from "../state/sets.ts";
import type { Twins } from "../state/twins.ts";

type Awaitable<Value> = Value | Promise<Value>;

/** Takes in what servers name, some lines at a time; see {@link Intake}. */
export interface Taking {
  cursor(server: string): Awaitable<Cursor | undefined>;
  begin(server: string, life: Life): Awaitable<Reading>;
  resume(server: string): Awaitable<Reading>;
  take(
    reading: Reading,
    entries: readonly Entry[],
    cursor?: Cursor,
    refusals?: readonly Refusal[],
    ends?: readonly SetEnd[],
  ): Awaitable<Taken>;
  complete(reading: Reading): Awaitable<void>;
}

/** The synchronised list. */
export interface ListStore {
  readonly intake: Taking;
  /** Lists that were read of other servers; `undefined`: each is read for itself. */
  readonly twins?: Pick<Twins, "find" | "entries" | "refusals">;
  readonly sets: Pick<Sets, "matter" | "takeOver" | "endReading">;
}
