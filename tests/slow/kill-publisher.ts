/**
 * What publishes, killed at any instant, while its sources change. `deno task
 * test:kill` does so thousands of times; RELAIS_KILL_ROUNDS says how many, and
 * RELAIS_SEED repeats a run.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { Chance } from "../../fixtures/kill/chance.ts";
import { Doomed } from "../../fixtures/kill/process.ts";
import { ChangingSources, ExportWatch } from "../../fixtures/kill/sources.ts";
import { Sources } from "../../fixtures/sources.ts";
import { publishScript } from "../../lib/publish/sh/script.ts";

const rounds = Number(Deno.env.get("RELAIS_KILL_ROUNDS") ?? 20);

/** A run without faults comes so often. */
const cleanEvery = 10;

/** Runs that are done before they are to be killed do not count; so many for each kill are enough. */
const patience = 10;

/** Those that publish, and the share of the kills that each gets. */
const publishers = [
  { name: "relais publish", share: 1, start: startRelais },
  { name: "relais-publish.sh", share: 1 / 3, start: startScript },
] as const;

for (const { name, share, start } of publishers) {
  const times = Math.ceil(rounds * share);
  Deno.test(`${name}, killed ${times} times, never lists a file that is not whole, and ends right`, async () => {
    const chance = new Chance();
    using sources = new Sources();
    const changing = new ChangingSources(sources, chance);
    for (let file = 0; file < 30; file++) changing.change();
    const watch = new ExportWatch(sources, changing);
    const run = start(sources);

    let kills = 0;
    let lasted = 0;
    const clean = async () => {
      const started = performance.now();
      const { code, stderr } = await run().ended();
      lasted = performance.now() - started;
      assertEquals(code, 0, stderr);
      watch.checkDone();
    };
    try {
      await clean();
      for (let round = 1; kills < times; round++) {
        assert(round <= patience * times, `${round} runs`);
        for (let left = 1 + chance.whole(6); left > 0; left--) {
          changing.change();
        }
        const ms = chance.below(1.2 * lasted);
        const changes = delay(chance.below(ms)).then(() => changing.change());
        const started = performance.now();
        const { killed, code, stderr } = await run().killAfter(ms);
        const took = performance.now() - started;
        await changes;
        // A source may change or go while it is copied.
        assert(killed || code === 0 || code === 1, `exit ${code}: ${stderr}`);
        if (killed) kills++;
        else lasted = took;
        watch.check();
        if (round % cleanEvery === 0) await clean();
      }
      await clean();
    } catch (cause) {
      throw new Error(`${chance.repeat} repeats this; ${kills} kills`, {
        cause,
      });
    }
  });
}

function startRelais(sources: Sources): () => Doomed {
  const config = sources.writeConfig();
  return () => Doomed.start(["publish", "--once", "--config", config]);
}

function startScript(sources: Sources): () => Doomed {
  const script = `${sources.root}/relais-publish.sh`;
  Deno.writeTextFileSync(script, publishScript(sources.config));
  return () => Doomed.run(["sh", script]);
}
