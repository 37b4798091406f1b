/**
 * Showing whole sets: all their files are put in place, and what they withdraw is
 * taken away, one right after the other.
 *
 * @module
 */

import { FileError } from "../errors.ts";
import { Pacer } from "../worker/pacer.ts";
import type { Destination } from "./destination.ts";
import { BlockedError } from "./directories.ts";

/** A staged file, and where it belongs. */
export interface Arriving {
  readonly path: string;
  readonly staged: string;
}

/** A file that goes: to the trash of a day, or for good. */
export interface Leaving {
  readonly gone: string;
  /** @default for good */
  readonly trash?: string | undefined;
}

/** What shows sets. */
export interface Change {
  readonly arriving: readonly Arriving[];
  readonly leaving: readonly Leaving[];
}

/**
 * Sees to it that nothing will be in the way of a file: makes its directory, which
 * on a full disk could fail later.
 *
 * @throws {FileError} If something is in its way that `leaving` does not take away.
 */
export function clearTheWay(
  destination: Destination,
  path: string,
  leaving: ReadonlySet<string>,
): void {
  try {
    destination.makeWay(path);
  } catch (error) {
    if (!(error instanceof BlockedError)) throw error;
    const makesRoom = [...leaving].some((gone) =>
      gone.startsWith(`${path}/`) || path.startsWith(`${gone}/`)
    );
    if (!makesRoom) throw error;
  }
}

/**
 * Carries out a change. What was carried out of it before is left as it is, so that
 * it can be called again after it was cut off. Returns the files in the way of which
 * somebody has put something meanwhile; all others are in place.
 *
 * @throws Whatever the disk says.
 */
export async function show(
  destination: Destination,
  { arriving, leaving }: Change,
): Promise<NotMoved[]> {
  const pacer = new Pacer();
  const blocked: Arriving[] = [];
  for (const file of arriving) {
    // It may be what goes in a moment.
    const move = () => destination.place(file.staged, file.path);
    if (unlessFile(move) !== undefined) blocked.push(file);
    await pacer.pause();
  }
  const failed: NotMoved[] = [];
  const attempt = (path: string, move: () => void) => {
    const error = unlessFile(move);
    if (error !== undefined) failed.push({ path, error });
  };
  for (const { gone, trash } of leaving) {
    attempt(gone, () => {
      if (trash === undefined) destination.remove(gone);
      else destination.trash(gone, trash);
    });
    await pacer.pause();
  }
  destination.removeEmptied(leaving.map(({ gone }) => gone));
  for (const { staged, path } of blocked) {
    attempt(path, () => destination.place(staged, path));
  }
  destination.release();
  return failed;
}

/** A file that could not be put in place, or taken away. */
export interface NotMoved {
  readonly path: string;
  readonly error: FileError;
}

/** Makes a move; returns what is in its way. */
function unlessFile(move: () => void): FileError | undefined {
  try {
    move();
  } catch (error) {
    if (error instanceof FileError) return error;
    throw error;
  }
}
