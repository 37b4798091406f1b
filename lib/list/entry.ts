/**
 * One file as a server names it, whether a list or a walk of its tree told us.
 *
 * @module
 */

import type { Timestamp } from "../text/timestamp.ts";

/** Digests the list can carry; `null` where the publisher gave none. */
export type Digest = `sha256:${string}` | `cksum:${string}`;

/** Identity of the contents of a file: two files with the same version need not be told apart. */
export interface Version {
  readonly mtime: Timestamp;
  /** Size in bytes, a safe integer. */
  readonly size: number;
  readonly digest: Digest | null;
}

/** One line of a list. */
export interface Entry extends Version {
  /** Position in its list: 1, 2, 3 … */
  readonly seq: number;
  /** `+`: new or changed; `-`: withdrawn (size 0, no mode, no digest). */
  readonly op: "+" | "-";
  /** Time at which the publisher wrote the line. */
  readonly published: Timestamp;
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number | null;
  /** Path below the root: `/` between parts, decoded, checked; see {@link checkPath}. */
  readonly path: string;
}
