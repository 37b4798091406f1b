/**
 * The files that a publisher's globs name.
 *
 * @module
 */

import { globToRegExp } from "@std/path/posix";
import type { SourcesConfig } from "../config/config.ts";
import { RefusedError } from "../errors.ts";
import { checkPath } from "../list/path.ts";

/** A source file, or why what a glob names is not published: because it cannot be, or because it is no file of its own. */
export type Source =
  | { readonly path: string; readonly source: string }
  | { readonly path: string; readonly skipped: string }
  | { readonly path: string; readonly passedOver: string };

/**
 * Yields what the globs name below `base`: regular files only, through no
 * symbolic link, and never the export itself.
 *
 * @throws {RefusedError} If `base` is missing: an unmounted disk must not withdraw every file.
 */
export function* findSources(
  { files, base, into }: SourcesConfig,
): Generator<Source> {
  const globs = files.map((glob) =>
    globToRegExp(glob, { extended: false, globstar: true })
  );
  if (!isDirectory(base)) {
    throw new RefusedError(
      `Cannot publish from ${base}: it is no directory`,
      { hint: "see that its disk is mounted; nothing was withdrawn" },
    );
  }
  yield* walk(base, "", { globs, into });
}

interface Walk {
  readonly globs: readonly RegExp[];
  readonly into: string;
}

function* walk(base: string, below: string, how: Walk): Generator<Source> {
  for (const entry of readDirectory(`${base}/${below}`)) {
    if ("skipped" in entry) {
      yield { path: below, skipped: entry.skipped };
      continue;
    }
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    const source = base === "/" ? `/${path}` : `${base}/${path}`;
    if (source === how.into) continue;
    if (entry.isDirectory) yield* walk(base, path, how);
    else if (how.globs.some((glob) => glob.test(source))) {
      yield judge(path, source, entry);
    }
  }
}

/** Links and devices are passed over, as rsync does when it is not told otherwise. */
function judge(path: string, source: string, entry: Deno.DirEntry): Source {
  if (entry.isSymlink) return { path, passedOver: "it is a symbolic link" };
  if (!entry.isFile) return { path, passedOver: "it is no regular file" };
  const skipped = checkPath(path);
  return skipped === undefined ? { path, source } : { path, skipped };
}

function readDirectory(
  path: string,
): Iterable<Deno.DirEntry | { skipped: string }> {
  try {
    // Sorted, so that the same tree makes the same list.
    return [...Deno.readDirSync(path)].sort((a, b) => a.name < b.name ? -1 : 1);
  } catch (error) {
    return [{ skipped: (error as Error).message }];
  }
}

function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    // Missing, or not to be reached: not a directory to us.
    return false;
  }
}
