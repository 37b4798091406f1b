/**
 * Names that were not UTF-8 on the server, made readable.
 *
 * @module
 */

import { fromWire, loneByte } from "../sftp/wire-path.ts";
import { checkPath, decodeBytes, decodePath, encodePath } from "./path.ts";

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

/**
 * Returns how a path of a tree is listed: a part that is not UTF-8 in its `%XX` form,
 * as a publisher exports it. One that looks like such a form has its `%` escaped.
 *
 * @param path As `fromWire()` reads it.
 */
export function listedPath(path: string): string {
  if (path.isWellFormed() && !path.includes("%")) return path;
  return path.split("/").map(listedPart).join("/");
}

/** Returns the path that {@link listedPath} has listed so. */
export function pathInTree(listed: string): string {
  if (!listed.includes("%")) return listed;
  return listed.split("/").map(partInTree).join("/");
}

function listedPart(part: string): string {
  if (part.isWellFormed()) {
    return partInTree(part) === part ? part : encodePath(part);
  }
  return encodePath(part).replace(
    loneByte,
    (byte) => `%${(byte.charCodeAt(0) & 0xff).toString(16).toUpperCase()}`,
  );
}

function partInTree(listed: string): string {
  if (!listed.includes("%")) return listed;
  if (isEscaped(listed)) return fromWire(decodeBytes(listed));
  const literal = decodePath(listed);
  return literal === undefined || partInTree(literal) === literal
    ? listed
    : literal;
}

/** Tells whether a part may be the `%XX` form of a name; one that is UTF-8 has its `%` from somebody else. */
function isEscaped(part: string): boolean {
  return part.includes("%") && escaped.test(part) &&
    decodePath(part) === undefined;
}
