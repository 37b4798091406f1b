/**
 * The names of a tree, which may not be UTF-8: as a list would have them on this
 * side, and as the server spells them on the other.
 *
 * @module
 */

import { listedPath, pathInTree } from "../list/charset.ts";
import type { FileStat } from "../ssh/file-stat.ts";
import type { SessionRequests } from "../ssh/session-requests.ts";
import type { DirectoryEntry } from "../ssh/session.ts";

/** What a walk asks of a server. */
export type TreeRequests = Pick<
  SessionRequests,
  "server" | "stat" | "lstat" | "realPath" | "list"
>;

/** A session whose paths below the root are those that a list would have. */
export class ListedTree implements TreeRequests {
  readonly server: string;
  readonly #session: TreeRequests;
  readonly #root: string;

  constructor(session: TreeRequests, root: string) {
    this.server = session.server;
    this.#session = session;
    this.#root = root;
  }

  stat(path: string): Promise<FileStat> {
    return this.#session.stat(this.#there(path));
  }

  lstat(path: string): Promise<FileStat> {
    return this.#session.lstat(this.#there(path));
  }

  async realPath(path: string): Promise<string> {
    return listedPath(await this.#session.realPath(this.#there(path)));
  }

  async *list(path: string): AsyncGenerator<DirectoryEntry[]> {
    for await (const names of this.#session.list(this.#there(path))) {
      yield names.map(({ name, stat }) => ({ name: listedPath(name), stat }));
    }
  }

  /** The root is as the configuration has it. */
  #there(path: string): string {
    return this.#root + pathInTree(path.slice(this.#root.length));
  }
}
