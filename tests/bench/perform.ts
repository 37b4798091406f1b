/**
 * One piece of work, done by every tool in turn.
 *
 * @module
 */

import type { Link } from "../../fixtures/link.ts";
import type { World } from "../../fixtures/world.ts";
import { measure, type Measured, TooSlow } from "./measure.ts";
import { median, type Row } from "./table.ts";
import type { Tool } from "./tools.ts";
import { digestOf } from "./tree.ts";
import type { Work } from "./works.ts";

export interface Settings {
  /** Rounds that are timed. */
  readonly rounds: number;
  /** What takes longer is told as too slow. */
  readonly limitSeconds: number;
  readonly tools: readonly Tool[];
}

/** Has each tool do the work in turn, and checks what came of it. */
export async function perform(
  work: Work,
  world: World,
  settings: Settings,
  say: (text: string) => void,
): Promise<Row[]> {
  const bench = new Bench(work, world, settings, say);
  for (let round = 0; round <= settings.rounds; round++) {
    await work.change?.(world, String(round));
    for (const tool of settings.tools) {
      if (work.tools.includes(tool.name)) await bench.run(tool, round);
    }
    say(`${work.name}: round ${round} of ${settings.rounds}`);
  }
  return bench.rows();
}

/** How much longer than what is measured its preparation may take. */
const patience = 10;

/** One piece of work. Round 0 counts bytes and is not timed. */
class Bench {
  readonly #work: Work;
  readonly #world: World;
  readonly #settings: Settings;
  readonly #say: (text: string) => void;
  readonly #runs = new Map<string, Measured[]>();
  readonly #wire = new Map<string, number>();
  readonly #tooSlow = new Set<string>();

  constructor(
    work: Work,
    world: World,
    settings: Settings,
    say: (text: string) => void,
  ) {
    this.#say = say;
    this.#work = work;
    this.#world = world;
    this.#settings = settings;
  }

  async run(tool: Tool, round: number): Promise<void> {
    if (this.#tooSlow.has(tool.name)) return;
    const { fresh, roundTripMs, replica, change } = this.#work;
    const { limitSeconds } = this.#settings;
    const suffix = fresh ? `-${crypto.randomUUID()}` : "";
    const into = `${this.#world.directory}/${tool.name}${suffix}`;
    for (const path of [into, `${into}.state`]) {
      Deno.mkdirSync(path, { recursive: true });
    }
    const link = round === 0 || roundTripMs > 0
      ? this.#world.link(this.#world.production, { delayMs: roundTripMs / 2 })
      : undefined;
    // To relais another port is another server: the first time it looks twice.
    if (!fresh && link !== undefined) {
      await this.#prepare(tool, into, link);
      await change?.(this.#world, tool.name);
    }
    const before = link === undefined ? 0 : bytesOver(link);
    const measured = await this.#execute(tool, into, limitSeconds, link);
    if (measured !== undefined) {
      if (replica === undefined) this.#check(tool, into);
      if (link !== undefined) {
        this.#wire.set(tool.name, bytesOver(link) - before);
      }
      if (round > 0) {
        this.#runs.set(tool.name, [
          ...this.#runs.get(tool.name) ?? [],
          measured,
        ]);
      }
    }
    await link?.[Symbol.asyncDispose]();
    if (fresh) await Deno.remove(into, { recursive: true });
    if (!fresh && round === 0) await this.#prepare(tool, into);
  }

  rows(): Row[] {
    const slow = [...this.#tooSlow].map((tool) => ({
      work: this.#work.name,
      tool,
      seconds: null,
      cpuSeconds: 0,
      peakBytes: 0,
      wireBytes: 0,
    }));
    return [
      ...[...this.#runs].map(([tool, runs]) => ({
        work: this.#work.name,
        tool,
        seconds: median(runs.map(({ seconds }) => seconds)),
        range: [
          Math.min(...runs.map(({ seconds }) => seconds)),
          Math.max(...runs.map(({ seconds }) => seconds)),
        ] as const,
        cpuSeconds: median(runs.map(({ cpuSeconds }) => cpuSeconds)),
        peakBytes: median(runs.map(({ peakBytes }) => peakBytes)),
        wireBytes: this.#wire.get(tool) ?? 0,
      })),
      ...slow,
    ];
  }

  /** What comes before the work that is measured may take its time. */
  async #prepare(tool: Tool, into: string, link?: Link): Promise<void> {
    const { limitSeconds } = this.#settings;
    await this.#execute(tool, into, patience * limitSeconds, link);
  }

  async #execute(
    tool: Tool,
    into: string,
    limitSeconds: number,
    link?: Link,
  ): Promise<Measured | undefined> {
    const world = this.#world;
    const port = link?.port ?? world.production.sshd.port;
    const { replica, mirror = false } = this.#work;
    const command = tool.command({
      world,
      port,
      into,
      mirror,
      ...(replica === undefined ? {} : { replica }),
    });
    try {
      return await measure(command, limitSeconds);
    } catch (error) {
      if (!(error instanceof TooSlow)) throw error;
      this.#tooSlow.add(tool.name);
      this.#say(error.message);
      return undefined;
    }
  }

  /** A copy that is not complete would make the comparison worthless. */
  #check(tool: Tool, into: string): void {
    if (digestOf(into) === digestOf(this.#world.production.root)) return;
    throw new Error(`${tool.name} did not copy everything`);
  }
}

function bytesOver({ carried: { down, up } }: Link): number {
  return down + up;
}
