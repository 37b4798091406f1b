/**
 * Bringing what is here already in line with rights that were changed.
 *
 * @module
 */

import { closeSync, fstatSync } from "node:fs";
import { describe, FileError } from "../errors.ts";
import { Pacer } from "../worker/pacer.ts";
import { pagesOf } from "../worker/pages.ts";
import type { FailedFile } from "../state/pass-report.ts";
import type { CopiedFile } from "../files/wanted.ts";
import { hasDate } from "../files/attributes.ts";
import type { Destination } from "../files/destination.ts";

/** Files asked for at a time. */
const page = 2_000;

/** Tells what is here, as the state knows it: the next files after `after`, by path. */
export type Here = (
  after: string,
  limit: number,
) => Promise<readonly CopiedFile[]>;

/** What was brought in line, and what could not be. */
export interface Amended {
  files: number;
  readonly failed: FailedFile[];
}

/**
 * Gives every copy, and every directory that relais made, the rights that the
 * configuration says, if they were others when this last came to its end.
 */
export async function amendRights(
  destination: Destination,
  here: Here,
): Promise<Amended> {
  const outcome: Amended = { files: 0, failed: [] };
  if (!destination.hasNewRights) return outcome;
  destination.amendDirectories();
  const pacer = new Pacer();
  const pages = pagesOf<CopiedFile>((last) => here(last?.path ?? "", page));
  for await (const files of pages) {
    for (const file of files) {
      amend(destination, file, outcome);
      await pacer.pause();
    }
  }
  destination.release();
  if (outcome.failed.length === 0) destination.noteRights();
  return outcome;
}

function amend(
  destination: Destination,
  file: CopiedFile,
  outcome: Amended,
): void {
  try {
    if (amendFile(destination, file)) outcome.files++;
  } catch (error) {
    const { code } = error as { code?: string };
    if (!(error instanceof FileError) && code === undefined) throw error;
    outcome.failed.push({
      path: file.path,
      error: `Cannot change the rights of ${file.path}: ${describe(error)}`,
    });
  }
}

/** What is not the copy is left alone: somebody may have put a link to another file there, with ln(1). */
function amendFile(destination: Destination, file: CopiedFile): boolean {
  const opened = destination.open(file.path);
  if (opened === undefined) return false;
  try {
    const { size, mtime } = fstatSync(opened.file);
    if (size !== file.size || !hasDate(mtime, file)) return false;
    return destination.rights.amendFile(opened.path, file);
  } finally {
    closeSync(opened.file);
  }
}
