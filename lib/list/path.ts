/**
 * Paths as a list carries them: which ones may be used, and how bytes that
 * would break a line are written.
 *
 * @module
 */

/** Directory that is reserved for relais in an export and in a replica. */
export const ownDirectory = ".relais";

/** Limits of Linux: PATH_MAX and NAME_MAX, in bytes. */
const longestPath = 4_096;
const longestPart = 255;

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder("utf-8", {
  fatal: true,
  ignoreBOM: true,
});

/** Replacement for bytes that are not UTF-8. */
const wrongByte = "\uFFFD";

/** Tells whether a name is known by another one than its own, because that is not UTF-8. */
export function isForeign(path: string): boolean {
  return path.includes(wrongByte) || !path.isWellFormed();
}

/** Reason for refusing such a name. */
export const foreignName =
  'its name is not valid UTF-8; rename it, or publish with the script of "relais publish --print-sh", which exports it under another name';

/** Any text that takes more than this many UTF-16 units may take more than {@link longestPart} bytes. */
const surelyShort = 85;
const surelyShortPath = 1_365;

/** A part of a path that is nothing but ASCII letters, digits and a few signs, and begins with no dot. */
const ordinary = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;

/** A path of such parts. */
const ordinaryPath =
  /^[A-Za-z0-9_-][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;

/**
 * Returns why a decoded relative path may not be used, or `undefined` if it
 * may. Nothing that passes leads out of the directory it is relative to.
 */
export function checkPath(path: string): string | undefined {
  // Most are: this is asked for each source in each run.
  if (path.length <= surelyShort && ordinaryPath.test(path)) return undefined;
  if (path === "") return "the path is empty";
  if (path.startsWith("/")) return "the path is absolute";
  if (path.includes("\0")) return "the path contains NUL";
  if (isForeign(path)) return "the path is not valid UTF-8";
  if (path.length > surelyShortPath && byteLength(path) > longestPath) {
    return `the path is longer than ${longestPath} bytes`;
  }
  return checkParts(path.split("/"));
}

function checkParts(parts: readonly string[]): string | undefined {
  if (isOwn(parts[0]!)) {
    return `the path lies in ${ownDirectory}, which is reserved for relais`;
  }
  for (const part of parts) {
    if (part === "") return "the path has an empty part";
    if (part === "." || part === "..") return `the path has a part "${part}"`;
    if (part.length > surelyShort && byteLength(part) > longestPart) {
      return `a part of the path is longer than ${longestPart} bytes`;
    }
  }
  return undefined;
}

/**
 * Tells whether a file system may take `part` for relais's own directory: some do not
 * tell case apart, and pass over what cannot be seen.
 */
function isOwn(part: string): boolean {
  if (ordinary.test(part)) return false;
  return part === ownDirectory ||
    part.normalize("NFKC").replace(/\p{Default_Ignorable_Code_Point}/gu, "")
        .toLowerCase() === ownDirectory;
}

/** Writes control bytes and `%` as `%XX`, so that a path fits into a line. */
export function encodePath(path: string): string {
  // deno-lint-ignore no-control-regex -- control bytes are what this is about
  return path.replace(/[\x00-\x1f\x7f%]/g, (character) => {
    const hex = character.charCodeAt(0).toString(16).toUpperCase();
    return `%${hex.padStart(2, "0")}`;
  });
}

/** Reads what {@link encodePath} wrote; returns `undefined` if a `%` is not followed by two hexadecimal digits, or the bytes are not UTF-8. */
export function decodePath(text: string): string | undefined {
  if (!text.includes("%")) return text;
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return undefined;
  try {
    return strictDecoder.decode(decodeBytes(text));
  } catch {
    // Bytes that are not UTF-8: a name that nobody here could open.
    return undefined;
  }
}

/** Returns the bytes that `text` stands for, in which each `%` is followed by two hexadecimal digits. */
export function decodeBytes(text: string): Uint8Array {
  const pieces = text.split(/%([0-9A-Fa-f]{2})/);
  const bytes = pieces.map((piece, index) =>
    index % 2 === 0 ? encoder.encode(piece) : [Number.parseInt(piece, 16)]
  );
  return Uint8Array.from(bytes.flatMap((some) => [...some]));
}

function byteLength(text: string): number {
  return encoder.encode(text).length;
}

/** Returns the directories that `paths` lie in, those within others first. */
export function directoriesAbove(paths: Iterable<string>): string[] {
  const directories = new Set<string>();
  for (const path of paths) {
    for (const directory of above(path)) {
      if (directories.has(directory)) break;
      directories.add(directory);
    }
  }
  return [...directories].sort((a, b) => b.length - a.length);
}

/** Returns the directories above a path, the nearest first. */
export function above(path: string): string[] {
  const directories = [];
  for (let at; (at = path.lastIndexOf("/")) !== -1;) {
    path = path.slice(0, at);
    directories.push(path);
  }
  return directories;
}

/** Orders paths by their bytes, as SQLite does: UTF-16, which JavaScript compares, has another order. */
export function comparePaths(a: string, b: string): number {
  const [one, other] = [encoder.encode(a), encoder.encode(b)];
  const differs = one.findIndex((byte, index) => byte !== other[index]);
  return differs === -1
    ? one.length - other.length
    : one[differs]! - (other[differs] ?? -1);
}
