/**
 * Searching histories for one in which the replica goes back, or passes something
 * newer over without saying so.
 *
 * @module
 */

import { type Cut, Replica, type Setup } from "./replica.ts";
import {
  compact,
  type Edit,
  edit,
  type Kind,
  makeWorld,
  precedes,
  publish,
  replicate,
  replicateList,
  type World,
} from "./world.ts";

/** What may happen, and to how many. */
export interface Scope extends Setup {
  readonly servers: readonly string[];
  readonly paths: readonly string[];
  readonly edits: readonly Edit[];
  /** Whether a server's list is replicated as well, and not only its files. */
  readonly replicatesLists: boolean;
  readonly kinds?: Readonly<Record<string, Kind>>;
  /** Whether the replica is a new one, and has not read what the servers published at first. */
  readonly fresh?: boolean;
  /** Whether passes are cut off, read lists in part, and conflicts are decided by hand. */
  readonly rough?: boolean;
}

/** What was found. */
export interface Findings {
  histories: number;
  /** Histories in which something older replaced something newer. */
  readonly wentBack: string[];
  /** Histories after which all is quiet and the newest is not here, without a conflict. */
  readonly passedOver: string[];
}

/** One thing that happens. */
interface Step {
  readonly name: string;
  /** The world after it; nothing if it would change nothing. */
  readonly next?: (world: World) => World | undefined;
  readonly pass?: { readonly cut?: Cut; readonly lines?: number };
  readonly resolve?: string;
}

const everyEdit: readonly Edit[] = ["new", "old", "revert", "remove"];

/** One path on production and its backup, as most histories are searched with. */
export const smallest: Scope = {
  servers: ["P", "B"],
  paths: ["a"],
  edits: everyEdit,
  replicatesLists: true,
  warm: true,
  keeps: false,
  without: [],
};

function stepsOf(world: World, scope: Scope): Step[] {
  const { servers, paths, edits } = scope;
  const [first, ...others] = servers;
  const serving = world.up ? servers : others;
  return [
    ...paths.flatMap((path) =>
      edits.map((kind) => ({
        name: `${kind} ${path}`,
        next: (world: World) => edit(world, path, kind),
      }))
    ),
    ...serving.flatMap((server) => [
      { name: `publish ${server}`, next: (w: World) => publish(w, server) },
      { name: `compact ${server}`, next: (w: World) => compact(w, server) },
    ]),
    ...(world.up ? others : []).flatMap((server) => [
      { name: `files to ${server}`, next: (w: World) => replicate(w, server) },
      ...scope.replicatesLists
        ? [{
          name: `list to ${server}`,
          next: (w: World) => replicateList(w, server),
        }]
        : [],
    ]),
    {
      name: `${first} ${world.up ? "down" : "up"}`,
      next: (w: World) => ({ ...w, up: !w.up }),
    },
    { name: "pass", pass: {} },
    ...scope.rough
      ? [
        { name: "pass cut off after the list", pass: { cut: "read" as const } },
        { name: "pass killed", pass: { cut: "placed" as const } },
        { name: "pass cut off in the list", pass: { lines: 1 } },
        ...servers.map((server) => ({
          name: `resolve from ${server}`,
          resolve: server,
        })),
      ]
      : [],
  ];
}

/** Searches every history of up to `depth` steps. */
export async function enumerate(
  scope: Scope,
  depth: number,
): Promise<Findings> {
  const findings: Findings = { histories: 0, wentBack: [], passedOver: [] };
  const world = makeWorld(scope.servers, scope.paths, scope.kinds);
  const replica = new Replica(scope, world);
  if (!scope.fresh) await replica.pass(world);

  async function walk(world: World, trail: readonly string[], left: number) {
    findings.histories++;
    if (trail.at(-1)?.startsWith("pass")) {
      await expectQuiet(replica, world, trail, findings);
    }
    if (left === 0) return;
    for (const step of stepsOf(world, scope)) {
      const before = trail.at(-1);
      // Twice in a row changes nothing, or undoes it.
      if (step.name === before) continue;
      if (/ (up|down)$/.test(step.name) && / (up|down)$/.test(before ?? "")) {
        continue;
      }
      // What a list no longer says, a replica that reads it later cannot know.
      const isLost = scope.fresh && !trail.includes("pass") &&
        step.name.startsWith("compact");
      if (isLost) continue;
      const next = step.next === undefined ? world : step.next(world);
      if (next === undefined) continue;
      const longer = [...trail, step.name];
      if (step.pass === undefined && step.resolve === undefined) {
        await walk(next, longer, left - 1);
        continue;
      }
      await replica.try(async () => {
        if (await take(replica, next, step, longer, findings)) {
          await walk(next, longer, left - 1);
        }
      });
    }
  }

  await walk(world, [], depth);
  replica.db.close();
  return findings;
}

/** Draws `count` histories of `length` steps. */
export async function draw(
  scope: Scope,
  length: number,
  count: number,
  random: () => number,
): Promise<Findings> {
  const findings: Findings = { histories: 0, wentBack: [], passedOver: [] };
  const start = makeWorld(scope.servers, scope.paths, scope.kinds);
  const replica = new Replica(scope, start);
  if (!scope.fresh) await replica.pass(start);
  for (let drawn = 0; drawn < count; drawn++) {
    await replica.try(async () => {
      let world = start;
      const trail: string[] = [];
      while (trail.length < length) {
        const steps = stepsOf(world, scope);
        // Passes are what there is most of.
        const step = random() < 0.25
          ? steps.find(({ name }) => name === "pass")!
          : steps[Math.floor(random() * steps.length)]!;
        const next = step.next === undefined ? world : step.next(world);
        if (next === undefined) continue;
        trail.push(step.name);
        world = next;
        if (!await take(replica, world, step, trail, findings)) return;
      }
      await replica.pass(world);
      await expectQuiet(replica, world, trail, findings);
    });
    findings.histories++;
  }
  replica.db.close();
  return findings;
}

/** Plays one history; a step that would change nothing, or does not exist, is passed over. */
export async function play(
  scope: Scope,
  history: readonly string[],
): Promise<Findings & { readonly conflict: boolean }> {
  const findings: Findings = { histories: 1, wentBack: [], passedOver: [] };
  let world = makeWorld(scope.servers, scope.paths, scope.kinds);
  const replica = new Replica(scope, world);
  if (!scope.fresh) await replica.pass(world);
  for (const name of history) {
    const step = stepsOf(world, scope).find((step) => step.name === name);
    if (step === undefined) continue;
    world = (step.next === undefined ? world : step.next(world)) ?? world;
    if (!await take(replica, world, step, history, findings)) break;
  }
  if (findings.wentBack.length === 0) {
    await expectQuiet(replica, world, history, findings);
  }
  const conflict = replica.hasConflict(world);
  replica.db.close();
  return { ...findings, conflict };
}

/** Does what concerns the replica; returns whether it did not go back. */
async function take(
  replica: Replica,
  world: World,
  step: Step,
  trail: readonly string[],
  findings: Findings,
): Promise<boolean> {
  if (step.resolve !== undefined) {
    for (const path of replica.conflicts(world)) {
      replica.resolve(path, step.resolve);
    }
  }
  if (step.pass === undefined) return true;
  const back = await replica.pass(world, step.pass);
  if (back.length > 0) findings.wentBack.push(trail.join(", "));
  return back.length === 0;
}

/** When all serves again and has been replicated and published, the newest is here, or there is a conflict. */
async function expectQuiet(
  replica: Replica,
  world: World,
  trail: readonly string[],
  findings: Findings,
): Promise<void> {
  const [first, ...others] = world.servers;
  let quiet: World = { ...world, up: true };
  for (const server of others) quiet = replicate(quiet, server) ?? quiet;
  for (const server of world.servers) quiet = publish(quiet, server) ?? quiet;
  await replica.try(async () => {
    await replica.pass(quiet);
    await replica.pass(quiet);
    if (replica.hasConflict(quiet)) return;
    for (const [path, newest] of Object.entries(quiet.data[first!]!)) {
      const here = replica.here(path);
      if (replica.isDecided(path)) continue;
      const { content } = quiet.versions[newest]!;
      if (here === undefined ? content === null : here.content === content) {
        continue;
      }
      if (here === undefined || precedes(quiet, here.version, newest)) {
        findings.passedOver.push(trail.join(", "));
        return;
      }
    }
  });
}
