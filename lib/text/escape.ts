/**
 * Makes text from outside fit for a log or a terminal: names of files, answers
 * of servers, banners.
 *
 * @module
 */

/** C0, DEL and C1; lone surrogates; what turns the direction of writing; line ends that are not LF; the backslash itself. */
const invisible = /[\p{Cc}\p{Cs}\p{Bidi_Control}\u2028\u2029\\]/gu;

/**
 * Writes every character that a terminal would act upon, or that a reader would
 * not see, in visible form: `\n`, `\t`, `\\`, `\x1b`, `\u{202e}`. No two texts
 * look the same afterwards unless they are the same.
 */
export function escapeVisible(text: string): string {
  return text.replace(invisible, visibleForm);
}

function visibleForm(character: string): string {
  if (character === "\\") return "\\\\";
  if (character === "\n") return "\\n";
  if (character === "\t") return "\\t";
  const code = character.codePointAt(0)!;
  const hex = code.toString(16);
  return code <= 0xff ? `\\x${hex.padStart(2, "0")}` : `\\u{${hex}}`;
}

const encoder = new TextEncoder();

/** Cuts text to at most `maxBytes` of UTF-8, never within a character. */
export function cutUtf8(
  text: string,
  maxBytes: number,
): { readonly text: string; readonly cut: boolean } {
  const { read } = encoder.encodeInto(text, new Uint8Array(maxBytes));
  return { text: text.slice(0, read), cut: read < text.length };
}
