/**
 * A list as its reader sees it: what it is, and how far it has been read.
 *
 * @module
 */

/** Stands for the generation of a list that has none: relais did not write it. */
export const foreignGeneration = "foreign";

/** Position of a reader in a list, and the marks by which to recognise the list. */
export interface Cursor {
  readonly generation: string;
  /** Bytes read so far; a line ends there. */
  readonly offset: number;
  /** The last bytes before `offset`. */
  readonly tail: Uint8Array;
  /** `seq` of the last line read. */
  readonly seq: number;
  /** Date of the list when it was read, in seconds since the epoch; `null`: it does not tell whether the list has changed. */
  readonly modified: number | null;
}

/** A list as a probe sees it. */
export interface PublishedList {
  readonly generation: string;
  /** Bytes. */
  readonly size: number;
  /** The heartbeat: when the publisher last ran, in seconds since the epoch; 0 if the server does not tell it. */
  readonly mtime: number;
}
