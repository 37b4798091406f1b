/**
 * Words of a command that is typed into a shell.
 *
 * @module
 */

/** Puts a text in single quotes, for sh(1). */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Returns `word` as a shell reads it back: in quotes where it needs them. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : quoted(word);
}
