/**
 * Noticing that sources change, so that they need not wait for the next scan.
 *
 * @module
 */

import { dirname } from "@std/path/posix";

/** A change is told when nothing has changed for so long, so that a file that is being written is published once … */
const quietMs = 500;

/** … but not later than this after the first change. */
const longestMs = 5_000;

/** Of more changes than this nobody looks at each: all sources are scanned. */
const mostChanges = 10_000;

/**
 * Tells whether a symbolic link below `base` leads to the directory of `path`: directories
 * that links lead to are watched as well, and what changes in one is told by one of
 * the ways to it.
 */
function leadsThroughLink(path: string, base: string): boolean {
  const directory = dirname(path);
  try {
    const real = Deno.realPathSync(base);
    return Deno.realPathSync(directory) !==
      (real === "/" ? "" : real) +
        directory.slice(base === "/" ? 0 : base.length);
  } catch {
    // It has gone, and what held it is told, too.
    return false;
  }
}

/** Watches the sources below a directory (inotify(7)); a scan now and then finds what it misses. */
export class SourceWatch implements Disposable {
  readonly #base: string;
  readonly #into: string;
  readonly #onTrouble: (why: string) => void;
  #watcher: Deno.FsWatcher | undefined;
  /** Reason why it cannot watch; logged once, however often it is tried. */
  #trouble = "";
  /** Paths below the base; `undefined`: nobody knows what has changed. */
  #changes: Set<string> | undefined = new Set();
  #wake: (() => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Time of the first change that was not reported yet; `undefined`: there is none. */
  #first: number | undefined;

  /**
   * @param into The export, which may lie below `base` and is no source.
   * @param onTrouble Hears that changes are not noticed from now on, and why.
   */
  constructor(
    { base, into }: { readonly base: string; readonly into: string },
    onTrouble: (why: string) => void,
  ) {
    this.#base = base;
    this.#into = into;
    this.#onTrouble = onTrouble;
  }

  /** Begins to watch, if it does not yet: what changes from now on is told. */
  begin(): void {
    if (this.#watcher !== undefined) return;
    try {
      this.#watcher = Deno.watchFs(this.#base);
      this.#follow(this.#watcher);
      this.#trouble = "";
    } catch (error) {
      this.#tellTrouble(error);
    }
  }

  /** Calls `wake` once something has changed since it was called last. */
  listen(wake: () => void): void {
    this.#wake = wake;
    this.#plan();
  }

  /** Returns the paths below the base that have changed since this was last called; `undefined` if any may have. */
  take(): readonly string[] | undefined {
    const changes = this.#watcher === undefined ? undefined : this.#changes;
    this.#changes = new Set();
    return changes && [...changes];
  }

  /** Nobody knows any more what has changed: what was taken was not published. */
  giveUp(): void {
    this.#changes = undefined;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#wake = undefined;
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  async #follow(watcher: Deno.FsWatcher): Promise<void> {
    try {
      for await (const { kind, flag, paths } of watcher) {
        const others = paths.filter((path) => !this.#isOwn(path));
        if (flag === "rescan") this.giveUp();
        else if (kind === "access" || others.length === 0) continue;
        for (const path of others) this.#note(path);
        this.#first ??= performance.now();
        this.#plan();
      }
    } catch (error) {
      this.#tellTrouble(error);
    }
    if (this.#watcher === watcher) this.#watcher = undefined;
    this.giveUp();
  }

  #note(path: string): void {
    const below = this.#base === "/" ? "/" : `${this.#base}/`;
    // The base itself, or what is told under another name.
    if (!path.startsWith(below)) return this.giveUp();
    if (leadsThroughLink(path, this.#base)) return this.giveUp();
    this.#changes?.add(path.slice(below.length));
    if ((this.#changes?.size ?? 0) > mostChanges) this.giveUp();
  }

  #tellTrouble(error: unknown): void {
    const { message } = error as Error;
    if (message === this.#trouble) return;
    this.#trouble = message;
    this.#onTrouble(message);
  }

  #plan(): void {
    clearTimeout(this.#timer);
    if (this.#first === undefined || this.#wake === undefined) return;
    const left = this.#first + longestMs - performance.now();
    this.#timer = setTimeout(
      () => this.#tell(),
      Math.max(0, Math.min(quietMs, left)),
    );
  }

  #tell(): void {
    const wake = this.#wake;
    this.#first = undefined;
    this.#wake = undefined;
    wake?.();
  }

  #isOwn(path: string): boolean {
    return path === this.#into || path.startsWith(`${this.#into}/`);
  }
}
