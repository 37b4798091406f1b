/**
 * relais beside rsync, on the same work, in turn, over loopback OpenSSH.
 *
 *     deno task bench [--files N] [--rounds N]
 *
 * Speed is stated as ratios of one run: machines differ, and so do their days.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { makeWorld, relais, type World } from "../../fixtures/world.ts";

/** One thing to be done, and how each tool does it. */
interface Work {
  readonly name: string;
  /** Puts everything back to where each round begins. */
  prepare(): Promise<void>;
  /** By tool; each throws if it did not do its work. */
  readonly tools: Readonly<Record<string, () => Promise<void>>>;
}

const encoder = new TextEncoder();
const say = (text: string) =>
  Deno.stdout.writeSync(encoder.encode(`${text}\n`));

if (import.meta.main) {
  const args = parseArgs(Deno.args, { string: ["files", "rounds"] });
  const files = Number(args.files ?? 10_000);
  const rounds = Number(args.rounds ?? 5);
  await using world = await makeWorld({ level: "info" });
  fill(world, files);
  await world.publish();
  const rows: string[] = [];
  for (const work of works(world, files)) {
    const seconds = await measure(work, rounds);
    const [ours = 0] = seconds.values();
    for (const [tool, median] of seconds) {
      const ratio = (ours / median).toFixed(2);
      rows.push(`| ${work.name} | ${tool} | ${median.toFixed(2)} | ${ratio} |`);
    }
  }
  say(
    [
      "| work | tool | median seconds | relais ÷ tool |",
      "| --- | --- | --- | --- |",
      ...rows,
    ].join("\n"),
  );
}

/** Files of 4 KiB, a hundred in a directory. */
function fill({ production: { data } }: World, files: number): void {
  for (let index = 0; index < files; index++) {
    const directory = `${data}/${Math.floor(index / 100)}`;
    if (index % 100 === 0) Deno.mkdirSync(directory, { recursive: true });
    Deno.writeTextFileSync(
      `${directory}/${index}`,
      `${index};`.padEnd(4_096, "relais"),
    );
  }
}

function works(world: World, files: number): Work[] {
  const copy = `${world.directory}/rsync`;
  const rsync = () => runRsync(world, copy);
  return [{
    name: `first copy of ${files} files of 4 KiB`,
    async prepare() {
      for (const directory of [world.into, world.state, copy]) {
        await remove(directory);
      }
    },
    tools: { relais: () => runRelais(world, files), rsync },
  }, {
    name: `nothing new among ${files} files`,
    prepare: async () => {},
    tools: { relais: () => runRelais(world, 0), rsync },
  }];
}

async function runRelais(world: World, copied: number): Promise<void> {
  const { code, stdout, stderr } = await relais([
    "--once",
    "--json",
    "--config",
    world.config,
  ]);
  if (code !== 0 || JSON.parse(stdout).copied !== copied) {
    throw new Error(stdout + stderr);
  }
}

async function runRsync(
  { production: { sshd, root } }: World,
  into: string,
): Promise<void> {
  const { identity, user, port } = sshd.serverConfig("production", root);
  const ssh =
    `ssh -p ${port} -i ${identity} -o UserKnownHostsFile=${sshd.knownHosts}`;
  const { success, stderr } = await new Deno.Command("rsync", {
    args: [
      "-a",
      "--exclude=/.relais",
      "-e",
      ssh,
      `${user}@127.0.0.1:${root}/`,
      into,
    ],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** Runs the tools in turn, and returns the median seconds of each. */
async function measure(
  { name, prepare, tools }: Work,
  rounds: number,
): Promise<Map<string, number>> {
  const times = new Map<string, number[]>(
    Object.keys(tools).map((tool) => [tool, []]),
  );
  for (let round = 0; round < rounds; round++) {
    await prepare();
    for (const [tool, run] of Object.entries(tools)) {
      const started = performance.now();
      await run();
      times.get(tool)!.push((performance.now() - started) / 1_000);
    }
    say(`${name}: round ${round + 1} of ${rounds}`);
  }
  return new Map([...times].map(([tool, seconds]) => [tool, median(seconds)]));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

async function remove(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
