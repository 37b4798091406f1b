/**
 * A file in the making: what was begun of it is continued, and it is finished only as
 * what its entry says.
 *
 * @module
 */

import { closeSync, openSync } from "node:fs";
import { dirname } from "@std/path/posix";
import { FileError } from "../errors.ts";
import type { Digest } from "../list/entry.ts";
import { Pacer } from "../worker/pacer.ts";
import { setAttributes } from "./attributes.ts";
import { sharesContents } from "./clone.ts";
import { createHasher, type Hasher } from "./digest.ts";
import { digestOfFile } from "./file-digest.ts";
import { splitAtHoles } from "./holes.ts";
import { lookAt } from "./if-there.ts";
import { ordinaryRights, type Rights } from "./rights.ts";
import { type Contents, stagedName } from "./staged-name.ts";
import { writeAll } from "./write-all.ts";

/** Size of one read when a staged file is hashed again. */
const blockBytes = 1024 * 1024;

/** Rights of a file that is not whole yet. */
const stagedMode = 0o600;

/** What a clone has to be, to be of use. */
export interface CloneCheck {
  /** Bytes of the units that are checked; the clone has so many whole ones. */
  readonly unit: number;
  isRight(index: number, unit: Uint8Array): boolean;
}

const unchecked: CloneCheck = { unit: blockBytes, isRight: () => true };

/** A file that is being written; its bytes come in order. */
export class StagedFile implements Disposable {
  readonly path: string;
  readonly #entry: Contents;
  readonly #rights: Rights;
  readonly #file: Deno.FsFile;
  #hasher: Hasher;
  #written = 0;
  /** True if the file ends with zeros that were not written. */
  #endsInHole = false;

  private constructor(
    path: string,
    entry: Contents,
    rights: Rights,
    file: Deno.FsFile,
  ) {
    this.path = path;
    this.#rights = rights;
    this.#entry = entry;
    this.#file = file;
    this.#hasher = createHasher(entry.digest);
  }

  /** Opens the staged file of `entry` in the directory `staging`, and goes on with what is there of it. */
  static async open(
    staging: string,
    entry: Contents,
    rights: Rights = ordinaryRights,
  ): Promise<StagedFile> {
    const path = `${staging}/${stagedName(entry)}`;
    const created = create(path);
    const staged = new StagedFile(
      path,
      entry,
      rights,
      created ?? resume(path),
    );
    if (created !== undefined) return staged;
    // Without a digest nobody could tell whether a power cut has damaged what is there.
    if (entry.digest === null) staged.restart();
    else await staged.#hashWhatIsThere();
    return staged;
  }

  /** Bytes that are there already: reading goes on after them. */
  get offset(): number {
    return this.#written;
  }

  /**
   * Begins an empty file with the first `bytes` of the file at `path`, if the file
   * system lets both share them, up to the first unit that is not right. What is
   * checked and hashed is the clone, which nobody else can change. Returns how many
   * bytes are there then.
   */
  async clone(
    path: string,
    bytes: number,
    check?: CloneCheck,
  ): Promise<number> {
    if (this.#written > 0 || !sharesContents(dirname(this.path))) return 0;
    try {
      await Deno.copyFile(path, this.path);
      Deno.chmodSync(this.path, stagedMode);
    } catch {
      // What is wrong with the disk is found when it is written to.
      this.restart();
      return 0;
    }
    this.#file.truncateSync(bytes);
    await this.#hashWhatIsThere(check);
    return this.#written;
  }

  /**
   * Appends `bytes`; long runs of zeros become holes.
   *
   * @throws {FileError} If that would make the file longer than its entry says.
   */
  write(bytes: Uint8Array): void {
    if (this.#written + bytes.length > this.#entry.size) {
      throw this.#mismatch(tooLong(this.#entry));
    }
    this.#hasher.update(bytes);
    for (const { piece, hole } of splitAtHoles(bytes)) {
      this.#endsInHole = hole;
      if (hole) this.#file.seekSync(piece.length, Deno.SeekMode.Current);
      else writeAll(this.#file, piece);
    }
    this.#written += bytes.length;
  }

  /**
   * Checks size and digest, and gives the file its date and mode.
   *
   * @throws {FileError} If the contents are not what the list says; the staged file is emptied.
   */
  finish(): void {
    try {
      checkContents(this.#entry, this.#written, this.#hasher);
    } catch (error) {
      throw this.#mismatch(error as FileError);
    }
    this.#fillLastHole();
    const { mtime } = this.#entry;
    setAttributes(this.path, {
      mtime,
      mode: this.#rights.fileMode(this.#entry),
    });
    this.#rights.handOver(this.path);
  }

  /** Empties the file: reading begins again. */
  restart(): void {
    this.#file.truncateSync(0);
    this.#file.seekSync(0, Deno.SeekMode.Start);
    this.#hasher = createHasher(this.#entry.digest);
    this.#written = 0;
    this.#endsInHole = false;
  }

  /** Closes the file; what is not finished stays, to go on with. */
  [Symbol.dispose](): void {
    this.#fillLastHole();
    this.#file.close();
  }

  #fillLastHole(): void {
    if (this.#endsInHole) this.#file.truncateSync(this.#written);
    this.#endsInHole = false;
  }

  /** Goes on behind what is there, as far as it is right. */
  async #hashWhatIsThere(check = unchecked): Promise<void> {
    const pacer = new Pacer();
    const { unit } = check;
    const block = new Uint8Array(unit * Math.max(1, blockBytes / unit | 0));
    const units = block.length / unit;
    for (let isWhole = true; isWhole;) {
      const read = this.#read(block);
      let right = 0;
      for (let index = 0; right < read && index < units; index++) {
        const piece = block.subarray(right, Math.min(read, right + unit));
        if (!check.isRight(this.#written / unit + index, piece)) break;
        right += piece.length;
      }
      this.#hasher.update(block.subarray(0, right));
      this.#written += right;
      isWhole = right === block.length;
      await pacer.pause();
    }
    if (this.#written > this.#entry.size) return this.restart();
    this.#file.truncateSync(this.#written);
    this.#file.seekSync(this.#written, Deno.SeekMode.Start);
  }

  /** Fills `block`, unless the file ends before. */
  #read(block: Uint8Array): number {
    let filled = 0;
    while (filled < block.length) {
      const read = this.#file.readSync(block.subarray(filled));
      if (read === null) break;
      filled += read;
    }
    return filled;
  }

  #mismatch(error: FileError): FileError {
    this.restart();
    return error;
  }
}

/**
 * Checks what arrived against what the list says.
 *
 * @throws {FileError} If it differs.
 */
export function checkContents(
  entry: Contents,
  size: number,
  hasher: Hasher,
): void {
  if (size > entry.size) throw tooLong(entry);
  if (size < entry.size) {
    throw changed(
      entry,
      `${size} bytes arrived, the list says ${entry.size}`,
    );
  }
  if (entry.digest === null) return;
  const digest: Digest = hasher.digest();
  if (digest === entry.digest) return;
  throw changed(
    entry,
    `its digest is ${digest}, the list says ${entry.digest}`,
  );
}

function tooLong(entry: Contents): FileError {
  return changed(
    entry,
    `more than the ${entry.size} bytes of the list arrived`,
  );
}

function changed({ path }: Contents, what: string): FileError {
  return new FileError(`Cannot copy ${path}: ${what}`, {
    retriable: true,
    hint: "it may have changed since it was listed; the next pass tries again",
  });
}

/** Makes a new file; returns `undefined` if there is one already. */
function create(path: string): Deno.FsFile | undefined {
  try {
    return Deno.openSync(path, {
      read: true,
      write: true,
      createNew: true,
      mode: stagedMode,
    });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return undefined;
    throw error;
  }
}

/** Opens a staged file that is there already, if it is a file of our own. */
function resume(path: string): Deno.FsFile {
  const { isFile } = Deno.lstatSync(path);
  if (isFile) {
    // It may be whole, and have the mode of a file that nobody may write.
    Deno.chmodSync(path, stagedMode);
    return Deno.openSync(path, { read: true, write: true });
  }
  throw new FileError(`Cannot use ${path}: it is not a file`, {
    hint: "remove it",
  });
}

/**
 * Tells whether a staged file is what its version says, to the last byte. Without a
 * digest nobody could tell.
 */
export async function isWhole(path: string, entry: Contents): Promise<boolean> {
  const there = lookAt(path);
  if (!there?.isFile || there.size !== entry.size) return false;
  if (entry.digest === null) return false;
  const file = openSync(path, "r");
  try {
    const pacer = new Pacer();
    const digest = await digestOfFile(file, entry, () => pacer.pause());
    return digest === entry.digest;
  } finally {
    closeSync(file);
  }
}
