/**
 * One file of a rotated log, open for reading. An open file stays the same file
 * while its name moves on from `log` to `log.1` and further.
 *
 * @module
 */

import { LocalError } from "../errors.ts";
import { systemReason } from "../text/system-reason.ts";

/** Bytes read at once. */
const chunkBytes = 64 * 1024;

/** An open part of a log. */
export class LogPart implements Disposable {
  /** Tells a file from the one that took its name. */
  readonly inode: number | null;
  readonly #file: Deno.FsFile;
  readonly #decoder = new TextDecoder();
  #rest = "";

  private constructor(file: Deno.FsFile) {
    this.#file = file;
    this.inode = file.statSync().ino;
  }

  /**
   * Opens a part; returns `undefined` if there is none of this name.
   *
   * @throws {LocalError} If it cannot be read.
   */
  static async open(path: string): Promise<LogPart | undefined> {
    try {
      return new LogPart(await openFile(path));
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) return undefined;
      throw new LocalError(
        `Cannot read the log "${path}": ${systemReason(cause)}`,
        {
          cause,
          hint: cause instanceof Deno.errors.IsADirectory
            ? "move it away, or set log.file to a file"
            : "run it as root, or join the group of the log",
        },
      );
    }
  }

  /** Reads the lines up to the present end; called again, those that came after it. */
  async *lines(): AsyncGenerator<string> {
    const chunk = new Uint8Array(chunkBytes);
    for (;;) {
      const read = await this.#file.read(chunk);
      if (read === null) return;
      this.#rest += this.#decoder.decode(chunk.subarray(0, read), {
        stream: true,
      });
      const lines = this.#rest.split("\n");
      this.#rest = lines.pop()!;
      yield* lines;
    }
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/** Opens a file to read it; of a directory, only reading would tell. */
async function openFile(path: string): Promise<Deno.FsFile> {
  const file = await Deno.open(path);
  if (!file.statSync().isDirectory) return file;
  file.close();
  throw new Deno.errors.IsADirectory("it is a directory");
}

/** Opens the parts of the log at `path`, the youngest first, up to but without the one with inode `until`. */
export async function openParts(
  path: string,
  until?: number | null,
): Promise<LogPart[]> {
  const parts: LogPart[] = [];
  for (let age = 0;; age++) {
    const part = await LogPart.open(age === 0 ? path : `${path}.${age}`);
    if (part === undefined) {
      // Between the two steps of a rotation there is no youngest part.
      if (age === 0) continue;
      return parts;
    }
    const isKnown = part.inode === until ||
      parts.some(({ inode }) => inode === part.inode);
    // Known already: the log was rotated between two calls.
    if (!isKnown) parts.push(part);
    else part[Symbol.dispose]();
    if (part.inode === until) return parts;
  }
}
