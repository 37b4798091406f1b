/**
 * What a server says in its own words, which nobody has checked.
 *
 * @module
 */

import { cutUtf8 } from "../text/escape.ts";

/** Enough to recognise an error by; a server could send pages. */
const longestText = 100;

/** Returns the message of an error that may repeat a server's words. Where it is shown, it is escaped. */
export function peerText(
  { message }: Pick<Error, "message">,
  longest = longestText,
): string {
  const { text, cut } = cutUtf8(message, longest);
  return cut ? `${text}…` : text;
}
