/**
 * Changes of one large file, of which little, or nothing, is new.
 *
 * @module
 */

import { noise } from "../../fixtures/noise.ts";
import type { World } from "../../fixtures/world.ts";
import { makeLargeFile } from "./tree.ts";
import { type Work, worldWith } from "./works.ts";

const MiB = 2 ** 20;

/** What is changed in place, as a database does it. */
const changedBytes = 64 * 1024;
const changedShare = 0.01;

/** Returns the works on a file of `bytes`. */
export function deltas(bytes: number): Work[] {
  const size = `${bytes / MiB} MiB`;
  const changes: Record<string, (data: string) => void> = {
    [`1 % of ${size} changed in place`]: changeInPlace,
    [`1 MiB put in front of ${size}`]: putInFront,
    [`10 MiB appended to ${size}`]: append,
    [`${size} renamed`]: rename,
    [`${size} with nothing in common`]: (data) => {
      const name = nameOf(data);
      Deno.truncateSync(name);
      makeLargeFile(name, bytes);
    },
  };
  const tree = {
    name: "large, to be changed",
    makeWorld: () => worldWith((data) => makeLargeFile(`${data}/0`, bytes)),
  };
  return Object.entries(changes).map(([name, change]) => ({
    name,
    tools: ["relais", "rsync", "rclone"],
    roundTripMs: 0,
    fresh: false,
    mirror: true,
    tree,
    async change(world: World) {
      change(world.production.data);
      await world.publish();
    },
  }));
}

/** The one file of a directory. */
function nameOf(data: string): string {
  const [file] = Deno.readDirSync(data);
  return `${data}/${file!.name}`;
}

function changeInPlace(data: string): void {
  using file = Deno.openSync(nameOf(data), { read: true, write: true });
  const blocks = Math.floor(file.statSync().size / changedBytes);
  for (let change = 0; change < changedShare * blocks; change++) {
    const block = Math.floor(Math.random() * blocks);
    file.seekSync(block * changedBytes, Deno.SeekMode.Start);
    file.writeSync(noise(changedBytes));
  }
}

function putInFront(data: string): void {
  const name = nameOf(data);
  const fresh = `${data}/../fresh`;
  Deno.writeFileSync(fresh, noise(MiB));
  {
    using from = Deno.openSync(name);
    using to = Deno.openSync(fresh, { append: true });
    const block = new Uint8Array(MiB);
    for (let read; (read = from.readSync(block)) !== null;) {
      to.writeSync(block.subarray(0, read));
    }
  }
  Deno.renameSync(fresh, name);
}

function append(data: string): void {
  Deno.writeFileSync(nameOf(data), noise(10 * MiB), { append: true });
}

function rename(data: string): void {
  const name = nameOf(data);
  Deno.renameSync(name, `${data}/${crypto.randomUUID()}`);
}
