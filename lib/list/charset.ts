/**
 * Names that were not UTF-8 on the server, made readable.
 *
 * @module
 */

import { checkPath, decodeBytes, decodePath } from "./path.ts";

/** Form of an escaped name: a publisher escapes control bytes, `%`, and bytes that are not UTF-8. */
const escaped = /^(?:[^%]|%(?:[01][0-9A-F]|25|7F|[89A-F][0-9A-F]))*$/;

/**
 * Returns what a path of an export reads in UTF-8, if parts of it stand there
 * under their `%XX` form because they were not UTF-8 on the server
 * (docs/list-format.md); `undefined` if none does, or is a name in `charset`
 * either.
 *
 * @throws {RangeError} If `charset` is none.
 */
export function readableName(
  path: string,
  charset: string,
): string | undefined {
  if (!path.includes("%")) return undefined;
  const parts = path.split("/");
  if (!parts.some(isEscaped)) return undefined;
  const decoder = new TextDecoder(charset, { fatal: true, ignoreBOM: true });
  try {
    const readable = parts.map((part) =>
      isEscaped(part) ? decoder.decode(decodeBytes(part)) : part
    );
    if (readable.some((part) => part.includes("/"))) return undefined;
    const whole = readable.join("/");
    return checkPath(whole) === undefined ? whole : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Returns how relais sees the source of an exported path, which cannot name one that
 * is not UTF-8: with U+FFFD for each wrong byte. `undefined` if no part of the path
 * is a `%XX` form.
 */
export function seenName(path: string): string | undefined {
  if (!path.includes("%")) return undefined;
  const parts = path.split("/");
  if (!parts.some(isEscaped)) return undefined;
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return parts.map((part) =>
    isEscaped(part) ? decoder.decode(decodeBytes(part)) : part
  ).join("/");
}

/** Tells whether a part may be the `%XX` form of a name; one that is UTF-8 has its `%` from somebody else. */
function isEscaped(part: string): boolean {
  return part.includes("%") && escaped.test(part) &&
    decodePath(part) === undefined;
}
