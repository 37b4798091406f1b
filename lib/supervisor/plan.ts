/**
 * What a pass would do, for a dry run.
 *
 * @module
 */

import type { Wanted } from "../files/wanted.ts";
import type { PlannedAction } from "../state/pass-report.ts";
import type { SynchroListOperations } from "../synchro-list/operations.ts";
import type { Channel } from "../worker/channel.ts";

/** So many files are asked for at a time. */
const limit = 1_000;

/**
 * Yields what a pass from `server` would do.
 *
 * @throws {RefusedError} If it would remove too much.
 */
export async function* plan(
  list: Channel<SynchroListOperations>,
  server: string,
  { sets, removes }: { readonly sets: boolean; readonly removes: boolean },
): AsyncGenerator<PlannedAction> {
  const units = sets
    ? (await list.ask("sets", { server })).map(({ unit }) => unit)
    : [undefined];
  for (const unit of units) yield* copies(list, server, unit);
  if (removes) yield* removals(list, server);
}

/** Yields what would be copied; of one set, if `unit` names it. */
async function* copies(
  list: Channel<SynchroListOperations>,
  server: string,
  unit?: number,
): AsyncGenerator<PlannedAction> {
  let last: Wanted | undefined;
  do {
    const wanted = await list.ask("wanted", {
      server,
      limit,
      last: last ?? null,
      ...unit === undefined ? {} : { unit },
    });
    for (const { path, size } of wanted) yield { action: "copy", path, size };
    last = wanted.at(-1);
  } while (last !== undefined);
}

/** Yields what would be removed because a server withdrew it. */
async function* removals(
  list: Channel<SynchroListOperations>,
  server: string,
): AsyncGenerator<PlannedAction> {
  let after: string | undefined;
  do {
    const withdrawn = await list.ask("withdrawn", {
      server,
      limit,
      after: after ?? null,
    });
    for (const { path, size } of withdrawn) {
      yield { action: "remove", path, size };
    }
    after = withdrawn.at(-1)?.path;
  } while (after !== undefined);
}
