/**
 * The replica's disk loses its power: what had not reached it is lost, and the
 * rest is there again afterwards. ext4 can be made to behave so.
 *
 * @module
 */

import { assert } from "@std/assert";
import { canCutPower, Ext4Disk } from "../../fixtures/disk.ts";
import { Chance } from "../../fixtures/kill/chance.ts";
import { assertConverges } from "../../fixtures/kill/converge.ts";
import { ChangingExport } from "../../fixtures/kill/export.ts";
import { Doomed } from "../../fixtures/kill/process.ts";
import { ReplicaWatch } from "../../fixtures/kill/watch.ts";
import { makeWorld } from "../../fixtures/world.ts";

const rounds = Number(Deno.env.get("RELAIS_KILL_ROUNDS") ?? 100) / 10;

Deno.test({
  name:
    `a replica whose disk loses its power ${rounds} times keeps all it says is here`,
  ignore: !canCutPower(),
  async fn() {
    const chance = new Chance();
    await using world = await makeWorld({
      replica: `delete = "remove"\nmax_delete = "100%"`,
    });
    using disk = new Ext4Disk(`${world.directory}/replica`);
    world.configure();
    disk.sync();
    // relais reads it at its start, when its disk may be gone already.
    const config = `${world.directory}/relais.toml`;
    Deno.copyFileSync(world.config, config);
    using source = await ChangingExport.begin(world.production.root, chance);
    for (let file = 0; file < 20; file++) source.change();
    const watch = new ReplicaWatch(world, source);
    let passMs = 2_000;
    let cuts = 0;
    try {
      for (let round = 0; round < rounds; round++) {
        for (let left = 1 + chance.whole(8); left > 0; left--) source.change();
        const relais = Doomed.start(["--once", "--config", config]);
        const started = performance.now();
        const cut = setTimeout(() => {
          cuts++;
          disk.cutPower();
          relais.signal("SIGKILL");
        }, (0.3 + chance.below(0.8)) * passMs);
        const { killed, code, stderr } = await relais.ended();
        clearTimeout(cut);
        if (!killed) {
          // 4: it was told that the disk fails, and was not killed yet.
          assert(code === 0 || code === 4, `exit ${code}: ${stderr}`);
          passMs = performance.now() - started;
          // What it has said to be here is there, even so.
          disk.cutPower();
        }
        await disk.restart();
        watch.check();
      }
      assert(cuts > 0, "the power was never cut in the middle of a pass");
      await assertConverges(world, watch);
    } catch (cause) {
      throw new Error(`${chance.repeat} repeats this; ${cuts} cuts`, { cause });
    }
  },
});
