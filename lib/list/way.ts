/**
 * The way of a walk that follows symbolic links: which links have led to where it
 * is, and where that really lies.
 *
 * A link is followed only within what is walked, and never to a directory that it
 * lies in, by whatever links: such a walk would go round in circles.
 *
 * @module
 */

import { dirname } from "@std/path/posix";

/** Links on one way, at most; as many as Linux follows in one path. */
const mostLinks = 40;

/** A way from the root of a walk. Paths are below that root, real paths absolute. */
export class Way {
  readonly #root: string;
  /** The link that was followed last; empty: none was. */
  readonly #link: string;
  /** The directory that it leads to. */
  readonly #real: string;
  /** The directory of each link on the way. */
  readonly #left: readonly string[];

  private constructor(
    root: string,
    link: string,
    real: string,
    left: readonly string[],
  ) {
    this.#root = root;
    this.#link = link;
    this.#real = real;
    this.#left = left;
  }

  /** Begins at `root`, a real path. */
  static from(root: string): Way {
    return new Way(root, "", root, []);
  }

  /** Tells whether it is the way of what lies beyond a link. */
  get isLinked(): boolean {
    return this.#link !== "";
  }

  /** Characters that it takes. */
  get length(): number {
    return this.#real.length;
  }

  /** Returns where `path` really lies, which this is the way to. */
  realOf(path: string): string {
    if (path === this.#link) return this.#real;
    const rest = this.#link === "" ? path : path.slice(this.#link.length + 1);
    return `${this.#real === "/" ? "" : this.#real}/${rest}`;
  }

  /** Returns `real` as a path below the root; `undefined` if it does not lie there. */
  within(real: string): string | undefined {
    if (!isWithin(real, this.#root)) return undefined;
    return real.slice(this.#root.length).replace(/^\//, "");
  }

  /** Returns the way through the link `path`, which leads to the directory `real`, or why there is none. */
  through(path: string, real: string): Way | "outside" | "circular" {
    if (!isWithin(real, this.#root)) return "outside";
    const above = dirname(path);
    const left = [...this.#left, this.realOf(above === "." ? "" : above)];
    const isCircular = left.length > mostLinks ||
      left.some((directory) => isWithin(directory, real));
    return isCircular ? "circular" : new Way(this.#root, path, real, left);
  }
}

/** Tells whether a real path is `directory`, or lies below it. */
export function isWithin(real: string, directory: string): boolean {
  return real === directory ||
    real.startsWith(directory === "/" ? "/" : `${directory}/`);
}
