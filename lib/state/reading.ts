/**
 * How the rows of a list are told from those of an earlier one.
 *
 * @module
 */

/** One reading of a server's list from its start, or of its tree. */
export interface Reading {
  readonly server: string;
  /** `null` for a tree. */
  readonly generation: string | null;
  /** Counts the readings from the start. */
  readonly number: number;
}
