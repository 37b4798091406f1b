/**
 * The rotating log file, kept by LogTape's file sink.
 *
 * That sink syncs the disk at every flush, offers no flush on demand, loses
 * what it was flushing when that fails, and does not notice that a full disk
 * took only half. So it is given whole batches of lines, one record each, that
 * it writes at once; what became of them is looked up afterwards; and after a
 * failure it is replaced by another one.
 *
 * @module
 */

import type { Sink } from "@logtape/logtape";
import { dirname } from "@std/path/posix";
import type { LogConfig } from "../config/config.ts";
import { LocalError } from "../errors.ts";
import { systemReason } from "../text/system-reason.ts";

export interface LogFileOptions {
  /** Bytes the file may reach before it is rotated. */
  readonly maxSize: number;
  /** Rotated files kept: `path.1` is the youngest. */
  readonly keep: number;
}

/** Permission bits of a log file that is not there yet: the group may read along. */
const newFileMode = 0o640;

/** The file as it was last seen. */
interface Seen {
  readonly inode: number | null;
  /** Permission bits, kept over rotations. */
  readonly mode: number;
  readonly size: number;
  /** True if its last line has no end, because somebody was killed or a disk was full. */
  readonly torn: boolean;
}

/** The log file. What others find at its path is always the youngest part of the log. */
export class LogFile implements Disposable {
  readonly #path: string;
  readonly #options: LogFileOptions;
  /** Loading takes longer than all the rest; nobody need wait for it before the first line. */
  readonly #loading: Promise<typeof import("@logtape/file")>;
  #sink: (Sink & Disposable) | undefined;
  #seen: Seen;

  /**
   * Makes sure that the file can be written, and appended to.
   *
   * @throws {LocalError} If it cannot.
   */
  constructor(path: string, options: LogFileOptions) {
    this.#path = path;
    this.#options = options;
    try {
      this.#seen = look(path);
    } catch (cause) {
      throw unusable(path, cause);
    }
    this.#loading = import("@logtape/file");
  }

  /**
   * Appends whole lines, each with its end, and returns whether the file was
   * rotated for them.
   *
   * @throws {LocalError} If they could not all be written; a later call tries again.
   */
  async write(lines: string): Promise<boolean> {
    const { getRotatingFileSink } = await this.#loading;
    try {
      const before = this.#open(getRotatingFileSink);
      const text = before.torn ? `\n${lines}` : lines;
      this.#sink!(record(text));
      return this.#check(before, new TextEncoder().encode(text).length);
    } catch (cause) {
      this.#close();
      throw unusable(this.#path, cause);
    }
  }

  [Symbol.dispose](): void {
    this.#close();
  }

  /** Opens the file, again if somebody else has moved it away: logrotate, another relais. */
  #open(
    getRotatingFileSink: typeof import("@logtape/file").getRotatingFileSink,
  ): Seen {
    const seen = look(this.#path);
    if (seen.inode !== this.#seen.inode) this.#close();
    this.#sink ??= getRotatingFileSink(this.#path, {
      maxSize: this.#options.maxSize,
      maxFiles: this.#options.keep,
      bufferSize: 0,
      flushInterval: 0,
      formatter: ({ rawMessage }) => String(rawMessage),
    });
    return this.#seen = seen;
  }

  /** Returns whether the file was rotated, and throws if it did not grow by `bytes`. */
  #check(before: Seen, bytes: number): boolean {
    const { ino, size } = Deno.statSync(this.#path);
    // With nothing kept the new file may well get the number of the old one.
    const rotated = ino !== before.inode || size < before.size;
    if (rotated) Deno.chmodSync(this.#path, before.mode);
    this.#seen = { ...before, inode: ino };
    if (size - (rotated ? 0 : before.size) < bytes) {
      throw new Error("only a part of a message could be written");
    }
    return rotated;
  }

  #close(): void {
    try {
      this.#sink?.[Symbol.dispose]();
    } catch {
      // After a rotation that failed, it has closed its file already.
    }
    this.#sink = undefined;
  }
}

/** Returns the paths of a log and of what it is rotated to; nothing if none is kept. */
export function logFiles(
  { file, keep }: Pick<LogConfig, "file" | "keep">,
): string[] {
  if (file === "") return [];
  const rotated = Array.from({ length: keep }, (_, n) => `${file}.${n + 1}`);
  return [file, ...rotated];
}

/**
 * Makes the directory of a log, for a module that may write its files alone.
 *
 * @throws {LocalError} If it cannot be made.
 */
export function makeLogDirectory({ file }: Pick<LogConfig, "file">): void {
  if (file === "") return;
  try {
    Deno.mkdirSync(dirname(file), { recursive: true });
  } catch (cause) {
    throw unusable(file, cause);
  }
}

/** Creates the file if need be, and returns how it stands. */
function look(path: string): Seen {
  using file = open(path);
  const { isFile, ino, mode, size } = file.statSync();
  if (!isFile) throw new Error("not a regular file");
  return {
    inode: ino,
    mode: (mode ?? newFileMode) & 0o777,
    size,
    torn: size > 0 && !endsWithLine(file),
  };
}

function open(path: string): Deno.FsFile {
  // Opened for both: opening a FIFO only for writing would wait for its reader.
  const options = { read: true, append: true, create: true, mode: newFileMode };
  try {
    return Deno.openSync(path, options);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    Deno.mkdirSync(dirname(path), { recursive: true });
    return Deno.openSync(path, options);
  }
}

function endsWithLine(file: Deno.FsFile): boolean {
  const last = new Uint8Array(1);
  file.seekSync(-1, Deno.SeekMode.End);
  file.readSync(last);
  return last[0] === 0x0a;
}

function record(text: string): Parameters<Sink>[0] {
  return {
    category: ["relais"],
    level: "info",
    message: [text],
    rawMessage: text,
    timestamp: Date.now(),
    properties: {},
  };
}

function unusable(path: string, cause: unknown): LocalError {
  return new LocalError(
    `Cannot write the log "${path}": ${systemReason(cause)}`,
    {
      cause,
      hint: `check the owner, permissions and free space of ${
        dirname(path)
      }, or set log.file`,
    },
  );
}
