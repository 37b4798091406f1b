import { assert } from "@std/assert";
import { Chance } from "../../fixtures/kill/chance.ts";
import { DoomedSets, doomedSets } from "../../fixtures/kill/sets.ts";
import { canTrace } from "../../fixtures/strace.ts";
import { makeWorld } from "../../fixtures/world.ts";

Deno.test({
  name: "no set is there by half once relais was started again after a kill",
  ignore: !canTrace(),
  async fn() {
    // Among these kills are some in the midst of renames.
    const chance = new Chance(20);
    await using world = await makeWorld(doomedSets);
    using doomed = await DoomedSets.begin(world, chance);
    doomed.publish(40);
    await doomed.converge();
    for (let round = 0; round < 6; round++) {
      doomed.publish(40);
      await doomed.round(30);
    }
    await doomed.converge();
    assert(doomed.story.halves > 0, JSON.stringify(doomed.story));
  },
});
