/**
 * Following the symbolic links of a server's tree, if they are followed.
 *
 * The server says what a link leads to (STAT) and where that lies (REALPATH), and
 * may lie: whatever it says, only the path of the link is used, and a walk has
 * limits. That nothing from outside the root comes is for its good, not for ours.
 *
 * @module
 */

import type { NotFile } from "../list/not-files.ts";
import { ownDirectory } from "../list/path.ts";
import { isWithin, Way } from "../list/way.ts";
import type { FileStat } from "../ssh/file-stat.ts";
import type { TreeRequests } from "./tree-names.ts";
import { SftpError } from "../ssh/sftp-error.ts";
import { join } from "./tree-path.ts";

/** Links that are asked for at the same time, of one directory. */
const parallel = 64;

/** What a link leads to: a file, a directory and the way to it, or what is not copied; or that the server does not tell. */
export type Led =
  | { readonly file: FileStat }
  | { readonly way: Way; readonly mtime: number }
  | NotFile
  | SftpError;

/** The links of one walk. */
export class TreeLinks {
  /** The way of a walk that has followed no link yet. */
  readonly start: Way;
  readonly #session: TreeRequests;
  readonly #root: string;

  private constructor(session: TreeRequests, root: string, real: string) {
    this.#session = session;
    this.#root = root;
    this.start = Way.from(real);
  }

  /** Begins at `root`. @throws {SftpError} If the server does not tell where that really lies. */
  static async at(session: TreeRequests, root: string): Promise<TreeLinks> {
    return new TreeLinks(session, root, await session.realPath(root));
  }

  /** Yields what each of these links leads to, some at a time; `way` has led to all of them. */
  async *follow(
    paths: readonly string[],
    way: Way,
  ): AsyncGenerator<(readonly [path: string, led: Led])[]> {
    for (let at = 0; at < paths.length; at += parallel) {
      yield await Promise.all(
        paths.slice(at, at + parallel).map(async (path) =>
          [path, await this.#follow(path, way)] as const
        ),
      );
    }
  }

  async #follow(path: string, way: Way): Promise<Led> {
    const full = join(this.#root, path);
    try {
      const real = await this.#session.realPath(full);
      if (real === way.realOf(path)) return unresolved(full);
      const place = way.within(real);
      if (place === undefined || isWithin(place, ownDirectory)) {
        return "outside";
      }
      const stat = await this.#session.stat(full);
      if (stat.kind === "file") return { file: stat };
      if (stat.kind !== "directory") return "special";
      const led = way.through(path, real);
      return led instanceof Way ? { way: led, mtime: stat.mtime } : led;
    } catch (error) {
      if (!(error instanceof SftpError)) throw error;
      return error.code === "no such file" ? "dangling" : error;
    }
  }
}

/** A link is not where it leads: of such a server nobody knows what lies outside, nor what leads back. */
function unresolved(link: string): SftpError {
  return new SftpError(`Cannot follow ${link}`, "failure", {
    reason: "the server does not tell where links lead",
  });
}
