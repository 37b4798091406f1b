/**
 * Files of the copy, as the modules speak of them: wanted, arrived, here.
 *
 * @module
 */

import type { Version } from "../list/entry.ts";

/** An entry to fetch. */
export interface Wanted extends Version {
  /** Position in the list of its server. */
  readonly seq: number;
  readonly path: string;
  /** Its path on the server, if that is another one. */
  readonly remote: string | null;
  /** Permission bits; `null` if the server tells none. */
  readonly mode: number | null;
  /** Version on the replica under this path, as far as the synchronised list knows. */
  readonly here: Version | null;
  /** True if it could not be copied last time. */
  readonly failedBefore: boolean;
  /** Path of a large file on the replica that had the same contents when it was copied; `null` if none is known. */
  readonly twin: string | null;
}

/** A file that is durably on the replica. */
export interface Arrived {
  readonly path: string;
  /** `seq` of the entry in the list of the server it came from. */
  readonly seq: number;
  /** False if the file was there already, and only adopted. */
  readonly fetched: boolean;
}

/** A file on the replica. */
export interface CopiedFile extends Pick<Version, "size" | "mtime"> {
  readonly path: string;
  /** Permission bits; `null` if its server told none. */
  readonly mode: number | null;
}
