/**
 * What a pass would do, for a dry run.
 *
 * @module
 */

import type { Wanted } from "../files/wanted.ts";
import type { PlannedAction } from "../state/pass-report.ts";
import type { SynchroListOperations } from "../synchro-list/operations.ts";
import type { Channel } from "../worker/channel.ts";
import { pagesOf } from "../worker/pages.ts";

/** A file that a server withdrew. */
type WithdrawnFile = SynchroListOperations["withdrawn"]["reply"][number];

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
  const pages = pagesOf<Wanted>((last) =>
    list.ask("wanted", {
      server,
      limit,
      last: last ?? null,
      ...unit === undefined ? {} : { unit },
    })
  );
  for await (const wanted of pages) {
    for (const { path, size } of wanted) yield { action: "copy", path, size };
  }
}

/** Yields what would be removed because a server withdrew it. */
async function* removals(
  list: Channel<SynchroListOperations>,
  server: string,
): AsyncGenerator<PlannedAction> {
  const pages = pagesOf<WithdrawnFile>((last) =>
    list.ask("withdrawn", { server, limit, after: last?.path ?? null })
  );
  for await (const withdrawn of pages) {
    for (const { path, size } of withdrawn) {
      yield { action: "remove", path, size };
    }
  }
}
