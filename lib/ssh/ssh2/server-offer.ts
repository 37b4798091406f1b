/**
 * The algorithms that a server offers, as it sends them in the clear before
 * anything is agreed on: RFC 4253, section 7.1.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import type { Offer } from "../algorithms.ts";

/** SSH_MSG_KEXINIT. */
const keyExchangeInit = 20;

/** From the beginning of the packet to the first list: length, padding, type, cookie. */
const beforeLists = 4 + 1 + 1 + 16;

/** Names that stand among the key exchanges, and are extensions. */
const extension = /^(?:ext-info-|kex-strict-)/;

/** Returns the offer in the first bytes of a connection; `undefined` if it is not there in full. */
export function serverOffer(opening: Buffer): Offer | undefined {
  try {
    return readOffer(opening);
  } catch (error) {
    // It was cut off.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** @throws {RangeError} If bytes are missing. */
function readOffer(opening: Buffer): Offer | undefined {
  const start = packetAfterBanner(opening);
  if (start === undefined) return undefined;
  if (opening.readUInt8(start + 5) !== keyExchangeInit) return undefined;
  let at = start + beforeLists;
  function next(): string[] {
    const length = opening.readUInt32BE(at);
    const end = at + 4 + length;
    if (end > opening.length) throw new RangeError("a list that is cut off");
    const names = opening.toString("latin1", at + 4, end);
    at = end;
    return names.split(",").filter((name) => name !== "");
  }
  const kex = next().filter((name) => !extension.test(name));
  const serverHostKey = next();
  const [cipher, , hmac, , compress] = [next(), next(), next(), next(), next()];
  return { kex, serverHostKey, cipher, hmac, compress };
}

/** Returns where the first packet begins: lines of text may come before the one with the version. */
function packetAfterBanner(opening: Buffer): number | undefined {
  const version = /^SSH-[^\n]*\n/m.exec(opening.toString("latin1"));
  return version === null ? undefined : version.index + version[0].length;
}
