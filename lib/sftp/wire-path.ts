/**
 * Paths of a server as text, whatever bytes they have. SFTP version 3 names no
 * charset: a path is bytes, on most servers UTF-8. A byte that is not part of it is
 * read as a lone surrogate, U+DC80 to U+DCFF, and written as that byte again: the way
 * of PEP 383.
 *
 * @module
 */

/** A path as text, which goes as UTF-8, or as bytes. */
export type Path = string | Uint8Array;

const strictDecoder = new TextDecoder("utf-8", {
  fatal: true,
  ignoreBOM: true,
});
const encoder = new TextEncoder();

/** What the byte 0 would be read as. */
const surrogate = 0xdc00;

/** Bytes that are not part of a character, as {@link fromWire} reads it. */
export const loneByte = /[\udc80-\udcff]/g;

/** The longest character, in bytes. */
const longestCharacter = 4;

/** Reads a path, or a part of one. */
export function fromWire(bytes: Uint8Array): string {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return byteByByte(bytes);
  }
}

/** Returns what is sent for a path that {@link fromWire} has read, or that is text. */
export function toWire(path: string): Path {
  if (path.isWellFormed()) return path;
  return Uint8Array.from(
    Array.from(
      path,
      (character) =>
        character.isWellFormed()
          ? [...encoder.encode(character)]
          : [character.charCodeAt(0) & 0xff],
    ).flat(),
  );
}

function byteByByte(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const character = characterAt(bytes, at);
    text += character?.text ?? String.fromCharCode(surrogate + bytes[at]!);
    at += character?.length ?? 1;
  }
  return text;
}

/** The character that begins there; `undefined` if none does. */
function characterAt(
  bytes: Uint8Array,
  at: number,
): { text: string; length: number } | undefined {
  for (let length = 1; length <= longestCharacter; length++) {
    try {
      const text = strictDecoder.decode(bytes.subarray(at, at + length));
      return { text, length };
    } catch {
      // It may be longer.
    }
  }
  return undefined;
}
