/**
 * Targets of the symbolic links among the sources, if they are followed.
 *
 * A link is looked up once: from then on only the real path of what it leads to
 * counts, which lies below the base and is reached through no link. So whoever
 * swaps a link, or a directory on that path, leads nobody elsewhere.
 *
 * @module
 */

import type { NotFile } from "../list/not-files.ts";
import { above, foreignName, isForeign } from "../list/path.ts";
import { isWithin, Way } from "../list/way.ts";
import { lookAt } from "../files/if-there.ts";

/** Links to directories in directories may name each directory in very many ways. */
const mostDirectories = 100_000;

/** Target of a link: a file, a directory, or a kind that is not published; `failed` if it cannot be determined. */
export type Led = "file" | Way | NotFile | { readonly failed: string };

/** The links below a base that one walk has followed. */
export class FollowedLinks {
  /** The way of a walk that has followed no link yet. */
  readonly start: Way;
  readonly #into: string;
  /** Target of each link; both below the base. */
  readonly #places = new Map<string, string>();
  #directories = 0;

  constructor(base: string, into: string) {
    this.start = Way.from(Deno.realPathSync(base));
    this.#into = lookAt(into) === undefined ? into : Deno.realPathSync(into);
  }

  /** Tells whether a directory is the export, through any link. */
  isExport(path: string, way: Way): boolean {
    return way.realOf(path) === this.#into;
  }

  /** Follows the link `path`, which `way` has led to. */
  follow(path: string, way: Way): Led {
    let real: string;
    let there: Deno.FileInfo;
    try {
      real = Deno.realPathSync(way.realOf(path));
      there = Deno.lstatSync(real);
    } catch (error) {
      return whyNot(error);
    }
    const place = way.within(real);
    if (place === undefined || isWithin(real, this.#into)) return "outside";
    if (isForeign(place)) {
      return { failed: `its target cannot be published: ${foreignName}` };
    }
    if (!there.isFile && !there.isDirectory) return "special";
    const led = there.isFile ? "file" : way.through(path, real);
    if (led === "file" || led instanceof Way) this.#places.set(path, place);
    const isTooMuch = led instanceof Way &&
      ++this.#directories > mostDirectories;
    return isTooMuch
      ? { failed: `more than ${mostDirectories} links lead to directories` }
      : led;
  }

  /** Returns where below the base the source `path` really lies. */
  placeOf(path: string): string {
    if (this.#places.size === 0) return path;
    for (const at of [path, ...above(path)]) {
      const place = this.#places.get(at);
      if (place !== undefined) return place + path.slice(at.length);
    }
    return path;
  }
}

function whyNot(error: unknown): Led {
  const { code, message } = error as { code?: string; message: string };
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
    case "ENAMETOOLONG":
      return "dangling";
    case "ELOOP":
      return "circular";
    case "EACCES":
      return {
        failed:
          "permission denied on its target; let the account that publishes read it",
      };
    default:
      return { failed: message };
  }
}
