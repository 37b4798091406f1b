/**
 * The macros of man(7), as the manual pages need them.
 *
 * @module
 */

/** Long options and paths leave gaps in lines of equal length, and no hyphen may get into them. */
export const plainLines = [".ad l", ".nh"];

/** A paragraph below a tag. */
export function tagged(tag: string, meaning: string): string[] {
  return [".TP", tag, text(meaning)];
}

/** Paragraphs of text. */
export function paragraphs(all: readonly string[]): string[] {
  return all.flatMap((paragraph) => [".PP", text(paragraph)]);
}

/** The last section: other pages, as in `sftp(1)`. */
export function seeAlso(pages: readonly string[]): string[] {
  const names = pages.map((page) => `.BR ${escape(page.replace("(", " ("))}`);
  return [".SH SEE ALSO", names.join(",\n")];
}

/** A word that is typed as it stands. */
export function bold(word: string): string {
  return `\\fB${escape(word)}\\fR`;
}

/** A word that stands for another. */
export function italic(word: string): string {
  return `\\fI${escape(word)}\\fR`;
}

/** A line of text; one that begins with a dot or a quote would be a request. */
export function text(line: string): string {
  return escape(line).replace(/^[.']/, "\\&$&");
}

/** Hyphens that belong to what is typed must stay what they are; a long path may break after a slash, without one. */
export function escape(line: string): string {
  return line.replaceAll("\\", "\\e").replaceAll("-", "\\-")
    .replaceAll("…", "...").replaceAll("'", "\\(aq")
    .replaceAll(/\S{25,}/g, (word) => word.replaceAll("/", "/\\:"));
}
