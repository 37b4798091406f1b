/**
 * What must be true after each step of the simulation.
 *
 * @module
 */

import { isWhole } from "./files.ts";
import type { World } from "./world.ts";

/** Makes a check for one run, which remembers what it has seen. */
export function invariants(): (world: World) => void {
  let cursor = 0;
  let writtenIn = 0;
  const named = new Map<string, number>();

  return (world) => {
    const { database, files, machines } = world;

    // What is visible is whole, and durable once the list says so.
    for (const [path, inode] of files.final) {
      if (!isWhole(inode)) world.violate(`${path} is visible and not whole`);
    }
    for (const [path, seq] of database.here) {
      const durable = files.durable.get(path);
      const isRemoved = durable === undefined &&
        world.list.some((line) =>
          line.path === path && line.isRemoved && line.seq >= seq
        );
      const isThere = durable !== undefined && durable.seq >= seq &&
        (durable.seq > seq || durable.dirtyBy === undefined);
      if (!isThere && !isRemoved) {
        world.violate(
          `${path} is said to be here, and a power cut would lose it`,
        );
      }
    }

    // Only one leader's writes take effect: the list never goes back.
    if (database.cursor < cursor) world.violate("the cursor went back");
    cursor = database.cursor;
    if (database.writtenIn < writtenIn) {
      world.violate(`term ${database.writtenIn} wrote after term ${writtenIn}`);
    }
    writtenIn = database.writtenIn;
    for (const { path, seq } of database.entries.values()) {
      if (seq < (named.get(path) ?? 0)) {
        world.violate(`${path} is wanted as it was`);
      }
      named.set(path, seq);
    }

    // What a node relies on is so, unless the clock of the database was set.
    if (world.isClockSet) return;
    const leading = machines.filter(({ node }) => node.term !== undefined);
    if (leading.length > 1) world.violate("two nodes believe that they lead");
    for (const { name, node, claims } of machines) {
      for (const claim of claims) {
        if (!node.holds(claim)) claims.delete(claim);
        else if (!database.isLive(claim)) {
          world.violate(`${name} relies on claim ${claim}, which ran out`);
        }
      }
    }
  };
}
