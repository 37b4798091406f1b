/**
 * relais, killed at any instant, while what it copies changes. `deno task
 * test:kill` does so thousands of times; RELAIS_KILL_ROUNDS says how many, and
 * RELAIS_SEED repeats a run.
 *
 * @module
 */

import { assert } from "@std/assert";
import { delay } from "@std/async/delay";
import { exists } from "../../fixtures/kill/sources.ts";
import { Chance } from "../../fixtures/kill/chance.ts";
import { assertConverges } from "../../fixtures/kill/converge.ts";
import { ChangingExport } from "../../fixtures/kill/export.ts";
import { Doomed } from "../../fixtures/kill/process.ts";
import { filesBelow, ReplicaWatch } from "../../fixtures/kill/watch.ts";
import type { Link } from "../../fixtures/link.ts";
import { makeWorld, type World } from "../../fixtures/world.ts";

const rounds = Number(Deno.env.get("RELAIS_KILL_ROUNDS") ?? 16);

/** A pass without faults comes so often. */
const cleanEvery = 25;

/** Requests in flight, and what each may carry. */
const parallel = 8;
const requestBytes = 64 * 1024;

/** A handshake, the list and its probe, answers to requests: what a pass costs besides files. */
const overheadBytes = 128 * 1024;

const options = {
  replica: `delete = "remove"\nmax_delete = "100%"`,
  more: `[copy]\nparallel = ${parallel}`,
  level: "info",
};

Deno.test(`a replica that is killed ${rounds} times loses nothing and never shows half a file`, async () => {
  const chance = new Chance();
  await using world = await makeWorld(options);
  const link = world.link(world.production, {
    delayMs: 1,
    bytesPerSecond: 20_000_000,
  });
  using source = await ChangingExport.begin(world.production.root, chance);
  for (let file = 0; file < 40; file++) source.change();
  const harness = new Harness(world, link, source, chance);
  try {
    await harness.cleanPass();
    for (let round = 1; round <= rounds; round++) {
      await harness.round();
      if (round % cleanEvery === 0) await harness.cleanPass();
    }
    await harness.cleanPass();
    harness.checkKills();
    harness.checkBytes();
  } catch (error) {
    throw new Error(`${chance.repeat} repeats this:\n${harness.story}`, {
      cause: error,
    });
  }
  // deno-lint-ignore no-console -- the figures of the run
  console.info(harness.story);
});

class Harness {
  readonly #world: World;
  readonly #link: Link;
  readonly #source: ChangingExport;
  readonly #chance: Chance;
  readonly #watch: ReplicaWatch;
  /** How long a pass that nobody killed took last. */
  #passMs = 0;
  #kills = 0;
  #passes = 0;
  /** What was there when relais was killed, and how often. */
  readonly #found = { staged: 0, journal: 0, finished: 0 };

  constructor(
    world: World,
    link: Link,
    source: ChangingExport,
    chance: Chance,
  ) {
    this.#world = world;
    this.#link = link;
    this.#source = source;
    this.#chance = chance;
    this.#watch = new ReplicaWatch(world, source);
  }

  get story(): string {
    const { staged, journal, finished } = this.#found;
    return `${this.#kills} kills, of which ${staged} left something staged and ${journal} a journal; ` +
      `${finished} passes were quicker; ${this.#source.lines.length} lines, ` +
      `${this.#link.carried.down} bytes; the last unkilled pass took ${
        Math.round(this.#passMs)
      } ms`;
  }

  /** Starts a pass, changes the export meanwhile, kills, and looks. */
  async round(): Promise<void> {
    const chance = this.#chance;
    this.#change(1 + chance.whole(8));
    const started = performance.now();
    const relais = this.#start();
    const changing = this.#changeDuring(this.#passMs);
    const before = this.#staged;
    const hasBegun = () => ![before, ""].includes(this.#staged);
    // Half of them at any time, and half of them as soon as there is something to lose.
    const { killed, code, stderr } = chance.happens(0.5)
      ? await relais.killAfter(chance.below(1.2) * this.#passMs)
      : await relais.killOnce(
        hasBegun,
        chance.happens(0.5) ? 0 : chance.below(0.3) * this.#passMs,
      );
    const took = performance.now() - started;
    await changing;
    if (killed) this.#kills++;
    else {
      this.#passMs = took;
      this.#found.finished++;
      // A file may have changed or gone between its line and its fetch.
      assert([0, 1].includes(code), `exit ${code}: ${stderr}`);
    }
    this.#count();
    this.#watch.check();
  }

  /** Lets two passes finish. */
  async cleanPass(): Promise<void> {
    const started = performance.now();
    await assertConverges(this.#world, this.#watch);
    this.#passMs = (performance.now() - started) / 2;
    this.#passes += 2;
  }

  /** Kills that all came before anything was staged would show nothing. */
  checkKills(): void {
    const { staged } = this.#found;
    assert(
      staged > 0 || rounds < 8,
      `${this.#kills} kills, and nothing was staged at any`,
    );
  }

  /** Fetched twice is at most what was in flight at each kill. */
  checkBytes(): void {
    const needed = this.#source.lines.reduce((sum, { size }) => sum + size, 0);
    const passes = this.#kills + this.#found.finished + this.#passes;
    const most = needed + passes * overheadBytes +
      this.#kills * parallel * requestBytes;
    const { down } = this.#link.carried;
    assert(down <= most, `${down} bytes, and ${most} were to be expected`);
  }

  #start(): Doomed {
    return Doomed.start(["--once", "--config", this.#world.config]);
  }

  #change(times: number): void {
    for (let time = 0; time < times; time++) this.#source.change();
  }

  async #changeDuring(ms: number): Promise<void> {
    for (let left = this.#chance.whole(3); left > 0; left--) {
      await delay(this.#chance.below(ms / 2));
      this.#source.change();
    }
  }

  /** The names of what is staged. */
  get #staged(): string {
    const staging = `${this.#world.into}/.relais/staging`;
    return [...filesBelow(staging)].sort().join(" ");
  }

  #count(): void {
    if (this.#staged !== "") this.#found.staged++;
    if (exists(`${this.#world.into}/.relais/journal`)) this.#found.journal++;
  }
}
