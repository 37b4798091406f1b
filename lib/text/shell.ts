/**
 * Texts as words of a shell: what a message tells people to type must arrive as it is.
 *
 * @module
 */

/** Puts a text in single quotes, for sh(1). */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Writes a text as one word, in quotes only if the shell would read it in another way. */
export function shellWord(text: string): string {
  return /^[\w./:@%+,=-]+$/.test(text) ? text : quoted(text);
}
