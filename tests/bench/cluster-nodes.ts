/**
 * What more nodes are good for: one node, and then several, copy the same small files
 * over a link, as processes of their own; and which processes need the CPU for that.
 *
 *     deno run -A --no-check tests/bench/cluster-nodes.ts [--files N] [--nodes N]
 *                     [--round-trip MS] [--lease DURATION]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { makeCluster } from "../../fixtures/cluster/world.ts";
import { makeSmallFiles } from "./tree.ts";

/** How the nodes copy. */
interface Work {
  readonly files: number;
  readonly roundTripMs: number;
  readonly lease: string;
}

/** CPU in seconds, by who needed it. */
type Cpu = Readonly<Record<string, number>>;

interface Measured {
  readonly nodes: number;
  readonly seconds: number;
  readonly cpu: Cpu;
}

const encoder = new TextEncoder();
const say = (text: string) =>
  Deno.stdout.writeSync(encoder.encode(`${text}\n`));

async function measure(
  count: number,
  { files, roundTripMs, lease }: Work,
): Promise<Measured> {
  const names = Array.from({ length: count }, (_, index) => `r${index + 1}`);
  await using cluster = await makeCluster({
    ...{ nodes: names, lease, level: "info" },
    link: { delayMs: roundTripMs / 2 },
  });
  const { world, nodes } = cluster;
  makeSmallFiles(world.production.data, files);
  await world.publish();
  const before = cpuSoFar();
  const started = performance.now();
  const passes = await Promise.all(nodes.map((node) => node.pass()));
  const seconds = (performance.now() - started) / 1_000;
  const after = cpuSoFar();
  const wrong = passes.flatMap(({ errors }) => errors);
  if (wrong.length > 0 || !cluster.isCopied) {
    throw new Error(`not all was copied: ${wrong.join("; ")}`);
  }
  const cpu = Object.fromEntries(
    Object.entries(after).map(([who, spent]) => [
      who,
      spent - (before[who] ?? 0),
    ]),
  );
  return { nodes: count, seconds, cpu };
}

/** What this process has needed so far, which carries the link; the children that have ended, which are the nodes; and those that go on, by their names. */
function cpuSoFar(): Cpu {
  const processes = processesNow();
  const self = processes.get(Deno.pid)!;
  const cpu: Record<string, number> = { link: self.own, nodes: self.reaped };
  for (const [pid, { parent, name }] of processes) {
    if (parent !== Deno.pid) continue;
    cpu[name] = (cpu[name] ?? 0) + cpuBelow(pid, processes);
  }
  return cpu;
}

interface Process {
  readonly parent: number;
  readonly name: string;
  /** Seconds of CPU of itself, and of its children that have ended. */
  readonly own: number;
  readonly reaped: number;
}

function cpuBelow(
  pid: number,
  processes: ReadonlyMap<number, Process>,
): number {
  const { own, reaped } = processes.get(pid)!;
  return [...processes].filter(([, { parent }]) => parent === pid)
    .reduce((sum, [child]) => sum + cpuBelow(child, processes), own + reaped);
}

/** Reads proc_pid_stat(5); its times are in ticks of 10 ms. */
function processesNow(): Map<number, Process> {
  const processes = new Map<number, Process>();
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    let stat: string;
    try {
      stat = Deno.readTextFileSync(`/proc/${name}/stat`);
    } catch {
      // It has ended.
      continue;
    }
    const end = stat.lastIndexOf(")");
    const fields = stat.slice(end + 2).split(" ").map(Number);
    const [user, system, reapedUser, reapedSystem] = fields.slice(11, 15);
    processes.set(Number(name), {
      parent: fields[1]!,
      name: stat.slice(stat.indexOf("(") + 1, end),
      own: (user! + system!) / 100,
      reaped: (reapedUser! + reapedSystem!) / 100,
    });
  }
  return processes;
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, {
    string: ["files", "nodes", "round-trip", "lease"],
  });
  const work = {
    files: Number(args.files ?? 100_000),
    roundTripMs: Number(args["round-trip"] ?? 20),
    lease: String(args.lease ?? "15s"),
  };
  const rates: number[] = [];
  for (const count of [1, Number(args.nodes ?? 3)]) {
    const { nodes, seconds, cpu } = await measure(count, work);
    const rate = work.files / seconds;
    rates.push(rate);
    const shares = Object.entries(cpu).filter(([, spent]) => spent >= 0.01)
      .map(([who, spent]) =>
        `${who} ${(spent / work.files * 1e6).toFixed(0)} µs`
      );
    const busy = Object.values(cpu).reduce((sum, spent) => sum + spent);
    say(
      `${nodes} ${nodes === 1 ? "node" : "nodes"}: ${
        rate.toFixed(0)
      } files/s in ${seconds.toFixed(1)} s, ${
        (busy / seconds).toFixed(2)
      } cores of ${navigator.hardwareConcurrency}; CPU of a file: ${
        shares.join(", ")
      }`,
    );
  }
  say(`ratio ${(rates[1]! / rates[0]!).toFixed(2)}`);
}
