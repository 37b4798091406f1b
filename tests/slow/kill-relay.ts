/**
 * A diamond of replicas: two relays of production and its backup, and a leaf that
 * reads from either. All of them are killed at any instant, servers and relays come
 * and go. RELAIS_KILL_ROUNDS says how many rounds, and RELAIS_SEED repeats a run.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { Chance } from "../../fixtures/kill/chance.ts";
import { Company } from "../../fixtures/kill/company.ts";
import { CompanyWatch } from "../../fixtures/kill/company-watch.ts";
import { Doomed } from "../../fixtures/kill/process.ts";
import { relaisPublisher } from "../../fixtures/publishers.ts";
import {
  listIn,
  type Relay,
  ReplicaTree,
} from "../../fixtures/replica-tree.ts";
import { nimble, type World, type WorldServer } from "../../fixtures/world.ts";
import { loadConfig, requirePublish } from "../../lib/config/load.ts";

const rounds = Number(Deno.env.get("RELAIS_KILL_ROUNDS") ?? 6);

Deno.test(`a leaf of two relays that are killed ${rounds} times never goes back, and has all in the end`, async () => {
  const chance = new Chance();
  const told = await Deno.makeTempDir({ prefix: "relais-told-" });
  await using tree = new ReplicaTree();
  const story = await Story.begin(tree, chance, told);
  try {
    for (let round = 1; round <= rounds; round++) await story.round();
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
  readonly #production: WorldServer;
  readonly #backup: WorldServer;
  readonly #relays: readonly Relay[];
  readonly #leaf: World;
  readonly #chance: Chance;
  readonly #company: Company;
  readonly #watch: CompanyWatch;
  /** How long a pass that nobody killed took last. */
  #passMs = 1_000;
  readonly #down = new Set<WorldServer>();
  readonly #count = {
    rounds: 0,
    kills: 0,
    productionLost: 0,
    relaysLost: 0,
    sameList: 0,
    ownList: 0,
  };

  private constructor(
    [production, backup]: readonly [WorldServer, WorldServer],
    relays: readonly Relay[],
    leaf: World,
    chance: Chance,
    told: string,
  ) {
    this.#production = production;
    this.#backup = backup;
    this.#relays = relays;
    this.#leaf = leaf;
    this.#chance = chance;
    this.#company = new Company([production, backup], chance);
    this.#watch = new CompanyWatch(leaf, this.#company, told);
  }

  static async begin(
    tree: ReplicaTree,
    chance: Chance,
    told: string,
  ): Promise<Story> {
    const servers = [
      await tree.server("production"),
      await tree.server("backup"),
    ] as const;
    const options = {
      replica: `delete = "remove"\nmax_delete = "100%"`,
      more: nimble,
      level: "info",
      resident: false,
    };
    const relays = [
      await tree.relay("north", servers, options),
      await tree.relay("south", servers, options),
    ];
    const hook = `cat > "$(mktemp ${told}/XXXXXX)"`;
    const leaf = tree.replica("leaf", relays.map(({ server }) => server), {
      ...options,
      more: `${nimble}\n[hooks]\non_new = ["sh", "-c", '${hook}']`,
    });
    const story = new Story(servers, relays, leaf, chance, told);
    for (const { config } of servers) {
      const text = Deno.readTextFileSync(config);
      const compacting = `[publish]\ncompact = "2KB"\n`;
      Deno.writeTextFileSync(config, text.replace("[publish]\n", compacting));
    }
    story.#change(30);
    await story.#replicate(1);
    await story.#publish(servers[0]);
    await story.#cleanPasses();
    return story;
  }

  toString(): string {
    return Object.entries(this.#count).map(([what, times]) =>
      `${what}: ${times}`
    ).join(", ");
  }

  /** What happens in a company, passes that are killed meanwhile, and such that are not. */
  async round(): Promise<void> {
    this.#count.rounds++;
    const chance = this.#chance;
    await this.#comeOrGo(this.#production, 0.2, "productionLost");
    const one = chance.pick(this.#relays).server;
    if (this.#relays.every(({ server }) => !this.#down.has(server))) {
      await this.#comeOrGo(one, 0.3, "relaysLost");
    } else await this.#comeBack();
    if (!this.#down.has(this.#production)) {
      this.#change(1 + chance.whole(6));
      await this.#publish(this.#production);
    }
    if (chance.happens(0.4)) await this.#replicate(chance.pick([0.4, 0.9, 1]));
    await Promise.all(
      [...this.#relays.map(({ world }) => world), this.#leaf]
        .map((world) => this.#killedPass(world)),
    );
    this.#watch.check();
    await this.#cleanPasses();
    for (const { world: { into } } of this.#relays) {
      const list = listIn(into);
      const servers = [this.#production, this.#backup];
      const isSame = servers.some(({ root }) => listIn(root) === list);
      this.#count[isSame ? "sameList" : "ownList"]++;
    }
  }

  /** All is quiet: both servers have everything, and so have the relays and the leaf. */
  async end(): Promise<void> {
    await this.#comeBack();
    this.#change(1);
    await this.#replicate(1);
    await this.#publish(this.#production);
    await this.#cleanPasses();
    for (const { world } of [...this.#relays, { world: this.#leaf }]) {
      const report = await world.pass();
      assertEquals(
        [report.exit, report.copied, report.removed],
        [0, 0, 0],
        JSON.stringify(report),
      );
    }
    this.#watch.checkDone(this.#relays[0]!.server);
    for (const { world: { into } } of this.#relays) {
      assertEquals(listIn(into), listIn(this.#production.root));
    }
  }

  #change(times: number): void {
    for (let time = 0; time < times; time++) this.#company.change();
  }

  async #replicate(share: number): Promise<void> {
    this.#company.replicate(share);
    await this.#publish(this.#backup);
  }

  async #publish({ config }: WorldServer): Promise<void> {
    const { publish } = requirePublish(await loadConfig(config));
    const { status, told } = await relaisPublisher.publish(publish);
    assertEquals([status, told], [0, []]);
  }

  async #comeOrGo(
    server: WorldServer,
    share: number,
    lost: "productionLost" | "relaysLost",
  ): Promise<void> {
    if (this.#down.has(server)) {
      if (!this.#chance.happens(0.5)) return;
      await server.sshd.start();
      this.#down.delete(server);
    } else if (this.#chance.happens(share)) {
      await server.sshd.stop();
      this.#down.add(server);
      this.#count[lost]++;
    }
  }

  async #comeBack(): Promise<void> {
    for (const { sshd } of this.#down) await sshd.start();
    this.#down.clear();
  }

  async #killedPass({ config }: World): Promise<void> {
    const ms = this.#chance.below(1.3) * this.#passMs;
    const pass = Doomed.start(["--once", "--config", config]);
    const { killed, code, stderr } = await pass.killAfter(ms);
    if (killed) this.#count.kills++;
    // A list that is shown may be a moment behind what is here.
    else assert([0, 1, 5].includes(code), `exit ${code}: ${stderr}`);
  }

  /** Lets the relays, and then the leaf, finish a pass. */
  async #cleanPasses(): Promise<void> {
    const started = performance.now();
    for (const { world } of this.#relays) await this.#cleanPass(world);
    await this.#cleanPass(this.#leaf);
    this.#passMs = (performance.now() - started) / 2;
    const fed = this.#relays.map(({ server }) => server)
      .find((server) => !this.#down.has(server))!;
    this.#watch.checkDone(fed);
  }

  async #cleanPass({ config }: World): Promise<void> {
    const { code, stderr } = await Doomed.start(["--once", "--config", config])
      .ended();
    const told = this.#watch.conflicts().length > 0 ? [0, 5] : [0];
    assert(told.includes(code), `${config}: exit ${code}: ${stderr}`);
  }
}
