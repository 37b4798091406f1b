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

  /** Takes what a module tells, if it is about a process group. */
  take(event: unknown): boolean {
    const { groupBegan, groupEnds } = event as Partial<
      Record<KeysOf<GroupEvent>, number>
    >;
    if (groupBegan !== undefined) this.#groups.add(groupBegan);
    if (groupEnds !== undefined && this.#groups.delete(groupEnds)) {
      kill(groupEnds);
    }
    return groupBegan !== undefined || groupEnds !== undefined;
  }

  /** Ends all that are left. */
  end(): void {
    for (const group of this.#groups) kill(group);
    this.#groups.clear();
  }
}

type KeysOf<Union> = Union extends unknown ? keyof Union : never;

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
