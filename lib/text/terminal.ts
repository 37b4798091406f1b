/**
 * What a terminal does on these: ECMA-48, and xterm's for the cursor.
 *
 * @module
 */

export const cursorHome = "\x1b[H";
export const hideCursor = "\x1b[?25l";
export const showCursor = "\x1b[?25h";
/** What does not fit into a row is cut, or goes on in the next one. */
export const cutRows = "\x1b[?7l";
export const wrapRows = "\x1b[?7h";
export const eraseLine = "\x1b[K";
export const eraseRest = "\x1b[J";

/** Makes room for a line where others may be drawn below the cursor; see lib/cli/live-block.ts. */
export const eraseBelow = `\r${eraseRest}`;

/** Goes up so many rows. */
export function cursorUp(rows: number): string {
  return rows === 0 ? "" : `\x1b[${rows}A`;
}
