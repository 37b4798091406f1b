/**
 * Modes and owners of the copies.
 *
 * @module
 */

import type { RightsConfig } from "../config/config.ts";
import { LocalError } from "../errors.ts";
import type { Entry } from "../list/entry.ts";
import { wantedMode } from "./attributes.ts";
import { systemReason } from "../text/system-reason.ts";

const permissions = 0o777;

/** Mode that `mkdir` requests; the umask removes bits from it. */
const madeMode = 0o777;

/** Permissions that relais needs on what is its own, and those that it gives nobody else there. */
const ownFileMode = 0o600;
const ownDirectoryMode = 0o700;
const foreignWrite = 0o022;

/** Gives files and directories what the configuration says. */
export class Rights {
  readonly #fileMode: number | null;
  readonly #directoryMode: number | null;
  readonly #owner: number | null;
  readonly #group: number | null;
  #umask: number | undefined;

  constructor({ fileMode, directoryMode, owner, group }: RightsConfig) {
    this.#fileMode = fileMode;
    this.#directoryMode = directoryMode;
    this.#owner = owner?.id ?? null;
    this.#group = group?.id ?? null;
  }

  /** Changes with whatever is given. */
  get fingerprint(): string {
    return [
      this.#fileMode ?? "keep",
      this.#directoryMode,
      this.#owner,
      this.#group,
    ].join(" ");
  }

  /** The mode with which a directory is made. */
  get madeMode(): number {
    return this.#directoryMode ?? madeMode;
  }

  /** The mode that the copy of an entry gets. */
  fileMode(entry: Pick<Entry, "mode">): number {
    return this.#fileMode ?? wantedMode(entry) & ~this.#masked;
  }

  /** The umask, which is asked for once: it takes two calls of the system. */
  get #masked(): number {
    return this.#umask ??= Deno.umask();
  }

  /**
   * Gives a file that has its mode to whom it is for. This comes last: relais may
   * not be allowed to change what is somebody else's.
   */
  handOver(path: string): void {
    if (this.#owner === null && this.#group === null) return;
    Deno.chownSync(path, this.#owner, this.#group);
  }

  /**
   * Gives a file that relais has just made, with any mode, its mode and its owner;
   * costs nothing where the umask has left what is wanted.
   */
  finish(path: string, entry: Pick<Entry, "mode">): void {
    const mode = this.fileMode(entry);
    if ((mode & this.#masked) !== 0) Deno.chmodSync(path, mode);
    this.handOver(path);
  }

  /** Lets those who may read the copies read a file that stays relais's own. */
  showFile(path: string): void {
    this.#show(path, this.fileMode({ mode: null }) | ownFileMode);
  }

  /** The same for a directory. */
  showDirectory(path: string): void {
    const mode = this.#directoryMode ?? madeMode & ~this.#masked;
    this.#show(path, mode | ownDirectoryMode);
  }

  #show(path: string, mode: number): void {
    Deno.chmodSync(path, mode & ~foreignWrite);
    if (this.#group !== null) Deno.chownSync(path, null, this.#group);
  }

  /** Gives a file what is not yet as it should be; returns whether anything was not. */
  amendFile(path: string, entry: Pick<Entry, "mode">): boolean {
    return this.#amend(path, this.fileMode(entry));
  }

  /** The same for a directory that relais made. */
  amendDirectory(path: string): boolean {
    return this.#amend(path, this.#directoryMode);
  }

  #amend(path: string, wanted: number | null): boolean {
    const { mode, uid, gid } = Deno.statSync(path);
    const isOther = wanted !== null && (mode! & permissions) !== wanted;
    const isOthers = (this.#owner ?? uid) !== uid ||
      (this.#group ?? gid) !== gid;
    if (isOther) Deno.chmodSync(path, wanted);
    if (isOthers) this.handOver(path);
    return isOther || isOthers;
  }

  /**
   * Tries on a file in `directory`, which is relais's own, whether what is copied
   * can be given to whom it is for.
   *
   * @throws {LocalError} If it cannot.
   */
  test(directory: string): void {
    if (this.#owner === null && this.#group === null) return;
    const path = Deno.makeTempFileSync({ dir: directory, prefix: "owner-" });
    try {
      this.handOver(path);
    } catch (cause) {
      throw new LocalError(
        `Cannot change the ${
          this.#owner === null ? "group" : "owner"
        } of files: ${systemReason(cause)}`,
        {
          cause,
          hint: this.#owner === null
            ? 'add the account that runs relais to replica.group; in a unit, "relais unit --install" does so'
            : 'run as root, or under the unit of "relais unit --install", which has the capabilities for replica.owner',
        },
      );
    } finally {
      Deno.removeSync(path);
    }
  }
}

/** The rights that any program gives: modes less the umask, and its own account. */
export const ordinaryRights = new Rights({
  fileMode: null,
  directoryMode: null,
  owner: null,
  group: null,
});
