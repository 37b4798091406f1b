/**
 * Holding one file of the copy against what it should be.
 *
 * @module
 */

import { closeSync, fstatSync } from "node:fs";
import { hasDate } from "../files/attributes.ts";
import type { Destination } from "../files/destination.ts";
import type { Throttle } from "../files/throttle.ts";
import { FileError } from "../errors.ts";
import { digestOfFile } from "../files/file-digest.ts";
import { timestampFromMilliseconds } from "../text/timestamp.ts";
import type { Copy } from "./ledger.ts";

/** What can be wrong with a file of the copy. */
export const faults = ["differs", "missing", "unreadable"] as const;
export type Fault = typeof faults[number];

/** What is wrong with one file. */
export interface Finding {
  readonly path: string;
  readonly fault: Fault;
  /** How it shows. */
  readonly what: string;
}

/** Reads a file again; returns what is wrong with it, or `undefined` if nothing is. */
export async function examine(
  copy: Copy,
  destination: Destination,
  throttle: Throttle,
): Promise<Finding | undefined> {
  const found = (fault: Fault, what: string) => ({
    path: copy.path,
    fault,
    what,
  });
  try {
    const opened = destination.open(copy.path);
    if (opened === undefined) {
      return destination.look(copy.path) === undefined
        ? found("missing", "it does not exist any more")
        : found("differs", "it is not a regular file any more");
    }
    try {
      const what = await difference(opened.file, copy, throttle);
      return what === undefined ? undefined : found("differs", what);
    } finally {
      closeSync(opened.file);
    }
  } catch (error) {
    if (error instanceof FileError) return found("differs", error.message);
    if ((error as { code?: string }).code === undefined) throw error;
    return found("unreadable", (error as Error).message);
  }
}

async function difference(
  file: number,
  copy: Copy,
  throttle: Throttle,
): Promise<string | undefined> {
  const { size, mtime } = fstatSync(file);
  if (size !== copy.size) return `it has ${size} bytes, expected ${copy.size}`;
  if (copy.digest !== null) {
    const digest = await digestOfFile(
      file,
      copy,
      (bytes) => throttle.pass(bytes),
    );
    if (digest !== copy.digest) {
      return `its digest is ${digest}, expected ${copy.digest}`;
    }
  }
  if (hasDate(mtime, copy)) return undefined;
  const date = timestampFromMilliseconds(mtime.getTime());
  return `its date is ${date}, expected ${copy.mtime}`;
}
