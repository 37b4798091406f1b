/**
 * A small world for the model of the order of versions: files that are edited on
 * servers, what these publish, and the true order, which is the ancestry of edits.
 *
 * @module
 */

/** A state of a file that somebody made. */
export interface Version {
  readonly path: string;
  /** `null`: the file was taken away. */
  readonly content: string | null;
  /** Seconds since the epoch. */
  readonly date: number;
  /** Every version that led to this one. */
  readonly ancestors: ReadonlySet<number>;
}

/** A line of a list, or a file of a tree. */
export interface Line {
  readonly op: "+" | "-";
  readonly path: string;
  /** Index of the version. */
  readonly version: number;
}

/** What a server publishes. */
export interface Export {
  readonly generation: string;
  readonly writer: string;
  /** The generations that it took over, the nearest first, and up to which line each. */
  readonly from: readonly {
    readonly generation: string;
    readonly seq: number;
  }[];
  readonly carried: number;
  readonly lines: readonly Line[];
}

/** How a server tells what it has. */
export type Kind = "list" | "foreign" | "tree";

/** What can be edited, and how. */
export type Edit = "new" | "old" | "revert" | "remove";

/** The servers and their files at one moment; never changed, only replaced. */
export interface World {
  readonly servers: readonly string[];
  readonly kinds: Readonly<Record<string, Kind>>;
  readonly versions: readonly Version[];
  /** What each server has: the index of a version for each path. */
  readonly data: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly exports: Readonly<Record<string, Export>>;
  /** Whether the first server serves. */
  readonly up: boolean;
  readonly clock: number;
}

/** Numbers generations throughout a run, so that no two are ever called the same. */
let generations = 0;

/** Every generation ever written: to find which version a line was. */
export const written = new Map<string, Export>();

/** Returns the version that a list last named for a path, itself or in what it took over. */
export function lastNamed(
  list: Export | undefined,
  path: string,
  upTo = Infinity,
): number {
  const line = list!.lines.slice(0, upTo).findLast((one) => one.path === path);
  return line?.version ??
    lastNamed(written.get(list!.from[0]!.generation), path, list!.from[0]!.seq);
}

/** Makes a world in which every server has, and publishes, the same files. */
export function makeWorld(
  servers: readonly string[],
  paths: readonly string[],
  kinds: Readonly<Record<string, Kind>> = {},
): World {
  const versions = paths.map((path) => ({
    path,
    content: `${path}0`,
    date: 10,
    ancestors: new Set<number>(),
  }));
  const data = Object.fromEntries(paths.map((path, index) => [path, index]));
  const lines = paths.map((path, version): Line => ({
    op: "+",
    path,
    version,
  }));
  return {
    servers,
    kinds: Object.fromEntries(
      servers.map((name) => [name, kinds[name] ?? "list"]),
    ),
    versions,
    data: Object.fromEntries(servers.map((name) => [name, data])),
    exports: Object.fromEntries(
      servers.map((name) => [name, begin(name, [], lines, 0)]),
    ),
    up: true,
    clock: 10,
  };
}

function begin(
  writer: string,
  from: Export["from"],
  lines: readonly Line[],
  carried: number,
): Export {
  const generation = `g${++generations}`;
  const list = { generation, writer, from, carried, lines };
  written.set(generation, list);
  return list;
}

/** Whether version `a` led to version `b`. */
export function precedes(world: World, a: number, b: number): boolean {
  return world.versions[b]!.ancestors.has(a);
}

/** Whether two versions have the same contents: nobody can tell them apart. */
export function alike(world: World, a: number, b: number): boolean {
  const [one, other] = [world.versions[a]!, world.versions[b]!];
  return one.path === other.path && one.content === other.content;
}

/** The server on which people work: the first one that serves. */
export function workplace({ servers, up }: World): string {
  return up ? servers[0]! : servers[1]!;
}

/** Edits a file where people work; returns nothing if that would change nothing. */
export function edit(
  world: World,
  path: string,
  kind: Edit,
): World | undefined {
  const server = workplace(world);
  const before = world.data[server]![path]!;
  const clock = world.clock + 10;
  const made = edited(world, before, kind, clock);
  if (made === undefined) return undefined;
  const ancestors = new Set([...world.versions[before]!.ancestors, before]);
  const versions = [...world.versions, { ...made, path, ancestors }];
  const files = { ...world.data[server], [path]: versions.length - 1 };
  return {
    ...world,
    clock,
    versions,
    data: { ...world.data, [server]: files },
  };
}

function edited(
  { versions }: World,
  before: number,
  kind: Edit,
  clock: number,
): Pick<Version, "content" | "date"> | undefined {
  const { path, content, ancestors } = versions[before]!;
  switch (kind) {
    case "new":
      return { content: `${path}${versions.length}`, date: clock };
    case "old": {
      const dates = versions.filter((one) => one.path === path)
        .map(({ date }) => date);
      return {
        content: `${path}${versions.length}`,
        date: Math.min(...dates) - 1,
      };
    }
    case "revert": {
      const earlier = [...ancestors].sort((a, b) => b - a)
        .map((index) => versions[index]!)
        .find((version) => version.content !== content);
      return earlier && { content: earlier.content, date: earlier.date };
    }
    case "remove":
      return content === null ? undefined : { content: null, date: clock };
  }
}

/** The last line of each path. */
function last({ lines }: Export): Map<string, Line> {
  return new Map(lines.map((line) => [line.path, line]));
}

/** Publishes what a server has; returns nothing if that writes nothing. */
export function publish(world: World, server: string): World | undefined {
  let list = world.exports[server]!;
  const isOwn = list.writer === server;
  if (!isOwn) list = continued(list, server);
  const named = last(list);
  const changes = Object.entries(world.data[server]!).flatMap(
    ([path, version]): Line[] => {
      const line = named.get(path);
      const { content } = world.versions[version]!;
      const op = content === null ? "-" : "+";
      if (line === undefined) {
        return op === "-" ? [] : [{ op, path, version }];
      }
      return alike(world, line.version, version) ? [] : [{ op, path, version }];
    },
  );
  if (isOwn && changes.length === 0) return undefined;
  const longer = { ...list, lines: [...list.lines, ...changes] };
  written.set(list.generation, longer);
  return { ...world, exports: { ...world.exports, [server]: longer } };
}

/** Another generation that takes over what a list names. */
function continued(list: Export, writer: string): Export {
  const { generation, lines } = list;
  const live = [...last(list).values()].filter(({ op }) => op === "+");
  const from = [{ generation, seq: lines.length }, ...list.from].slice(0, 16);
  return begin(writer, from, live, live.length);
}

/** Compacts the list of a server. */
export function compact(world: World, server: string): World | undefined {
  const list = world.exports[server]!;
  if (list.writer !== server || list.lines.length < 2) return undefined;
  const exports = { ...world.exports, [server]: continued(list, server) };
  return { ...world, exports };
}

/** Brings a server's files up to date with those of the first one, or the first one's if it lags. */
export function replicate(world: World, to: string): World | undefined {
  const first = world.servers[0]!;
  if (!world.up) return undefined;
  const here = { ...world.data[first] };
  const there = { ...world.data[to] };
  for (const path of Object.keys(here)) {
    const [a, b] = [here[path]!, there[path]!];
    if (precedes(world, a, b)) here[path] = b;
    else there[path] = a;
  }
  const data = { ...world.data, [first]: here, [to]: there };
  return JSON.stringify(data) === JSON.stringify(world.data)
    ? undefined
    : { ...world, data };
}

/** Brings the list of the first server to another one, whose files are the same. */
export function replicateList(world: World, to: string): World | undefined {
  const first = world.servers[0]!;
  const same = JSON.stringify(world.data[first]) ===
    JSON.stringify(world.data[to]);
  if (!world.up || !same || world.exports[to] === world.exports[first]) {
    return undefined;
  }
  const exports = { ...world.exports, [to]: world.exports[first]! };
  return { ...world, exports };
}
