/**
 * How long a reader may see a part of a set: 10 000 files that are put in place by
 * renames, as docs/sets.md tells.
 *
 * @module
 */

import { Destination } from "../../lib/files/destination.ts";
import { descriptors } from "../../lib/files/descriptors.ts";
import { Durability } from "../../lib/files/durability.ts";
import { show } from "../../lib/files/show.ts";

const files = 10_000;
const directories = 100;
const bytes = 100;
const times = 5;

const into = Deno.args[0] ?? Deno.makeTempDirSync({ prefix: "relais-sets-" });
const destination = new Destination(into, descriptors);
destination.prepare();
const durability = new Durability();
for (let time = 1; time <= times; time++) {
  const arriving = Array.from({ length: files }, (_, number) => {
    const staged = `${destination.staging}/${number}`;
    Deno.writeFileSync(staged, new Uint8Array(bytes));
    return { staged, path: `${number % directories}/${number}` };
  });
  await durability.barrier(into);
  const began = performance.now();
  await show(destination, { arriving, leaving: [] });
  const ms = Math.round(performance.now() - began);
  const how = time === 1 ? "new" : "over older versions";
  // deno-lint-ignore no-console -- the figure
  console.log(`${files} files, ${how}: ${ms} ms`);
}
if (Deno.args[0] === undefined) Deno.removeSync(into, { recursive: true });
