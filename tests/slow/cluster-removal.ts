/**
 * Nodes that are killed and stopped while they remove files. `deno task test:slow` runs
 * some rounds; RELAIS_CLUSTER_ROUNDS and RELAIS_CLUSTER_FILES make it more, and
 * RELAIS_SEED repeats a run.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import {
  type Cluster,
  makeCluster,
  signal,
} from "../../fixtures/cluster/world.ts";
import { Chance } from "../../fixtures/kill/chance.ts";
import { Company } from "../../fixtures/kill/company.ts";
import { OrderWatch } from "../../fixtures/kill/order-watch.ts";
import { Digests } from "../../fixtures/kill/watch.ts";
import { until } from "../../fixtures/until.ts";
import type { Digest } from "../../lib/list/entry.ts";

const rounds = Number(Deno.env.get("RELAIS_CLUSTER_ROUNDS") ?? 1);

/** Files that there are, at least. */
const files = Number(Deno.env.get("RELAIS_CLUSTER_FILES") ?? 600);

/** The more rows, the longer takes each request on a busy machine: it has half of a lease. */
const leaseMs = Math.max(5_000, files);

/** Rounds in which nobody removed anything when it was killed do not count; so many for each kill are enough. */
const patience = 5;

/** On a busy machine, half of a lease is not enough for many a request: passes fail, and the next one goes on. */
const longestMs = 600_000;

/** So long a removal goes on, more or less. */
const removalMs = 200;

/** What becomes of withdrawn files, in some rounds and in others. */
const deletions = ["remove", "trash"] as const;

/** Files and a directory that somebody else has put into the copy. */
const foreign = { "0/other": "other", "other/other": "other" };
const foreignDirectory = "1/nothing";

Deno.test("nodes that are killed and stopped while they remove files lose none, keep none, and bring none back", async () => {
  const chance = new Chance();
  await using cluster = await makeCluster({
    lease: `${leaseMs / 1_000}s`,
    replica: `delete = "${deletions[0]}"\nmax_delete = "100%"`,
    more: `[schedule]\nevery = "1s"`,
    level: "info",
  });
  await using story = new Story(cluster, chance);
  try {
    await story.begin();
    for (let round = 0; round < rounds || story.struck === 0; round++) {
      assert(round < patience * rounds, "nobody was killed removing");
      await story.round(chance.pick(deletions));
    }
  } catch (cause) {
    const told = `${chance.repeat} repeats this:\n${story}\n${story.logs}`;
    throw new Error(told, { cause });
  }
  // deno-lint-ignore no-console -- the figures of the run
  console.info(`${story}`);
});

/** What happens to a cluster, and what must be true of it. */
class Story implements AsyncDisposable {
  /** Nodes that were removing files when they were killed. */
  struck = 0;
  readonly #cluster: Cluster;
  readonly #chance: Chance;
  readonly #company: Company;
  readonly #order: OrderWatch;
  readonly #digests = new Digests();
  readonly #database: ReturnType<Cluster["postgres"]["connect"]>;
  readonly #running = new Map<string, Deno.ChildProcess>();
  readonly #count = { rounds: 0, kills: 0, stops: 0, stoppedRemoving: 0 };

  constructor(cluster: Cluster, chance: Chance) {
    this.#cluster = cluster;
    this.#chance = chance;
    const size = { fewest: files, most: 3 * files };
    this.#company = new Company([cluster.world.production], chance, size);
    this.#order = new OrderWatch(this.#company);
    this.#database = cluster.postgres.connect();
  }

  toString(): string {
    const counts = Object.entries(this.#count).map(([what, times]) =>
      `${what}: ${times}`
    );
    return [...counts, `killed removing: ${this.struck}`].join(", ");
  }

  /** The last lines that each node has logged. */
  get logs(): string {
    return this.#cluster.nodes.map(({ name, log }) => {
      const lines = Deno.readTextFileSync(log).trimEnd().split("\n");
      return [name, ...lines.slice(-20)].join("\n");
    }).join("\n");
  }

  async begin(): Promise<void> {
    const { nodes: [first], into } = this.#cluster;
    for (let file = 0; file < 2 * files; file++) this.#company.change();
    await this.#cluster.world.publish();
    const { exit, errors } = await first!.pass();
    assertEquals([exit, errors], [0, []]);
    for (const [path, text] of Object.entries(foreign)) {
      Deno.mkdirSync(`${into}/${path.split("/")[0]}`, { recursive: true });
      Deno.writeTextFileSync(`${into}/${path}`, text);
    }
    Deno.mkdirSync(`${into}/${foreignDirectory}`, { recursive: true });
    this.#order.check(this.#here());
  }

  /** Files are withdrawn, and come again while a node that removed them is dead, or stands still. */
  async round(deletion: typeof deletions[number]): Promise<void> {
    const chance = this.#chance;
    this.#count.rounds++;
    const before = this.#here();
    for (const node of this.#cluster.nodes) {
      node.reconfigure((text) =>
        text.replace(/^delete = .*$/m, `delete = "${deletion}"`)
      );
      this.#start(node.name);
    }
    await this.#change(() => this.#company.removeSome(0.4));
    const stopped = await this.#strike();
    await this.#change(() => this.#company.bringBackSome(0.6));
    if (stopped !== undefined) {
      await delay(leaseMs * (0.8 + chance.below(1)));
      signal(this.#running.get(stopped)!, "SIGCONT");
    }
    await this.#becomeQuiet();
    await this.#end();
    const here = this.#here();
    this.#order.check(here);
    await this.#checkQuiet();
    for (const { log } of this.#cluster.nodes) {
      const text = Deno.readTextFileSync(log);
      assert(!text.includes("internal error"), text);
    }
    if (deletion === "trash") this.#checkTrash(before, here);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database.end();
  }

  /** Kills or stops a node, if possible one that removes files; returns the name of one that stands still. */
  async #strike(): Promise<string | undefined> {
    const chance = this.#chance;
    await until(async () => (await this.#removing()).length > 0, 5);
    // One that is killed too late would make another round necessary.
    if (this.struck > 0) await delay(removalMs * chance.below(1) ** 3);
    const [leader] = await this.#removing();
    const victim = leader ?? chance.pick([...this.#running.keys()]);
    const isKilled = this.struck === 0 || chance.happens(0.5);
    await this.#stop(victim, isKilled);
    const isStill = !isKilled;
    if (chance.happens(0.3)) return isStill ? victim : undefined;
    // Whoever goes on with that meets the same.
    const other = chance.pick(
      [...this.#running.keys()].filter((name) => name !== victim),
    );
    await delay(chance.below(1.5) * leaseMs);
    if (isStill) {
      await this.#stop(other, true);
      return victim;
    }
    await this.#stop(other, false);
    return other;
  }

  /** Kills a node, and starts it again; or has it stand still. */
  async #stop(name: string, isKilled: boolean): Promise<void> {
    const process = this.#running.get(name)!;
    signal(process, isKilled ? "SIGKILL" : "SIGSTOP");
    if (isKilled) await process.status;
    const isRemoving = (await this.#removing()).includes(name);
    if (isKilled) {
      this.#count.kills++;
      if (isRemoving) this.struck++;
      this.#start(name);
    } else {
      this.#count.stops++;
      if (isRemoving) this.#count.stoppedRemoving++;
    }
  }

  #start(name: string): void {
    const node = this.#cluster.nodes.find((node) => node.name === name)!;
    this.#running.set(name, node.start());
  }

  async #end(): Promise<void> {
    const running = [...this.#running.values()];
    for (const process of running) signal(process, "SIGTERM");
    await Promise.all(running.map(({ status }) => status));
    this.#running.clear();
  }

  async #change(work: () => void): Promise<void> {
    work();
    for (let time = 0; time < 20; time++) this.#company.change();
    await this.#cluster.world.publish();
  }

  /** Nodes that have claimed files to remove. */
  async #removing(): Promise<string[]> {
    const rows = await this.#database<{ node: string }[]>`
      SELECT split_part(holder, '/', 1) AS node FROM stock.claim WHERE removes`;
    return rows.map(({ node }) => node);
  }

  /** Waits until nodes have nothing to do any more; meanwhile nothing goes back. */
  async #becomeQuiet(): Promise<void> {
    for (const began = performance.now();;) {
      try {
        this.#order.check(this.#here());
        if (await this.#isQuiet()) return;
      } catch (error) {
        // A file went while they were looked at.
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
      if (performance.now() - began > longestMs) {
        return await this.#checkQuiet();
      }
      await delay(250);
    }
  }

  /** To say in what they differ takes far longer than to see that they do. */
  async #isQuiet(): Promise<boolean> {
    const [found, quiet] = await this.#look();
    return JSON.stringify(found) === JSON.stringify(quiet);
  }

  async #checkQuiet(): Promise<void> {
    const [found, quiet] = await this.#look();
    assertEquals(found, quiet);
  }

  /** What is found, and what should be: what is published is here, the database says so, and nothing is left of any claim. */
  async #look(): Promise<readonly [found: unknown, quiet: unknown]> {
    const { into, world } = this.#cluster;
    const copies = await this.#database<{ path: string; digest: Digest }[]>`
      SELECT path, digest FROM stock.copy`;
    const claims = await this.#database`SELECT id FROM stock.claim`;
    const found = {
      here: sorted(this.#here()),
      said: sorted(new Map(copies.map(({ path, digest }) => [path, digest]))),
      claims: claims.length,
      // The directory of what earlier claims have left stays, empty.
      staged: this.#cluster.staged.length,
      foreign: Object.keys(foreign).map((path) =>
        Deno.readTextFileSync(`${into}/${path}`)
      ),
      isDirectory: Deno.lstatSync(`${into}/${foreignDirectory}`).isDirectory,
    };
    const published = sorted(this.#digests.below(world.production.root));
    return [found, {
      here: published,
      said: published,
      claims: 0,
      staged: 0,
      foreign: Object.values(foreign),
      isDirectory: true,
    }];
  }

  /** What went is in the trash, and nothing else that is whole. */
  #checkTrash(
    before: ReadonlyMap<string, Digest>,
    here: ReadonlyMap<string, Digest>,
  ): void {
    const trash = `${this.#cluster.into}/.relais/trash`;
    const thrown = new Set<string>();
    for (const [kept, digest] of this.#digests.below(trash)) {
      const path = kept.slice(kept.indexOf("/") + 1);
      const isVersion = this.#order.find(path, digest) !== undefined;
      assert(isVersion, `${kept} in the trash is not whole`);
      thrown.add(path);
    }
    for (const path of before.keys()) {
      assert(here.has(path) || thrown.has(path), `${path} is nowhere`);
    }
  }

  /** What is in place, but for what others have put there. */
  #here(): Map<string, Digest> {
    const here = this.#digests.below(this.#cluster.into);
    for (const path of Object.keys(foreign)) here.delete(path);
    return here;
  }
}

function sorted(tree: ReadonlyMap<string, Digest>): string[] {
  return [...tree].map(([path, digest]) => `${path} ${digest}`).sort();
}
