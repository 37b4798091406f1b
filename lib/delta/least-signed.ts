/**
 * The least size of a file that has a signature: the state needs it, and nothing else of
 * what a signature is.
 *
 * @module
 */

/** In bytes. No configuration has ever given smaller files signatures. */
export const leastSigned: number = 64 * 1024;
