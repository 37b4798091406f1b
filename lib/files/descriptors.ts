/**
 * The link by which workers reach what the process holds open.
 *
 * @module
 */

import { LocalError } from "../errors.ts";
import { lookAt } from "./if-there.ts";
import { systemReason } from "../text/system-reason.ts";

/** Directory in which Linux names the open files of a process, proc_pid_fd(5). */
export const descriptors = "/proc/self/fd";

/** Path by which a worker reaches {@link descriptors}: a link in the state, to which only relais writes. */
export function descriptorsOf(state: string): string {
  return `${state}/fd`;
}

/**
 * Makes the link that {@link descriptorsOf} names, for workers that may make
 * none.
 *
 * @throws {LocalError} If it cannot be made.
 */
export function linkDescriptors(state: string): void {
  const link = descriptorsOf(state);
  try {
    if (lookAt(link)?.isSymlink && Deno.readLinkSync(link) === descriptors) {
      return;
    }
    if (lookAt(link) !== undefined) Deno.removeSync(link);
    Deno.symlinkSync(descriptors, link);
  } catch (cause) {
    throw new LocalError(`Cannot make ${link}: ${systemReason(cause)}`, {
      cause,
      hint: `check the owner, permissions and free space of ${state}`,
    });
  }
}

/** Returns where descriptors are found through `link`; `undefined` if this system has none there. */
export function descriptorsThrough(link: string): string | undefined {
  try {
    return Deno.statSync(link).isDirectory ? link : undefined;
  } catch {
    // There is no /proc, or nobody made the link.
    return undefined;
  }
}
