/**
 * Text in columns of a terminal: some characters take two, some none.
 *
 * @module
 */

import stringWidth from "string-width";

/** What a reader takes for one character, with all that combines with it. */
const characters = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** Stands for what was cut off. */
const ellipsis = "…";

/** Returns how many columns `text` takes. */
export function widthOf(text: string): number {
  return stringWidth(text);
}

/** Cuts `text` at its end, between characters, so that it takes no more than `columns`. */
export function fit(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let kept = "";
  let left = columns - widthOf(ellipsis);
  for (const { segment } of characters.segment(text)) {
    left -= widthOf(segment);
    if (left < 0) break;
    kept += segment;
  }
  return columns < widthOf(ellipsis) ? "" : kept + ellipsis;
}

/** Fills `text` up to `columns`, or cuts it. */
export function pad(text: string, columns: number): string {
  const fitted = fit(text, columns);
  return fitted + " ".repeat(columns - widthOf(fitted));
}
