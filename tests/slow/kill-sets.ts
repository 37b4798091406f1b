/**
 * A replica that gets its files in sets of 1 to 500, killed at its n-th system call.
 * RELAIS_KILL_ROUNDS says how often, and RELAIS_SEED repeats a run.
 *
 * @module
 */

import { assert } from "@std/assert";
import { Chance } from "../../fixtures/kill/chance.ts";
import { DoomedSets, doomedSets } from "../../fixtures/kill/sets.ts";
import { canTrace } from "../../fixtures/strace.ts";
import { makeWorld } from "../../fixtures/world.ts";

const rounds = Number(Deno.env.get("RELAIS_KILL_ROUNDS") ?? 12);

/** Kills that leave no set by half prove nothing; among so many times the rounds there is one that does. */
const patience = 10;

/** A pass that nothing disturbs comes so often. */
const cleanEvery = 25;

Deno.test({
  name: `no set is there by half after any of ${rounds} kills and starts`,
  ignore: !canTrace(),
  async fn() {
    const chance = new Chance();
    await using world = await makeWorld(doomedSets);
    using doomed = await DoomedSets.begin(world, chance);
    try {
      for (
        let round = 1;
        round <= rounds || doomed.story.halves === 0;
        round++
      ) {
        assert(round <= patience * rounds, `${round} kills`);
        doomed.publish(500);
        await doomed.round(500);
        if (round % cleanEvery === 0) await doomed.converge();
      }
      await doomed.converge();
    } catch (error) {
      throw new Error(
        `${chance.repeat} repeats this: ${JSON.stringify(doomed.story)}`,
        { cause: error },
      );
    }
    // deno-lint-ignore no-console -- the figures of the run
    console.info(JSON.stringify(doomed.story));
  },
});
