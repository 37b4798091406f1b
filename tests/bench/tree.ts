/**
 * Trees of files for the bench, and whether a copy of one is complete.
 *
 * @module
 */

import { walkSync } from "@std/fs/walk";
import { createHash } from "node:crypto";
import { noise } from "../../fixtures/noise.ts";

/** Files of a directory, as a rule. */
const usualPerDirectory = 100;

/** Bytes of a small file, as the performance targets have it. */
const smallBytes = 4_096;

/** Makes files of 4 KiB. */
export function makeSmallFiles(
  directory: string,
  files: number,
  perDirectory = usualPerDirectory,
): void {
  for (let index = 0; index < files; index++) {
    const parent = `${directory}/${Math.floor(index / perDirectory)}`;
    if (index % perDirectory === 0) Deno.mkdirSync(parent, { recursive: true });
    writeSmallFile(directory, index, "first", perDirectory);
  }
}

/** Gives a small file other contents. */
export function writeSmallFile(
  directory: string,
  index: number,
  text: string,
  perDirectory = usualPerDirectory,
): void {
  Deno.writeTextFileSync(
    `${directory}/${Math.floor(index / perDirectory)}/${index}`,
    `${index} ${text} `.padEnd(smallBytes, "relais"),
  );
}

/** Makes a file of noise. */
export function makeLargeFile(path: string, bytes: number): void {
  using file = Deno.openSync(path, { write: true, create: true });
  const blockBytes = 1024 * 1024;
  for (let left = bytes; left > 0; left -= blockBytes) {
    file.writeSync(noise(Math.min(left, blockBytes)));
  }
}

/** One digest for the names and contents of a whole tree; what relais keeps for itself is left out. */
export function digestOf(directory: string): string {
  const hash = createHash("sha256");
  for (const path of walk(directory)) {
    hash.update(`${path}\0`);
    using file = Deno.openSync(`${directory}/${path}`);
    const block = new Uint8Array(1024 * 1024);
    for (let read; (read = file.readSync(block)) !== null;) {
      hash.update(block.subarray(0, read));
    }
  }
  return hash.digest("hex");
}

function walk(directory: string): string[] {
  const found = walkSync(directory, {
    includeDirs: false,
    skip: [/\/\.relais\//],
  });
  return Array.from(found, ({ path }) => path.slice(directory.length + 1))
    .sort();
}
