/**
 * Sources of one run that could not be published, and what that says of others.
 *
 * @module
 */

import { FileError, LocalError } from "../errors.ts";
import type { FailedFile } from "../state/pass-report.ts";
import { reasonOf } from "./reason.ts";
import { systemReason } from "../text/system-reason.ts";

/** What concerns the whole export, and not one file. */
const ofTheExport = new Set(["ENOSPC", "EROFS", "EDQUOT"]);

/** The sources that failed. */
export class Failures {
  readonly #into: string;
  readonly #onFailed: (file: FailedFile) => void;
  readonly #files: FailedFile[] = [];

  /** @param into The export, for what is wrong with it. */
  constructor(into: string, onFailed: (file: FailedFile) => void) {
    this.#into = into;
    this.#onFailed = onFailed;
  }

  /** In the order they failed. */
  get files(): readonly FailedFile[] {
    return this.#files;
  }

  /** Notes a source that cannot be published. */
  add(path: string, error: string): void {
    const file = { path, error };
    this.#files.push(file);
    this.#onFailed(file);
  }

  /**
   * Notes what went wrong with one source.
   *
   * @throws {LocalError} If it goes wrong with all others, too.
   */
  addOrThrow(path: string, error: unknown): void {
    const { code } = error as { code?: string };
    if (code !== undefined && ofTheExport.has(code)) {
      throw new LocalError(
        `Cannot write to ${this.#into}: ${systemReason(error)}`,
        {
          cause: error,
          hint: `check the permissions and free space of ${this.#into}`,
        },
      );
    }
    if (!(error instanceof FileError) && code === undefined) throw error;
    this.add(path, reasonOf(error));
  }

  /** Tells whether `path` lies in a directory that could not be read: that it was not met says nothing. */
  hides(path: string): boolean {
    return this.#files.some((failed) =>
      failed.path === "" || path.startsWith(`${failed.path}/`)
    );
  }
}
