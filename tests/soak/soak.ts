/**
 * Months in minutes: relais in its loop, a production that publishes every
 * second, a backup that follows it late, and something that goes wrong all the
 * time.
 *
 *     deno task soak [--minutes N]
 *
 * Ends well if the replica is what production publishes once everything is
 * mended, and neither memory nor descriptors have grown.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { parseArgs } from "@std/cli/parse-args";
import { Chance } from "../../fixtures/kill/chance.ts";
import { noise } from "../../fixtures/noise.ts";
import { relaisPublisher } from "../../fixtures/publishers.ts";
import {
  makeWorld,
  startRelais,
  type World,
  type WorldServer,
} from "../../fixtures/world.ts";
import { digestOf } from "../bench/tree.ts";
import { Faults } from "./faults.ts";
import { formatSamples, grows, type Sample, sample } from "./samples.ts";

const configuration = `[probe]
timeout = "1s"
fall = 2
rise = 1
hold = "2s"

[limits]
connect = "2s"
handshake = "3s"
keepalive = "1s"
request = "3s"

[schedule]
every = "1s"
`;

/** Everything must be as it should so long after the last fault. */
const settleMs = 120_000;

/** Between two looks at memory and descriptors. */
const sampleMs = 2_000;

const say = (text: string) =>
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));

class Soak {
  readonly #world: World;
  readonly #chance: Chance;
  readonly #faults: Faults;
  readonly #samples: Sample[] = [];
  #relais: Deno.ChildProcess;
  #killed = 0;
  #publications = 0;

  constructor(world: World, chance: Chance) {
    this.#world = world;
    this.#chance = chance;
    this.#faults = new Faults(world, chance);
    this.#relais = this.#start();
  }

  async run(ms: number): Promise<number> {
    const started = performance.now();
    const elapsed = () => performance.now() - started;
    const over = new AbortController();
    const working = [
      this.#publishUntil(over.signal),
      this.#followUntil(over.signal),
      this.#sampleUntil(over.signal, elapsed),
    ];
    while (elapsed() < ms) {
      await this.#faults.one(() => this.#relais);
      // What is killed begins anew: memory can be compared only after that.
      if (elapsed() < ms / 3 && this.#chance.happens(0.15)) await this.#kill();
    }
    over.abort();
    await Promise.all(working);
    const same = await this.#settles();
    this.#relais.kill("SIGTERM");
    const { code } = await this.#relais.status;
    return this.#tell(ms, same && code === 143);
  }

  #start(): Deno.ChildProcess {
    return startRelais("--config", this.#world.config);
  }

  async #kill(): Promise<void> {
    this.#relais.kill("SIGKILL");
    await this.#relais.status;
    this.#killed++;
    this.#relais = this.#start();
  }

  /** Production changes some files and publishes, every second. */
  async #publishUntil(over: AbortSignal): Promise<void> {
    const { data: base, root: into } = this.#world.production;
    while (!over.aborted) {
      for (let file = 0; file < 3; file++) this.#change(base);
      const config = {
        files: [`${base}/**/*`],
        base,
        into,
        links: "skip" as const,
        maxWithdraw: { share: 1 },
        keepMs: 0,
        compaction: { size: 20_000, share: 0.5 },
        writer: "",
        signatures: 65_536,
      };
      const { status, told } = await relaisPublisher.publish(config);
      if (status !== 0) say(`publish: ${told.join("; ")}`);
      this.#publications++;
      await delay(1_000);
    }
  }

  #change(base: string): void {
    const number = this.#chance.whole(200);
    const path = `${base}/d${number % 9}/${number}.bin`;
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    if (this.#chance.happens(0.1)) {
      Deno.writeFileSync(path, new Uint8Array(0));
      Deno.removeSync(path);
      return;
    }
    const most = this.#chance.happens(0.05) ? 4_000_000 : 30_000;
    Deno.writeFileSync(`${base}.new`, noise(this.#chance.whole(most)));
    Deno.renameSync(`${base}.new`, path);
  }

  /** The backup gets what production exports, every few seconds: files, then the list, then what is to go. */
  async #followUntil(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      await delay(3_000 + this.#chance.whole(5_000));
      await follow(this.#world.production, this.#world.backup);
    }
    await follow(this.#world.production, this.#world.backup);
  }

  async #sampleUntil(over: AbortSignal, elapsed: () => number): Promise<void> {
    while (!over.aborted) {
      await delay(sampleMs);
      const taken = sample(this.#relais.pid, elapsed());
      if (taken !== undefined) this.#samples.push(taken);
    }
  }

  /** Whether the replica becomes what production publishes. */
  async #settles(): Promise<boolean> {
    const { into, production } = this.#world;
    const deadline = performance.now() + settleMs;
    while (performance.now() < deadline) {
      await delay(1_000);
      try {
        if (digestOf(into) === digestOf(production.root)) return true;
      } catch (error) {
        // A file went while we looked.
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    return false;
  }

  #tell(ms: number, settled: boolean): number {
    const kinds = Object.entries(this.#faults.survived).map(([kind, count]) =>
      `${count} × ${kind}`
    );
    say(`faults: ${kinds.join(", ")}, ${this.#killed} × relais killed`);
    say(`${this.#publications} publications`);
    say(formatSamples(this.#samples, ms));
    const grown = grows(this.#samples, ms);
    if (grown !== undefined) say(`FAILED: ${grown}`);
    if (!settled) {
      say(`FAILED: the replica is not what production publishes`);
      say(Deno.readTextFileSync(logOf(this.#world)).slice(-4_000));
    }
    return settled && grown === undefined ? 0 : 1;
  }
}

function logOf({ directory }: World): string {
  return `${directory}/replica/log/relais.log`;
}

async function follow(from: WorldServer, to: WorldServer): Promise<void> {
  const { success, stderr } = await new Deno.Command("sh", {
    args: [
      "-ec",
      `rsync -a --exclude=/.relais "$1/" "$2/"
       mkdir -p "$2/.relais"
       cp -p "$1/.relais/list" "$2/.relais/list.new"
       mv "$2/.relais/list.new" "$2/.relais/list"
       rsync -a --delete --exclude=/.relais "$1/" "$2/"`,
      "sh",
      from.root,
      to.root,
    ],
  }).output();
  // 24: a file vanished while it was copied. Backups know that.
  if (!success) say(`backup: ${new TextDecoder().decode(stderr).slice(-300)}`);
}

if (import.meta.main) {
  const { minutes = "30" } = parseArgs(Deno.args, {
    string: ["minutes"],
  }) as { minutes?: string };
  const chance = new Chance();
  say(`${minutes} minutes, ${chance.repeat}`);
  await using world = await makeWorld({
    servers: ["production", "backup"],
    replica: `delete = "remove"\nmax_delete = "99%"`,
    more: configuration,
    level: "info",
  });
  Deno.exitCode = await new Soak(world, chance).run(Number(minutes) * 60_000);
}
