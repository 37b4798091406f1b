/**
 * relais, killed at its first, second, third … call of whatever changes a disk.
 *
 * @module
 */

import { assert } from "@std/assert";
import { Chance } from "../../fixtures/kill/chance.ts";
import { assertConverges } from "../../fixtures/kill/converge.ts";
import { ChangingExport } from "../../fixtures/kill/export.ts";
import { Doomed } from "../../fixtures/kill/process.ts";
import { ReplicaWatch } from "../../fixtures/kill/watch.ts";
import { canTrace, injecting } from "../../fixtures/strace.ts";
import { makeWorld } from "../../fixtures/world.ts";

/** What a pass calls to change its disk. */
const calls = [
  "rename",
  "unlink",
  "mkdir",
  "chmod",
  "fchmod",
  "utimensat",
  "ftruncate",
  "pwrite64",
  "fsync",
] as const;

/** All of the first calls, and then fewer and fewer; all of them with a number of rounds. */
function step(times: number): number {
  return Deno.env.has("RELAIS_KILL_ROUNDS") || times < 3 ? 1 : times - 1;
}

/** What was not copied is called for again in the next round, so that there may be no end to it. */
const mostTimes = 100;

for (const call of calls) {
  Deno.test({
    name: `a pass that is killed at each of its calls of ${call} loses nothing`,
    ignore: !canTrace(),
    async fn() {
      const chance = new Chance();
      await using world = await makeWorld({
        replica: `delete = "remove"\nmax_delete = "100%"`,
      });
      using source = await ChangingExport.begin(world.production.root, chance);
      for (let file = 0; file < 20; file++) source.change();
      const watch = new ReplicaWatch(world, source);

      let times = 1;
      for (
        let killed = true;
        killed && times < mostTimes;
        times += step(times)
      ) {
        for (let change = 0; change < 3; change++) source.change();
        const relais = Doomed.start(
          ["--once", "--config", world.config],
          injecting(call, `signal=SIGKILL:when=${times}`),
        );
        const end = await relais.ended();
        killed = end.killed;
        assert(killed || end.code === 0, `${end.code}: ${end.stderr}`);
        watch.check();
      }

      assert(times > 2, `${call} is never called`);
      await assertConverges(world, watch);
    },
  });
}
