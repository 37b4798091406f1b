/**
 * The list of a server, in words.
 *
 * @module
 */

import { formatAge, formatBytes } from "../text/human.ts";
import type { ServerSituation } from "./situation.ts";

/** How far a server's list is, and how far it has been read. */
export function tellList(
  { list, verdict }: Pick<ServerSituation, "list" | "verdict">,
  now: number,
): string {
  if (list === null) return verdict === "up" ? "none: a tree" : "not seen";
  const written = list.mtime === 0
    ? "date unknown"
    : `written ${formatAge(now, list.mtime)} ago`;
  const unread = list.size - (list.read ?? 0);
  const read = list.read === null
    ? "not read yet"
    : unread > 0
    ? `${formatBytes(unread)} unread`
    : "read to its end";
  return `${formatBytes(list.size)}, ${written}, ${read}`;
}
