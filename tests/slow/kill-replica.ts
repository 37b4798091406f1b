/**
 * A replica that is killed again and again, at any instant, while what it
 * copies changes. `RELAIS_KILLS` is the number of kills; `RELAIS_SEED` repeats
 * an earlier run, as far as chance can be repeated on a clock.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { assert, assertEquals } from "@std/assert";
import { Chance } from "../../fixtures/crash/chance.ts";
import { digestsBelow } from "../../fixtures/crash/digest.ts";
import { readListing } from "../../fixtures/crash/listing.ts";
import { ReplicaInvariants } from "../../fixtures/crash/replica-invariants.ts";
import { SourceTree } from "../../fixtures/crash/source-tree.ts";
import {
  killAfter,
  killInCall,
  relaisCommand,
} from "../../fixtures/crash/victim.ts";
import { relaisPublisher } from "../../fixtures/publishers.ts";
import { makeWorld, type World } from "../../fixtures/world.ts";

const kills = Number(Deno.env.get("RELAIS_KILLS") ?? 300);

/** A clean pass comes after so many kills. */
const killsBetweenPasses = 15;

Deno.test(`a replica survives ${kills} kills`, async () => {
  const chance = new Chance();
  await using world = await makeWorld({
    replica: `delete = "remove"\nmax_delete = "99%"`,
    level: "info",
  });
  world.link(world.production, { bytesPerSecond: 20_000_000 });
  const run = new Run(world, chance);
  try {
    const told = await run.kill(kills);
    console.log(`  ${told}`);
  } catch (cause) {
    throw new Error(`with RELAIS_SEED=${chance.seed}`, { cause });
  }
});

class Run {
  readonly #world: World;
  readonly #chance: Chance;
  readonly #sources: SourceTree;
  readonly #invariants: ReplicaInvariants;

  constructor(world: World, chance: Chance) {
    this.#world = world;
    this.#chance = chance;
    this.#sources = new SourceTree(world.production.data, chance);
    this.#invariants = new ReplicaInvariants(world);
  }

  /** Kills `rounds` passes; tells in one line how. */
  async kill(rounds: number): Promise<string> {
    this.#sources.change(1);
    await this.#publish();
    let passMs = await this.#measurePass();
    let killed = 0;
    let partly = 0;
    for (let round = 1; round <= rounds; round++) {
      const before = await this.#changeAndPublish();
      const alive = await this.#killPass(passMs);
      const behind = this.#invariants.check();
      if (alive) killed++;
      if (alive && behind > 0 && behind < before) partly++;
      if (round % killsBetweenPasses === 0) passMs = await this.#measurePass();
    }
    await this.#measurePass();
    // Else the instants were badly chosen, and nothing was shown.
    assert(killed > rounds / 3, `only ${killed} of ${rounds} were killed`);
    assert(partly > rounds / 30, `only ${partly} had copied a part`);
    return `${rounds} kills, ${killed} before the end, ${partly} with a part of the files in place`;
  }

  /** Returns how many files the replica is behind by now. */
  async #changeAndPublish(): Promise<number> {
    this.#sources.change(this.#chance.between(0.05, 0.6));
    await this.#publish();
    return this.#invariants.check();
  }

  async #publish(): Promise<void> {
    const { data: base, root: into } = this.#world.production;
    const config = { files: [`${base}/**/*`], base, into };
    assertEquals((await relaisPublisher.publish(config)).status, 0);
  }

  /** Kills a pass by the clock, most often in its second half, or in a call: the first half is spent on loading. */
  async #killPass(passMs: number): Promise<boolean> {
    const least = this.#chance.happens(0.8) ? 0.4 : 0;
    const afterMs = passMs * this.#chance.between(least, 1);
    const command = relaisCommand("--once", "--config", this.#world.config);
    const pass = this.#chance.happens(0.5)
      ? killAfter(afterMs, command)
      : killInCall(this.#chance, command);
    if (this.#chance.happens(0.3)) {
      await delay(this.#chance.between(0, passMs));
      this.#sources.change(0.1);
      await this.#publish();
    }
    return await pass;
  }

  /** A clean pass fetches what is missing and nothing else, and one after it nothing at all; returns how long the first took. */
  async #measurePass(): Promise<number> {
    const { into, production: { root } } = this.#world;
    const missing = this.#missingBytes();
    const started = performance.now();
    const report = await this.#world.pass();
    const took = performance.now() - started;
    this.#invariants.check();
    assertEquals([report.exit, report.failed], [0, []]);
    assert(
      report.bytes <= missing,
      `${report.bytes} bytes copied, ${missing} were missing`,
    );
    assertEquals(digestsBelow(into), digestsBelow(root));
    const again = await this.#world.pass();
    assertEquals([again.copied, again.bytes, again.exit], [0, 0, 0]);
    return took;
  }

  /** Bytes of the files that are not yet what the list says. */
  #missingBytes(): number {
    const { into, production: { root } } = this.#world;
    const { live } = readListing(`${root}/.relais/list`);
    let here = new Map<string, string>();
    try {
      here = digestsBelow(into);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    return [...live.values()].reduce(
      (sum, { path, digest, size }) =>
        here.get(path) === digest ? sum : sum + size,
      0,
    );
  }
}
