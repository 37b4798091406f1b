/**
 * Fetching the bytes of files, from one connection or several.
 *
 * @module
 */

import { FileError } from "../errors.ts";
import type { Wanted } from "../files/wanted.ts";
import type { FileStat } from "../ssh/file-stat.ts";
import type { SmallFile } from "../ssh/read-file.ts";
import type { ComingRanges } from "../ssh/coming-ranges.ts";
import { type Range, type Read, readRanges } from "../ssh/read-range.ts";
import type { Throttle } from "../files/throttle.ts";
import { Window } from "./window.ts";

/** A file that is open on a server. */
export interface RemoteFile {
  /** @throws {FileError} If the server does not give it. */
  readonly read: Read;
  /** Waits for no answer. */
  close(): void;
}

/** The part of a session that fetching needs. */
export interface Connection {
  /** The longest READ that is answered in full, in bytes. */
  readonly maxRead: number;
  /** Files that may be open at a time. */
  readonly maxHandles: number;
  /** How long a file may make no progress, in milliseconds. */
  readonly requestMs: number;
  /** Follows a symbolic link. @throws {FileError} If there is nothing. */
  stat(path: string): Promise<FileStat>;
  /** Reads a small file whole, into memory that is the caller's. @throws {FileError} If the server does not give it. */
  fetch(file: SmallFile): Promise<Uint8Array>;
  /** @throws {FileError} If the server does not give the file. */
  open(path: string): Promise<RemoteFile>;
}

/** One request in flight carries at most so many bytes; a longer one counts for several. */
const slotBytes = 64 * 1024;

/** Returns where a server has what `entry` names, below `root`. */
export function pathOn(
  root: string,
  { path, remote }: Pick<Wanted, "path" | "remote">,
): string {
  return `${root}/${remote ?? path}`;
}

/** Hears of bytes as they come. */
export interface Hearer {
  received(bytes: number): void;
}

/** Tells `hearer` of what is fetched. */
export async function* heard(
  pieces: AsyncIterable<Uint8Array>,
  hearer: Hearer,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    hearer.received(piece.length);
    yield piece;
  }
}

/** Fetches from one server. */
export class Fetcher {
  readonly #connections: readonly Connection[];
  readonly #throttle: Throttle;
  /** Whole files fetched so far: they are dealt out to the connections in turn. */
  #dealt = 0;
  readonly #window = new Window();
  #rate = 0;

  constructor(connections: readonly Connection[], throttle: Throttle) {
    this.#connections = connections;
    this.#throttle = throttle;
  }

  /** Bytes that come in a millisecond, as far as has been seen; `undefined` before anything large has come. */
  get rate(): number | undefined {
    return this.#rate === 0 ? undefined : Math.min(this.#rate, this.limit);
  }

  /** The shortest time in which a small request was answered, in milliseconds; 0 before any was. */
  get roundTripMs(): number {
    return this.#window.roundTripMs;
  }

  /** Bytes that may come in a millisecond; `Infinity`: no limit. */
  get limit(): number {
    return this.#throttle.bytesPerMs;
  }

  /** Tells whether a file of `size` bytes comes in one answer, and soon. */
  isSmall(size: number): boolean {
    return size <= this.mostAtOnce;
  }

  /** Bytes of the largest file that comes in one answer, which has room for one byte more. */
  get mostAtOnce(): number {
    return this.#piece - 1;
  }

  /** Files that may be open at a time. */
  get maxFiles(): number {
    return this.#connections.reduce(
      (sum, { maxHandles }) => sum + maxHandles,
      0,
    );
  }

  /** How many slots of `parallel` a file with `bytes` to come takes while it is fetched: not all, so that others come meanwhile. */
  slotsFor(bytes: number, parallel: number): number {
    const most = Math.max(1, Math.floor(parallel / 2));
    return Math.min(most, Math.floor(bytes / slotBytes) + 1);
  }

  /**
   * Sees that there is a file to open. Opening a FIFO waits for its writer, and
   * every other request with it.
   *
   * @throws {FileError} If there is none.
   */
  async examine(path: string): Promise<void> {
    const { kind } = await this.#next().stat(path);
    if (kind === "file") return;
    const what = kind === "directory" ? "a directory" : "a FIFO or a device";
    throw new FileError(`Cannot fetch ${path}: it is ${what} on the server`, {
      hint: "restore the file there, or exclude its path",
    });
  }

  /**
   * Fetches a small file, and one byte more if it has grown beyond `size`.
   *
   * @param isChecked Whether its digest is known.
   */
  async fetchSmall(
    path: string,
    size: number,
    isChecked: boolean,
  ): Promise<Uint8Array> {
    await this.#throttle.pass(size);
    const asked = size + 1;
    await this.#window.enter(asked, performance.now());
    const began = performance.now();
    let came = 0;
    try {
      const file = { path, length: asked, isChecked };
      const bytes = await this.#next().fetch(file);
      came = bytes.length;
      this.#window.answered(performance.now() - began);
      return bytes;
    } finally {
      this.#window.arrived(came, asked, performance.now());
    }
  }

  /**
   * Fetches a file of any size from `start` on, in order, and one byte more if
   * it has grown beyond `size`. Its pieces are asked of all connections in turn.
   */
  fetchLarge(
    path: string,
    { start, size, slots }: { start: number; size: number; slots: number },
  ): AsyncGenerator<Uint8Array> {
    return this.fetchRanges(path, [{ start, end: size + 1 }], slots);
  }

  /** Fetches parts of a file, in order; ends early where the file does. A piece is gone once the next one is asked for. */
  async *fetchRanges(
    path: string,
    ranges: Iterable<Range> | ComingRanges,
    slots: number,
  ): AsyncGenerator<Uint8Array> {
    const files = await this.#openAll(path);
    const window = this.#window;
    const most = slots * slotBytes;
    let pieces = 0;
    let own = 0;
    let isOver = false;
    const read: Read = async (position, bytes, memory) => {
      await this.#throttle.pass(bytes);
      await window.enter(bytes, performance.now());
      own += bytes;
      let came = 0;
      try {
        // Nobody waits for it any more, and the file is closed.
        if (isOver) return new Uint8Array(0);
        const file = files[pieces++ % files.length]!;
        const piece = await file.read(position, bytes, memory);
        came = piece.length;
        return piece;
      } finally {
        own -= bytes;
        window.arrived(came, bytes, performance.now());
        this.#rate = Math.max(this.#rate, window.rate);
      }
    };
    const pacing = {
      length: () => this.#piece,
      // What other files have under way is not there for this one.
      most: () => Math.min(most, window.bytes - window.underWay + own),
      limitMs: this.#connections[0]!.requestMs,
    };
    try {
      yield* readRanges(read, ranges, pacing);
    } finally {
      isOver = true;
      for (const file of files) file.close();
    }
  }

  /** Opens a file on all connections, once there is room for what will be asked of it. */
  async #openAll(path: string): Promise<RemoteFile[]> {
    const asked = this.#piece;
    await this.#window.enter(asked, performance.now());
    const began = performance.now();
    const opening = this.#connections.map((connection) =>
      connection.open(path)
    );
    try {
      const files = await Promise.all(opening);
      this.#window.answered(performance.now() - began);
      return files;
    } catch (error) {
      for (const file of opening) file.then((open) => open.close(), () => {});
      throw error;
    } finally {
      this.#window.arrived(0, asked, performance.now());
    }
  }

  /** The connection whose turn it is. */
  #next(): Connection {
    return this.#connections[this.#dealt++ % this.#connections.length]!;
  }

  /** Bytes to ask for at a time. */
  get #piece(): number {
    const maxReads = this.#connections.map(({ maxRead }) => maxRead);
    return this.#window.piece(Math.min(...maxReads));
  }
}
