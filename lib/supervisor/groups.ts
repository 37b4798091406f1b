/**
 * The process groups that transport has started. Only who may run anything may
 * send signals to all of a group, and that is the supervisor.
 *
 * @module
 */

import type { GroupEvent } from "../transport/operations.ts";

/** Ends process groups. */
export class ProcessGroups {
  readonly #groups = new Set<number>();

  /** Takes what transport tells. A group that is told to end is killed with all that is left of it. */
  take(event: GroupEvent): void {
    if ("groupBegan" in event) this.#groups.add(event.groupBegan);
    else if (this.#groups.delete(event.groupEnds)) kill(event.groupEnds);
  }

  /** Ends all that are left. */
  end(): void {
    for (const group of this.#groups) kill(group);
    this.#groups.clear();
  }
}

/** Kills whatever is left of a group. */
function kill(group: number): void {
  // 0 and 1 are groups of others, or all there are.
  if (!Number.isInteger(group) || group <= 1) return;
  try {
    Deno.kill(-group, "SIGKILL");
  } catch (error) {
    // All of it has ended.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
