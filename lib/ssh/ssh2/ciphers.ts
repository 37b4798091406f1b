/**
 * Ciphers that give their memory back.
 *
 * ssh2 makes six ChaCha20 ciphers for each packet, uses each one once, and
 * leaves them to the garbage collector. Deno keeps a cipher until it is told
 * that nothing more comes (`final()`): some 250 bytes each, which in a loop, or
 * in a large transfer, add up to hundreds of megabytes.
 *
 * Imported before ssh2, which takes the functions of `node:crypto` when it is
 * loaded.
 *
 * @module
 */

import crypto from "node:crypto";
import { releaseOwn } from "../../worker/release.ts";

/** The only cipher that ssh2 uses once and does not end. */
const usedOnce = "chacha20";

type Create = (
  algorithm: string,
  ...rest: [key: Uint8Array, iv: Uint8Array]
) => { update(bytes: Uint8Array): Uint8Array; final(): Uint8Array };

/** @param done Is given what was ciphered or deciphered, which is not looked at any more. */
function endedAfterUse(
  create: Create,
  done: (bytes: Uint8Array) => void = () => {},
): Create {
  return (algorithm, ...rest) => {
    const cipher = create(algorithm, ...rest);
    if (algorithm !== usedOnce) return cipher;
    const update = cipher.update.bind(cipher);
    cipher.update = (bytes) => {
      const result = update(bytes);
      cipher.final();
      done(bytes);
      return result;
    };
    return cipher;
  };
}

const patched = crypto as unknown as Record<
  "createCipheriv" | "createDecipheriv",
  Create
>;
patched.createCipheriv = endedAfterUse(patched.createCipheriv);
patched.createDecipheriv = endedAfterUse(
  patched.createDecipheriv,
  // A part of what came is left alone: the rest may be the next packet.
  (bytes) => releaseOwn(bytes),
);
