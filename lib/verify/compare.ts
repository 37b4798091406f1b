/**
 * Holding the copy against what the state says of it, without reading it.
 *
 * @module
 */

import { dirname } from "@std/path/posix";
import type { Destination } from "../files/destination.ts";
import { hasDate } from "../files/attributes.ts";
import { Throttle } from "../files/throttle.ts";
import type { Finding } from "./examine.ts";
import { extras } from "./extra.ts";
import type { Copies, Copy } from "./ledger.ts";
import { examineAgain } from "./verify.ts";

/** What is not on the disk as the state has it. */
export interface Difference extends Omit<Finding, "fault"> {
  /** `extra`: it did not come with relais. */
  readonly fault: Finding["fault"] | "extra";
}

/**
 * Yields the files of which `matches` holds that are missing, or have another
 * size or date than they should, by path; then those that did not come with
 * relais.
 */
export async function* compare(
  copies: Copies,
  destination: Destination,
  matches: (path: string) => boolean,
): AsyncGenerator<Difference> {
  const unlimited = new Throttle({ bytesPerSecond: 0 });
  const known = {
    copy: async (path: string) => undigested(await copies.copy(path)),
  };
  const glance = new Glance(destination);
  for await (const page of copies.byPath()) {
    for (const copy of page) {
      if (!matches(copy.path) || glance.shows(copy)) continue;
      const looked = await examineAgain(copy, known, destination, unlimited);
      if (looked?.finding !== undefined) yield looked.finding;
    }
  }
  for await (const path of extras(destination.into, copies)) {
    if (!matches(path)) continue;
    yield { path, fault: "extra", what: "it did not come with relais" };
  }
}

/** Looks at files as their directories show them: to open them would say no more. */
class Glance {
  readonly #destination: Destination;
  #directory = ".";
  #isThere = true;

  constructor(destination: Destination) {
    this.#destination = destination;
  }

  /** Tells whether a file is as it should be. */
  shows(copy: Copy): boolean {
    try {
      if (!this.#enters(dirname(copy.path))) return false;
      const { into } = this.#destination;
      const there = Deno.lstatSync(`${into}/${copy.path}`);
      return there.isFile && there.size === copy.size &&
        there.mtime !== null && hasDate(there.mtime, copy);
    } catch {
      // Opening it says why.
      return false;
    }
  }

  /** Files come by path: most are in the directory of the one before. */
  #enters(directory: string): boolean {
    if (directory !== this.#directory) {
      this.#directory = directory;
      this.#isThere = false;
      this.#isThere = this.#destination.look(directory)?.isDirectory === true;
    }
    return this.#isThere;
  }
}

/** Without its digest, size and date are all there is to compare. */
function undigested(copy: Copy | undefined): Copy | undefined {
  return copy && { ...copy, digest: null };
}
