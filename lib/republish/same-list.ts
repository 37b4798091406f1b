/**
 * Keeping the list of a server, byte by byte, as far as what it names is here.
 *
 * A list only grows, and in the order of its numbers: the first line whose file is
 * not here yet holds back all that follow. A list that takes the place of another
 * one is shown when it is whole, and not before: lines that are missing in a new list
 * look to its readers like files that were withdrawn.
 *
 * @module
 */

import { writeAll } from "../files/write-all.ts";
import type { Cursor } from "../list/cursor.ts";
import type { RemoteList } from "../list/remote.ts";
import type { Reached } from "../state/reached.ts";
import { hasBefore, name, type ShownList } from "./shown-list.ts";
import { WholeLines } from "./whole-lines.ts";

/** What it takes to keep a list. */
export interface Keeping {
  /** Directory of the list. */
  readonly directory: string;
  /** Makes all durable that was written below the directory. */
  barrier(): Promise<void>;
  /** Lets others read a file. */
  show(path: string): void;
  /** Opens the list of the server. */
  open(): Promise<RemoteList>;
  /** Does what must be done before these lines are shown. */
  prepare(lines: Uint8Array): Promise<void>;
}

/** A list that was read. */
export type Followed = Omit<Reached, "cursor"> & { readonly cursor: Cursor };

/**
 * Brings what is shown up to date with what was read of a server's list; returns
 * whether it now is that list, as far as that can be shown.
 */
export async function keepSameList(
  keeping: Keeping,
  followed: Followed,
  shown: ShownList | undefined,
): Promise<boolean> {
  const { cursor } = followed;
  const state = stateOf(keeping, followed, shown);
  if (state !== "behind") return state === "done";
  const remote = await keeping.open();
  try {
    // It was replaced since it was read: the next pass reads what it is now.
    const isStill = remote.provenance.generation === cursor.generation &&
      await remote.has(cursor);
    if (!isStill) return false;
    if (shown !== undefined && await continues(shown, followed, remote)) {
      await append(keeping, shown, followed, remote);
    } else if (shown === undefined || isWhole(followed)) {
      await replace(keeping, followed, remote);
    } else return false;
    return true;
  } finally {
    await remote.close().catch(() => {/* the server is lost: that is told */});
  }
}

/** Tells whether all that a list names is known, and here. */
export function isWhole(
  { complete, missing }: Pick<Reached, "complete" | "missing">,
): boolean {
  return complete && missing === null;
}

/**
 * Says how what is shown stands to what was read: `ahead` of a server that lags
 * behind the one that was read before, or without anything to add.
 */
function stateOf(
  { directory }: Keeping,
  { cursor, missing }: Followed,
  shown: ShownList | undefined,
): "done" | "ahead" | "behind" {
  if (shown?.generation !== cursor.generation) return "behind";
  const { offset } = cursor;
  if (shown.size >= offset && hasBefore(directory, cursor)) {
    return shown.size === offset ? "done" : "ahead";
  }
  const isHeld = shown.size < offset && missing !== null &&
    shown.seq + 1 >= missing.seq;
  return isHeld ? "done" : "behind";
}

async function continues(
  { generation, size: offset, tail }: ShownList,
  { cursor }: Followed,
  remote: RemoteList,
): Promise<boolean> {
  return generation === cursor.generation && offset <= cursor.offset &&
    await remote.has({ offset, tail });
}

async function append(
  keeping: Keeping,
  { size }: ShownList,
  followed: Followed,
  remote: RemoteList,
): Promise<void> {
  using file = Deno.openSync(`${keeping.directory}/${name}`, { write: true });
  // A line that a crash has torn.
  file.truncateSync(size);
  file.seekSync(size, Deno.SeekMode.Start);
  await copyLines(keeping, followed, remote, { file, start: size });
  file.syncDataSync();
}

/** Written aside, made durable, renamed. */
async function replace(
  keeping: Keeping,
  followed: Followed,
  remote: RemoteList,
): Promise<void> {
  const path = `${keeping.directory}/${name}`;
  const fresh = `${path}.new`;
  {
    using file = Deno.openSync(fresh, {
      write: true,
      create: true,
      truncate: true,
      mode: 0o600,
    });
    await copyLines(keeping, followed, remote, { file, start: 0 });
  }
  keeping.show(fresh);
  await keeping.barrier();
  Deno.renameSync(fresh, path);
  await keeping.barrier();
}

async function copyLines(
  { prepare }: Keeping,
  { cursor: { offset: end }, missing }: Followed,
  remote: RemoteList,
  { file, start }: { readonly file: Deno.FsFile; readonly start: number },
): Promise<void> {
  const whole = new WholeLines(missing?.seq);
  for await (const piece of remote.bytes({ start, end })) {
    const lines = whole.take(piece);
    if (lines.length > 0) {
      await prepare(lines);
      writeAll(file, lines);
    }
    if (whole.hasEnded) return;
  }
}
