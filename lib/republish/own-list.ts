/**
 * A list of what is here, of a generation of its own: where not all files of a
 * server are wanted, or not under its names, and where it has no list at all.
 *
 * @module
 */

import type { ListMemory } from "../publish/list-memory.ts";
import { ListWriter } from "../publish/list-writer.ts";
import type { ShownFile } from "../state/overview.ts";
import { pagesOf } from "../worker/pages.ts";
import type { Keeping } from "./same-list.ts";

/** When the list is rewritten without outdated lines: as a publisher does it by default. */
const compaction = { size: 1_000_000, share: 0.5 };

/** Files asked for at a time. */
const page = 2_000;

/** What it takes to write a list. */
export interface Writing
  extends Pick<Keeping, "directory" | "barrier" | "show"> {
  /** Name of the writer: this replica. */
  readonly writer: string;
  readonly memory: ListMemory;
  /** Returns the next files here after `after`, by path. */
  here(after: string, limit: number): Promise<readonly ShownFile[]>;
  /** Does what must be done before these files are shown. */
  prepare(files: readonly ShownFile[]): Promise<void>;
}

/** Brings what is shown up to date with what is here. */
export async function writeOwnList(writing: Writing): Promise<void> {
  const { directory, writer, memory, barrier, show, here, prepare } = writing;
  using list = await ListWriter.open(directory, writer, memory);
  show(`${directory}/list`);
  if (list.isNew) await barrier();
  let appended = 0;
  const pages = pagesOf<ShownFile>((last) => here(last?.path ?? "", page));
  for await (const files of pages) {
    const changed = files.filter((file) => !isListed(list, file));
    await prepare(changed);
    for (const { published, ...file } of changed) {
      list.append({ op: "+", ...file }, published);
    }
    for (const { path } of files) list.live.mark(path);
    appended += changed.length;
  }
  for (const path of [...list.live.unmarked()]) {
    const { mtime } = list.entry(path)!;
    const gone = { size: 0, mode: null, digest: null, path };
    list.append({ op: "-", mtime, ...gone });
    appended++;
  }
  // What has come since the last time belongs together, as far as anybody can tell here.
  list.endSet();
  if (appended > 0) await list.sync();
  if (await list.compact(compaction)) {
    show(`${directory}/list`);
    await barrier();
  }
  list.keepIn(memory);
}

function isListed(list: ListWriter, file: ShownFile): boolean {
  const { path, size, mtime, mode, digest } = file;
  const entry = list.entry(path);
  return entry !== undefined && entry.size === size && entry.mtime === mtime &&
    entry.mode === mode && entry.digest === digest;
}
