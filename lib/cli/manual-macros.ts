/**
 * The macros of man(7), as the manual pages need them.
 *
 * @module
 */

/** What a page begins with. */
export interface PageTitle {
  readonly name: string;
  readonly section: number;
  /** Title of the section of the manual. */
  readonly volume: string;
  /** What it is made of. */
  readonly source: string;
}

/** When the pages last changed in substance. */
const date = "2026-11-30";

/** The longest line that mandoc -T lint lets pass, in bytes. */
const longestLine = 80;

/** Returns the source of a page, in which mandoc -T lint finds nothing. */
export function formatPage(
  { name, section, volume, source }: PageTitle,
  lines: readonly string[],
): string {
  const page = [
    `.\\" Made by deno task manual; change ${source} instead.`,
    `.TH ${name.toUpperCase()} ${section} ${date} relais "${volume}"`,
    ...plainLines,
  ];
  let fills = true;
  for (const line of lines.flatMap((line) => line.split("\n"))) {
    const before = page.at(-1)!;
    // A section begins with a paragraph anyway.
    if (/^\.(?:PP|br)$/.test(line) && /^\.S[HS] /.test(before)) continue;
    if (line === ".nf") fills = false;
    if (line === ".fi") fills = true;
    const folds = fills && !line.startsWith(".") && before !== ".TP";
    page.push(...folds ? fold(line) : [line]);
  }
  return `${page.join("\n")}\n`;
}

/** Breaks a line of text between words, but not after a sentence, where it would get a second space. */
function fold(line: string): string[] {
  const lines: string[] = [];
  let rest = line;
  while (rest.length > longestLine) {
    const words = [...rest.slice(0, longestLine + 1).matchAll(/ /g)];
    const at = words.map(({ index }) => index)
      .findLast((index) => !/[.?!]["')\]]*$/.test(rest.slice(0, index)));
    if (at === undefined) break;
    lines.push(rest.slice(0, at));
    rest = rest.slice(at + 1).replace(/^[.']/, "\\&$&");
  }
  return [...lines, rest];
}

/** Long options and paths leave gaps in lines of equal length, and no hyphen may get into them. */
const plainLines = [".ad l", ".nh"];

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
