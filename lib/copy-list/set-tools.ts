/**
 * The sets of a server, as the synchronised list knows them.
 *
 * @module
 */

import type { SynchroListOperations } from "../synchro-list/operations.ts";
import { dayOf } from "../text/timestamp.ts";
import type { CopyListContext } from "./observe.ts";
import type { SetTools } from "./tools.ts";

/** Returns what there is to know of sets, and to do with them; `undefined` if they do not matter. */
export function setsOf(
  { settings: { replica }, peer, log, figures }: CopyListContext,
  server: string,
): SetTools | undefined {
  if (replica.sets === false) return undefined;
  const list = peer<SynchroListOperations>("synchro-list");
  return {
    isOrdered: replica.sets === "ordered",
    trash: replica.delete === "trash" ? dayOf(Date.now()) : undefined,
    pending: () => list.ask("sets", { server }),
    leaving: (unit) => list.ask("leaving", { server, unit }),
    hold: (unit, obstacle) => list.ask("hold", { server, unit, obstacle }),
    async shown(shown) {
      await list.ask("shown", { server, ...shown });
      figures.add("files_removed", shown.gone.length);
    },
    onShown: (name, seconds) =>
      log.info(`the set ${name} is here; shown in ${seconds.toFixed(3)} s`),
  };
}
