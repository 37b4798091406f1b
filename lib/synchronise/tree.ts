/**
 * Walking the tree of a server that publishes no list.
 *
 * @module
 */

import type { Entry } from "../list/entry.ts";
import { checkPath } from "../list/path.ts";
import type { DirectoryEntry, SftpSession } from "../ssh/session.ts";
import type { SynchronisedList } from "../state/synchronised-list.ts";
import { timestampFromSeconds } from "../timestamp.ts";
import { add, emptyOutcome, type Outcome, refuse } from "./list.ts";

/** Directories read at the same time. */
const parallel = 16;

/** Entries taken into the synchronised list in one transaction. */
const batch = 5_000;

/** No deeper: a path has at most 4096 bytes. */
const deepest = 2_048;

/**
 * Walks all directories below `root` and takes in every regular file. Symbolic
 * links and devices are passed over, so that a walk cannot go round in circles.
 *
 * @throws {SftpError} If a directory cannot be read: half a walk must not look
 *   like a withdrawal of the other half.
 */
export async function synchroniseTree(
  list: SynchronisedList,
  session: SftpSession,
  root: string,
): Promise<Outcome> {
  const outcome = emptyOutcome();
  const reading = list.begin(session.server, null);
  let entries: Entry[] = [];
  let seq = 0;

  function take() {
    add(outcome, list.take(reading, entries));
    entries = [];
  }

  for await (const { path, stat } of walk(session, root, outcome)) {
    const mtime = timestampFromSeconds(stat.mtime);
    entries.push({
      seq: ++seq,
      op: "+",
      // A tree knows no other date than that of its files.
      published: mtime,
      mtime,
      size: stat.size,
      mode: stat.mode & 0o7777,
      digest: null,
      path,
    });
    if (entries.length >= batch) take();
  }
  take();
  list.complete(reading);
  return outcome;
}

/** Yields the regular files below `root`, several directories at a time. */
async function* walk(
  session: SftpSession,
  root: string,
  outcome: Outcome,
): AsyncGenerator<{ path: string; stat: DirectoryEntry["stat"] }> {
  const waiting = [""];
  while (waiting.length > 0) {
    const directories = waiting.splice(-parallel);
    const listings = await Promise.all(directories.map(
      async (directory) => ({
        directory,
        children: await session.list(join(root, directory)),
      }),
    ));
    for (const { directory, children } of listings) {
      for (const { name, stat } of children) {
        const path = join(directory, name);
        if (path === ".relais") continue;
        const reason = depth(path) > deepest ? "too deep" : checkPath(path);
        if (reason !== undefined) refuse(outcome, `${path}: ${reason}`);
        else if (stat.kind === "directory") waiting.push(path);
        else if (stat.kind === "file") yield { path, stat };
      }
    }
  }
}

function join(directory: string, name: string): string {
  return directory === "" ? name : `${directory}/${name}`;
}

function depth(path: string): number {
  return path.split("/").length;
}
