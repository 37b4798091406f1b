/**
 * relais, killed at any instant, while it is fed by two servers that publish,
 * compact their lists and come and go. `deno task test:kill` does so thousands
 * of times; RELAIS_KILL_ROUNDS says how many, and RELAIS_SEED repeats a run.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { Chance } from "../../fixtures/kill/chance.ts";
import { Company } from "../../fixtures/kill/company.ts";
import {
  checkExport,
  CompanyWatch,
} from "../../fixtures/kill/company-watch.ts";
import { Doomed } from "../../fixtures/kill/process.ts";
import { relaisPublisher } from "../../fixtures/publishers.ts";
import {
  makeWorld,
  nimble,
  type World,
  type WorldServer,
} from "../../fixtures/world.ts";
import type { Compaction } from "../../lib/config/config.ts";
import { loadConfig, requirePublish } from "../../lib/config/load.ts";

const rounds = Number(Deno.env.get("RELAIS_KILL_ROUNDS") ?? 8);

/** Passes that are done before they are to be killed do not count; so many for each kill are enough. */
const patience = 10;

/** A second pass that finds nothing, and a look at the exports, come so often. */
const thoroughEvery = 5;

Deno.test(`a replica of two servers that come and go, killed ${rounds} times, never goes back and catches up`, async () => {
  const chance = new Chance();
  const told = await Deno.makeTempDir({ prefix: "relais-told-" });
  const hook = `cat > "$(mktemp ${told}/XXXXXX)"`;
  await using world = await makeWorld({
    servers: ["production", "backup"],
    replica: `delete = "remove"\nmax_delete = "100%"`,
    more: `${nimble}\n[hooks]\non_new = ["sh", "-c", '${hook}']`,
    level: "info",
  });
  const story = new Story(world, chance, told);
  try {
    await story.begin();
    for (let round = 1; story.kills < rounds; round++) {
      assert(round <= patience * rounds, `${round} passes`);
      await story.round();
      if (round % thoroughEvery === 0) await story.lookClosely();
    }
    await story.end();
  } catch (cause) {
    throw new Error(`${chance.repeat} repeats this:\n${story}`, { cause });
  } finally {
    await Deno.remove(told, { recursive: true });
  }
  // deno-lint-ignore no-console -- the figures of the run
  console.info(`${story}`);
});

class Story {
  kills = 0;
  readonly #world: World;
  readonly #chance: Chance;
  readonly #company: Company;
  readonly #watch: CompanyWatch;
  /** How long a pass that nobody killed took last. */
  #passMs = 0;
  #isProductionUp = true;
  /** Servers whose data has changed since they last published to the end. */
  readonly #behind = new Set<WorldServer>();
  readonly #count = {
    rounds: 0,
    changes: 0,
    failovers: 0,
    compactions: 0,
    publishersKilled: 0,
    fedByBackup: 0,
  };
  readonly #generations = new Map<WorldServer, string>();

  constructor(world: World, chance: Chance, told: string) {
    this.#world = world;
    this.#chance = chance;
    const { production, backup } = world;
    this.#company = new Company([production, backup], chance);
    this.#watch = new CompanyWatch(world, this.#company, told);
    for (const { config } of world.servers) compactOften(config);
  }

  toString(): string {
    const counts = Object.entries(this.#count).map(([what, times]) =>
      `${what}: ${times}`
    );
    return [`kills: ${this.kills}`, ...counts].join(", ");
  }

  async begin(): Promise<void> {
    this.#change(30);
    this.#replicate(1);
    await this.#publishAll();
    await this.#cleanPass();
  }

  /** What happens in a company, a pass that is killed meanwhile, and one that is not. */
  async round(): Promise<void> {
    this.#count.rounds++;
    const chance = this.#chance;
    if (this.#isProductionUp) this.#change(1 + chance.whole(6));
    if (chance.happens(0.3)) await this.#replicateAndPublish();
    await this.#comeOrGo();
    const publishes = this.#isProductionUp && chance.happens(0.7);
    // Before a third of its time, a pass only loads its modules and connects.
    const share = chance.happens(0.3)
      ? chance.below(1.2)
      : 0.35 + chance.below(0.85);
    const ms = share * this.#passMs;
    const pass = this.#start("--once", this.#world.config).killAfter(ms);
    const publishing = publishes ? this.#publishMeanwhile(ms) : undefined;
    const { killed, code, stderr } = await pass;
    await publishing;
    if (killed) this.kills++;
    // A file may be exported, and not yet listed.
    else assert([0, 1].includes(code), `exit ${code}: ${stderr}`);
    this.#watch.check();
    await this.#cleanPass();
    if (chance.happens(0.1)) await this.#compact();
  }

  /** Writes the lists of both servers anew, after a pass that has read what they withdrew. */
  async #compact(): Promise<void> {
    if (!this.#isProductionUp || this.#behind.size > 0) return;
    for (const server of this.#world.servers) {
      await this.#publish(server, { size: 0, share: 1 });
    }
  }

  /** A pass that finds nothing to do does nothing, and what is published is whole. */
  async lookClosely(): Promise<void> {
    const report = await this.#world.pass();
    const { exit, copied, bytes, removed } = report;
    const expected = this.#watch.conflicts().length === 0 ? 0 : exit;
    assertEquals(
      [exit, copied, bytes, removed],
      [expected, 0, 0, 0],
      JSON.stringify(report),
    );
    for (const server of this.#world.servers) {
      if (!this.#behind.has(server)) checkExport(server);
    }
  }

  /** All is quiet: both servers have everything, and so has the replica. */
  async end(): Promise<void> {
    if (!this.#isProductionUp) await this.#startProduction();
    this.#replicate(1);
    await this.#publishAll();
    await this.#cleanPass();
    await this.lookClosely();
    assertEquals(this.#watch.conflicts(), []);
  }

  #change(times: number): void {
    for (let time = 0; time < times; time++) this.#company.change();
    this.#count.changes += times;
    this.#behind.add(this.#world.production);
  }

  #replicate(share: number): void {
    this.#company.replicate(share);
    this.#behind.add(this.#world.backup);
  }

  async #replicateAndPublish(): Promise<void> {
    this.#replicate(this.#chance.pick([0.3, 0.9, 1]));
    await this.#publish(this.#world.backup);
  }

  /** Between two passes, production goes or comes back. */
  async #comeOrGo(): Promise<void> {
    if (!this.#isProductionUp) {
      if (this.#chance.happens(0.5)) await this.#startProduction();
      return;
    }
    if (!this.#chance.happens(0.15)) return;
    await this.#world.production.sshd.stop();
    this.#isProductionUp = false;
    this.#count.failovers++;
  }

  async #startProduction(): Promise<void> {
    await this.#world.production.sshd.start();
    this.#isProductionUp = true;
  }

  /** Publishes while a pass runs, and may be killed as well. */
  async #publishMeanwhile(ms: number): Promise<void> {
    const { production } = this.#world;
    await delay(this.#chance.below(ms / 2));
    const publisher = this.#start("publish", production.config);
    if (this.#chance.happens(0.2)) {
      const { killed } = await publisher.killAfter(this.#chance.below(2 * ms));
      if (killed) this.#count.publishersKilled++;
      return;
    }
    const { code, stderr } = await publisher.ended();
    assertEquals(code, 0, stderr);
    this.#published(production);
  }

  /** Publishes while nothing else runs: a process of its own would only take time. */
  async #publish(
    server: WorldServer,
    compaction?: Compaction,
  ): Promise<void> {
    const { publish } = requirePublish(await loadConfig(server.config));
    const { status, told } = await relaisPublisher.publish({
      ...publish,
      compaction: compaction ?? publish.compaction,
    });
    assertEquals([status, told], [0, []]);
    this.#published(server);
  }

  #published(server: WorldServer): void {
    this.#behind.delete(server);
    const list = Deno.readTextFileSync(`${server.root}/.relais/list`);
    const generation = list.split("\t")[2]!;
    const before = this.#generations.get(server) ?? generation;
    if (before !== generation) this.#count.compactions++;
    this.#generations.set(server, generation);
  }

  async #publishAll(): Promise<void> {
    await Promise.all(
      this.#world.servers.map((server) => this.#publish(server)),
    );
  }

  /** Publishes what is to be, and lets a pass finish. */
  async #cleanPass(): Promise<void> {
    const { production, backup } = this.#world;
    const server = this.#isProductionUp ? production : backup;
    if (this.#behind.has(server)) await this.#publish(server);
    const started = performance.now();
    const { code, stderr } = await this.#start("--once", this.#world.config)
      .ended();
    this.#passMs = performance.now() - started;
    if (server === backup) this.#count.fedByBackup++;
    const told = this.#watch.conflicts().length > 0 ? [0, 5] : [0];
    assert(told.includes(code), `exit ${code}: ${stderr}`);
    this.#watch.checkDone(server);
  }

  #start(command: "--once" | "publish", config: string): Doomed {
    const args = command === "publish" ? ["publish", "--once"] : ["--once"];
    return Doomed.start([...args, "--config", config]);
  }
}

/** Lets a list be written anew as soon as half of it no longer holds. */
function compactOften(config: string): void {
  const text = Deno.readTextFileSync(config);
  Deno.writeTextFileSync(
    config,
    text.replace("[publish]\n", `[publish]\ncompact = "1KB"\n`),
  );
}
