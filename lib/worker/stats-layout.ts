/**
 * Where everything is in the stats block: a header, then for each module its
 * semaphore and its figures.
 *
 * @module
 */

import { type ModuleName, moduleNames } from "./protocol.ts";
import { figuresOf } from "./figures.ts";
import { semaphoreWords } from "./semaphore.ts";

/** "RLST", to recognise a stats block. */
export const magic = 0x524c5354;

/** Changes with the meaning of the header. */
export const version = 1;

/** Words of 32 bits in the header. */
export const headerWord = {
  magic: 0,
  version: 1,
  layout: 2,
  /** 1 once figures of an earlier process were restored. */
  restored: 3,
} as const;

/** Byte in the header where the block's birth is kept, in 64-bit milliseconds since the epoch. */
export const createdAt = 16;

/** A header and each section begin on a cache line of their own, so that modules do not slow each other down. */
const line = 64;

/** One module's part of the block, in bytes from its beginning. */
export interface Place {
  readonly semaphore: number;
  readonly figures: number;
  /** Index of each figure among the 64-bit words that begin at `figures`. */
  readonly index: ReadonlyMap<string, number>;
}

/** Where the section of each module is. */
export const places: ReadonlyMap<ModuleName, Place> = new Map(lay());

/** Length of the block in bytes. */
export const blockLength = Math.max(...[...places.values()].map(endOf));

/** Differs when the figures differ. */
export const layoutHash = hash(
  [...places].flatMap(([module, { index }]) => [module, ...index.keys()]),
);

function* lay(): Generator<[ModuleName, Place]> {
  let next = line;
  for (const module of moduleNames) {
    const names = figuresOf(module).map(([name]) => name);
    const place = {
      semaphore: next,
      figures: next + semaphoreWords * Int32Array.BYTES_PER_ELEMENT,
      index: new Map(names.map((name, index) => [name, index])),
    };
    yield [module, place];
    next = endOf(place);
  }
}

function endOf({ figures, index }: Place): number {
  const end = figures + index.size * BigInt64Array.BYTES_PER_ELEMENT;
  return Math.ceil(end / line) * line;
}

/** FNV-1a, 32 bits (http://www.isthe.com/chongo/tech/comp/fnv/). */
function hash(names: readonly string[]): number {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(names.join("\n"))) {
    value = Math.imul(value ^ byte, 0x01000193);
  }
  return value | 0;
}
