/**
 * What was read, or why it was refused: parsers never throw, whatever they are given.
 *
 * @module
 */

/** What was read, or why it was refused. */
export type Parsed<Value> =
  | { readonly value: Value }
  | { readonly reason: string };
