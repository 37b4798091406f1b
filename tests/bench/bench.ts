/**
 * relais beside rsync, sftp, rclone and lftp, as far as they are installed, on
 * the same work, in turn, over loopback OpenSSH.
 *
 *     deno task bench [--rounds N] [--files N] [--many N] [--large MIB]
 *                     [--only TEXT] [--tools A,B] [--limit SECONDS] [--million]
 *                     [--sources] [--write]
 *
 * Speed is stated as ratios of one run: machines differ, and so do their days.
 * Every copy is checked for being complete, outside of the time measured.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { fromFileUrl } from "@std/path";
import { canMount, TmpfsDisk } from "../../fixtures/disk.ts";
import type { World } from "../../fixtures/world.ts";
import { loopCost } from "./loop.ts";
import { perform } from "./perform.ts";
import { formatTable, type Row } from "./table.ts";
import { tools } from "./tools.ts";
import { works } from "./works.ts";

const encoder = new TextEncoder();
const say = (text: string) =>
  Deno.stdout.writeSync(encoder.encode(`${text}\n`));

const docs = fromFileUrl(new URL("../../docs", import.meta.url));

interface Arguments {
  readonly rounds?: string;
  readonly files?: string;
  readonly many?: string;
  readonly large?: string;
  readonly only?: string;
  readonly tools?: string;
  readonly limit?: string;
  readonly million?: boolean;
  readonly write?: boolean;
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, {
    string: ["rounds", "files", "many", "large", "only", "tools", "limit"],
    boolean: ["million", "sources", "write"],
  }) as Arguments;
  const wanted = args.tools?.split(",");
  const versions = await installed();
  const settings = {
    rounds: Number(args.rounds ?? 3),
    limitSeconds: Number(args.limit ?? 60),
    tools: tools.filter(({ name }) =>
      versions.has(name) && (wanted?.includes(name) ?? true)
    ),
  };
  const rows: Row[] = [];
  const sizes = {
    files: Number(args.files ?? 10_000),
    many: Number(args.many ?? 100_000),
    large: Number(args.large ?? 1_024) * 2 ** 20,
    million: args.million === true,
  };
  let tree = "";
  let world: World | undefined;
  using disk = inMemory();
  const load = Deno.loadavg()[0]!.toFixed(2);
  let loop = "";
  try {
    for (const work of works(sizes)) {
      if (!work.name.includes(args.only ?? "")) continue;
      if (world === undefined || tree !== work.tree.name) {
        await world?.[Symbol.asyncDispose]();
        tree = work.tree.name;
        say(`making the tree: ${tree}`);
        world = await work.tree.makeWorld();
        if (loop === "" && args.only === undefined) {
          loop = `${(await loopCost(world)).toFixed(1)} ms of CPU a pass`;
          say(`the loop, nothing new: ${loop}`);
        }
      }
      rows.push(...await perform(work, world, settings, say));
    }
  } finally {
    // Its servers have files open on the disk.
    await world?.[Symbol.asyncDispose]();
  }
  say(formatTable(rows));
  if (args.write === true) {
    const rounds = settings.rounds;
    await write(rows, {
      rounds,
      load,
      disk: disk === undefined ? "that of the temporary files" : "tmpfs",
      "the loop, nothing new": loop,
      ...Object.fromEntries(versions),
    });
  }
}

/**
 * A disk in memory for all that the bench makes, where that can be mounted: the
 * disk of the machine would hide the work of the tools behind its own.
 */
function inMemory(): TmpfsDisk | undefined {
  if (!canMount()) return undefined;
  const disk = new TmpfsDisk(Deno.makeTempDirSync(), "size=90%");
  Deno.env.set("TMPDIR", disk.directory);
  return disk;
}

/** The tools that are there, and their versions. */
async function installed(): Promise<Map<string, string>> {
  const versions = new Map<string, string>();
  for (const { name, version: [command, ...args] } of tools) {
    try {
      const { stdout, stderr } = await new Deno.Command(command!, { args })
        .output();
      const text = new TextDecoder().decode(
        stdout.length > 0 ? stdout : stderr,
      );
      versions.set(name, text.split("\n")[0]!.trim());
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return versions;
}

/** Puts the table between the two marks in docs/benchmarks.md, and all figures into docs/benchmarks.json. */
async function write(
  rows: readonly Row[],
  facts: Readonly<Record<string, string | number>>,
): Promise<void> {
  const machine = {
    cpus: navigator.hardwareConcurrency,
    kernel: Deno.osRelease(),
    deno: Deno.version.deno,
    ...facts,
  };
  const told = Object.entries(machine).map(([name, value]) =>
    `${name}: ${value}`
  );
  const page = await Deno.readTextFile(`${docs}/benchmarks.md`);
  const table = `<!-- table -->\n\n${formatTable(rows)}\n\n${
    told.join("; ")
  }.\n\n<!-- end of table -->`;
  await Deno.writeTextFile(
    `${docs}/benchmarks.md`,
    page.replace(/<!-- table -->[^]*<!-- end of table -->/, () => table),
  );
  await Deno.writeTextFile(
    `${docs}/benchmarks.json`,
    `${JSON.stringify({ machine, rows }, null, 2)}\n`,
  );
}
