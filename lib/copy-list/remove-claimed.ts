/**
 * Taking away what a server withdrew, as one of several nodes: a file goes by a rename
 * into the directory of a claim, and from there to the trash, or for good. So a node
 * whose claim was taken over takes nothing away any more.
 *
 * @module
 */

import type { RemovalClaim } from "../cluster/operations.ts";
import { FileError } from "../errors.ts";
import type { ClaimDirectories } from "../files/claim-directories.ts";
import type { Destination } from "../files/destination.ts";
import { lookAt } from "../files/if-there.ts";
import { dayOf } from "../text/timestamp.ts";
import { type Removal, takeAway, type TakenAway } from "./remove.ts";

/** Means of a node to take files away. */
interface Means {
  readonly destination: Destination;
  readonly directories: ClaimDirectories;
  readonly removal: Removal;
  /** Fails if the claim is another node's by now. */
  assertHeld(): void;
}

/**
 * Takes the files of a claim away. Of a claim that was taken over, only what the node
 * that held it before has taken out of the copy: the leader judges the others again.
 */
export async function removeClaimed(
  means: Means,
  { id, behind, files }: Pick<RemovalClaim, "id" | "behind" | "files">,
): Promise<TakenAway> {
  const { destination, directories, removal, assertHeld } = means;
  const day = dayOf(Date.now());
  const isTakenOver = behind.length > 0;
  const take = (path: string) => {
    assertHeld();
    // What cannot be thrown away stays where it is.
    if (removal.delete !== "remove") destination.makeTrash();
    const away = directories.removedFrom(id, path);
    if (!isTakenOver) destination.takeAway(path, away);
    if (lookAt(away) !== undefined) {
      if (removal.delete === "remove") Deno.removeSync(away);
      else destination.throwAway(away, path, day);
    }
    return !isTakenOver || isGone(destination, path);
  };
  const paths = files.map(({ path }) => path);
  // By then, another node may have made files where these were.
  return await takeAway(destination, paths, take, assertHeld);
}

/** Tells whether no file is under `path`; something else may be there by now. */
function isGone(destination: Destination, path: string): boolean {
  try {
    return destination.look(path)?.isFile !== true;
  } catch (error) {
    // A file or a link is where its directory was.
    if (error instanceof FileError) return true;
    throw error;
  }
}
