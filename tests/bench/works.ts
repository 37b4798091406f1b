/**
 * The work that relais is measured by: the rows of its performance targets.
 *
 * @module
 */

import { makeWorld, type World } from "../../fixtures/world.ts";
import { deltas } from "./deltas.ts";
import { makeLargeFile, makeSmallFiles, writeSmallFile } from "./tree.ts";

/** What is published; works in a row that have the same tree share one world. */
export interface Tree {
  readonly name: string;
  makeWorld(): Promise<World>;
}

/** One piece of work, for every tool. */
export interface Work {
  readonly name: string;
  /** Tools that can do it at all. */
  readonly tools: readonly string[];
  /** Round trip to the server, in milliseconds; 0: none is added. */
  readonly roundTripMs: number;
  /** Whether each run begins with an empty directory, or with what the one before left. */
  readonly fresh: boolean;
  /** Lines for `[replica]` of relais's configuration. */
  readonly replica?: string;
  /** Whether what is gone on the server has to go in the directory, too. */
  readonly mirror?: boolean;
  readonly tree: Tree;
  /** Changes something before each round. */
  change?(world: World, round: string): Promise<void>;
}

export interface Sizes {
  /** Small files to copy. */
  readonly files: number;
  /** Files of a tree in which little changes. */
  readonly many: number;
  /** Bytes of the large file. */
  readonly large: number;
  /** Whether to measure a million entries too. */
  readonly million: boolean;
}

const all = ["relais", "relais openssh", "rsync", "sftp", "rclone", "lftp"];
/** Those that need not copy everything each time. */
const incremental = all.filter((tool) => tool !== "sftp");

/** How many files of many change. */
const changed = 100;

/** Returns the works, from the one relais is made for to the one it is least made for. */
export function works({ files, many, large, million }: Sizes): Work[] {
  const near = { roundTripMs: 0, fresh: false } as const;
  const few = smallFiles(files);
  const fewer = Math.ceil(files / 10);
  const lots = smallFiles(many);
  return [
    {
      ...near,
      name: `nothing new among ${files} files`,
      tools: incremental,
      tree: few,
    },
    {
      ...near,
      name: `first copy of ${files} files of 4 KiB`,
      tools: all,
      fresh: true,
      tree: few,
    },
    {
      name: `first copy of ${files} files of 4 KiB, round trip 50 ms`,
      // sftp waits for three answers a file: 25 minutes for 10 000.
      tools: incremental,
      roundTripMs: 50,
      fresh: true,
      tree: few,
    },
    {
      ...near,
      name: `first copy of ${fewer} files of 4 KiB`,
      tools: all,
      fresh: true,
      tree: smallFiles(fewer),
    },
    {
      ...near,
      name: `first copy of ${many} files of 4 KiB`,
      tools: ["relais", "rsync"],
      fresh: true,
      tree: lots,
    },
    {
      ...near,
      name: `nothing new among ${many} files`,
      tools: incremental,
      tree: lots,
    },
    {
      ...near,
      name: `${changed} changed of ${many} files`,
      tools: incremental,
      tree: lots,
      async change(world, round) {
        for (let index = 0; index < changed; index++) {
          const file = Math.floor(index * many / changed);
          writeSmallFile(world.production.data, file, `round ${round}`);
        }
        await world.publish();
      },
    },
    {
      ...near,
      name: `one file of ${large / 2 ** 20} MiB`,
      tools: all,
      fresh: true,
      tree: {
        name: "large",
        makeWorld: () =>
          worldWith((data) => makeLargeFile(`${data}/large`, large)),
      },
    },
    ...deltas(large),
    ...directories(many / 5),
    ...(million ? lists(1_000_000) : []),
  ];
}

/** A tree without a list, two small files in each of its directories. */
function directories(count: number): Work[] {
  const common = {
    tools: ["relais", "rsync"],
    roundTripMs: 0,
    tree: {
      name: `${count} directories`,
      async makeWorld() {
        const world = await makeWorld({ level: "info" });
        makeSmallFiles(world.production.root, 2 * count, 2);
        return world;
      },
    },
  };
  const what = `a tree of ${count} directories`;
  return [
    { ...common, name: `first copy of ${what}`, fresh: true },
    { ...common, name: `nothing new in ${what}`, fresh: false },
  ];
}

/** Reading a list, and nothing else: the filter wants none of its files. */
function lists(entries: number): Work[] {
  const common = {
    tools: ["relais"],
    roundTripMs: 0,
    replica: `include = ["none/of/these"]`,
    tree: { name: "list", makeWorld: () => worldWithList(entries) },
  };
  return [
    { ...common, name: `first list of ${entries} entries`, fresh: true },
    { ...common, name: `nothing new among ${entries} entries`, fresh: false },
  ];
}

function smallFiles(files: number): Tree {
  return {
    name: `${files} small files`,
    makeWorld: () => worldWith((data) => makeSmallFiles(data, files)),
  };
}

/** Makes a world and publishes what `fill` puts into it. */
export async function worldWith(
  fill: (data: string) => void,
): Promise<World> {
  const world = await makeWorld({ level: "info" });
  fill(world.production.data);
  await world.publish();
  return world;
}

/** A list of files that are not there: for reading lists alone. */
async function worldWithList(entries: number): Promise<World> {
  const world = await makeWorld({ level: "info" });
  const directory = `${world.production.root}/.relais`;
  Deno.mkdirSync(directory);
  using file = Deno.openSync(`${directory}/list`, {
    write: true,
    create: true,
  });
  const encoder = new TextEncoder();
  let lines = ["relais-list\t1\tbench\t1700000000\n"];
  for (let seq = 1; seq <= entries; seq++) {
    const digest = seq.toString(16).padStart(64, "0");
    const path = `company-${seq % 26}/orders/${
      Math.floor(seq / 500)
    }/${seq}.csv`;
    lines.push(
      `${seq}\t+\t1700000000.25\t1700000000.125\t4096\t0644\tsha256:${digest}\t${path}\n`,
    );
    if (seq % 10_000 > 0 && seq < entries) continue;
    file.writeSync(encoder.encode(lines.join("")));
    lines = [];
  }
  return world;
}
