/**
 * Files in the making. A staged file is named after the version it becomes, so
 * that a transfer cut off goes on where it stopped, from whichever server.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { createHasher, type Hasher } from "../digest.ts";
import { FileError } from "../errors.ts";
import type { Entry } from "../list/entry.ts";
import { setAttributes } from "./attributes.ts";

/** How much of a staged file is read at a time to hash it again. */
const blockBytes = 1024 * 1024;

/** The part of an entry that decides what a staged file holds. */
export type Contents = Pick<
  Entry,
  "path" | "size" | "mtime" | "mode" | "digest"
>;

/** The name of the staged file for a version: the same on each pass and for each server. */
export function stagedName({ path, size, mtime, digest }: Contents): string {
  const identity = JSON.stringify([path, size, mtime, digest]);
  return createHash("sha256").update(identity).digest("hex").slice(0, 40);
}

/** A file that is being written; its bytes come in order. */
export class StagedFile implements Disposable {
  readonly path: string;
  readonly #entry: Contents;
  readonly #file: Deno.FsFile;
  #hasher: Hasher;
  #written = 0;

  private constructor(path: string, entry: Contents, file: Deno.FsFile) {
    this.path = path;
    this.#entry = entry;
    this.#file = file;
    this.#hasher = createHasher(entry.digest);
  }

  /** Opens the staged file of `entry` in the directory `staging`, and goes on with what is there of it. */
  static open(staging: string, entry: Contents): StagedFile {
    const path = `${staging}/${stagedName(entry)}`;
    const created = create(path);
    const staged = new StagedFile(path, entry, created ?? resume(path));
    if (created !== undefined) return staged;
    // Without a digest nobody could tell whether a power cut has damaged what is there.
    if (entry.digest === null) staged.restart();
    else staged.#hashWhatIsThere();
    return staged;
  }

  /** Bytes that are there already: reading goes on after them. */
  get offset(): number {
    return this.#written;
  }

  /**
   * Appends `bytes`.
   *
   * @throws {FileError} If that would make the file longer than its entry says.
   */
  write(bytes: Uint8Array): void {
    if (this.#written + bytes.length > this.#entry.size) throw this.#tooLong();
    this.#hasher.update(bytes);
    for (let written = 0; written < bytes.length;) {
      written += this.#file.writeSync(bytes.subarray(written));
    }
    this.#written += bytes.length;
  }

  /**
   * Checks size and digest, and gives the file its date and mode.
   *
   * @throws {FileError} If the contents are not what the list says; the staged file is emptied.
   */
  finish(): void {
    const { size, digest } = this.#entry;
    if (this.#written !== size) {
      throw this.#mismatch(
        `${this.#written} bytes arrived, and the list says ${size}`,
      );
    }
    const actual = this.#hasher.digest();
    if (digest !== null && actual !== digest) {
      throw this.#mismatch(
        `its digest is ${actual}, and the list says ${digest}`,
      );
    }
    setAttributes(this.path, this.#entry);
  }

  /** Empties the file: reading begins anew. */
  restart(): void {
    this.#file.truncateSync(0);
    this.#file.seekSync(0, Deno.SeekMode.Start);
    this.#hasher = createHasher(this.#entry.digest);
    this.#written = 0;
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  #hashWhatIsThere(): void {
    const block = new Uint8Array(blockBytes);
    for (let read; (read = this.#file.readSync(block)) !== null;) {
      this.#hasher.update(block.subarray(0, read));
      this.#written += read;
    }
    if (this.#written > this.#entry.size) this.restart();
  }

  #tooLong(): FileError {
    return this.#mismatch(
      `more than the ${this.#entry.size} bytes of the list arrive`,
    );
  }

  #mismatch(what: string): FileError {
    this.restart();
    return new FileError(`Cannot copy ${this.#entry.path}: ${what}`, {
      retriable: true,
      hint:
        "it may have changed since it was listed; the next pass tries again",
    });
  }
}

/** Makes a new file; returns `undefined` if there is one already. */
function create(path: string): Deno.FsFile | undefined {
  try {
    return Deno.openSync(path, {
      read: true,
      write: true,
      createNew: true,
      mode: 0o600,
    });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return undefined;
    throw error;
  }
}

/** Opens a staged file that is there already, if it is a file of our own. */
function resume(path: string): Deno.FsFile {
  const { isFile } = Deno.lstatSync(path);
  if (isFile) return Deno.openSync(path, { read: true, write: true });
  throw new FileError(`Cannot use ${path}: it is no file`, {
    hint: "remove it",
  });
}
