/**
 * All figures at one moment, as `relais stat` shows them, and as the next
 * process goes on from them.
 *
 * @module
 */

import { type ModuleName, moduleNames } from "../worker/protocol.ts";
import { verdicts } from "../test-server/operations.ts";
import type { StatsBlock } from "../worker/stats-block.ts";
import {
  type FigureName,
  figuresOf,
  fromBlock,
  toBlock,
} from "../worker/figures.ts";
import { replaceFile } from "../files/replace.ts";
import type { ClusterSeen } from "../state/shared-view.ts";
import type { ServerState } from "./servers.ts";

/** Figures by name, in base units: bytes, seconds. */
export type ModuleFigures = Readonly<Record<string, number>>;

/** All figures at one moment. The figures of one module are of the very same moment. */
export interface Snapshot {
  /** Seconds since the epoch. */
  readonly taken: number;
  /** Seconds since the process began. */
  readonly uptime: number;
  /** True if a loop wrote it, which goes on; not if it has ended since. */
  readonly loop?: boolean;
  readonly modules: Readonly<Record<ModuleName, ModuleFigures>>;
  /** What is known of the servers, in order of preference. */
  readonly servers?: readonly ServerState[];
  /** The nodes that share the replica, as this one last saw them. */
  readonly cluster?: ClusterSeen;
}

/** Takes a snapshot. May block: for workers. */
export function takeSnapshot(
  block: StatsBlock,
  servers?: readonly ServerState[],
): Snapshot {
  const values: readonly Readonly<Record<string, bigint>>[] = moduleNames.map((
    module,
  ) => block.section(module).snapshot());
  const now = Date.now();
  const modules = moduleNames.map((module, index) => [
    module,
    Object.fromEntries(
      figuresOf(module).map((
        [name, figure],
      ) => [name, fromBlock(figure, values[index]![name]!)]),
    ),
  ]);
  return {
    taken: now / 1_000,
    // The wall clock may have been set back meanwhile.
    uptime: Math.max(0, now - block.created) / 1_000,
    modules: Object.fromEntries(modules),
    ...(servers === undefined ? {} : { servers }),
  };
}

/**
 * Writes a snapshot, at once.
 *
 * @throws {LocalError} If it cannot be written.
 */
export function writeSnapshot(path: string, snapshot: Snapshot): void {
  replaceFile(path, `${JSON.stringify(snapshot, null, 2)}\n`, 0o640);
}

/** What {@link readSnapshot} found; neither of the two if there is no snapshot yet. */
export interface FoundSnapshot {
  readonly snapshot?: Snapshot;
  /** Why the file there is of no use. */
  readonly problem?: string;
}

/** Reads a snapshot back. Never throws: figures are no reason not to run. */
export async function readSnapshot(path: string): Promise<FoundSnapshot> {
  try {
    const value: unknown = JSON.parse(await Deno.readTextFile(path));
    if (isSnapshot(value)) return { snapshot: value };
    return { problem: `Cannot use "${path}": it is not a snapshot` };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    const reason = error instanceof Error ? error.message : String(error);
    return { problem: `Cannot use "${path}": ${reason}` };
  }
}

function isSnapshot(value: unknown): value is Snapshot {
  if (!isRecord(value) || !isRecord(value.modules)) return false;
  const { taken, uptime, modules, servers = [] } = value;
  return Number.isFinite(taken) && Number.isFinite(uptime) &&
    moduleNames.every((module) => isModuleFigures(modules[module])) &&
    Array.isArray(servers) && servers.every(isServerState);
}

function isModuleFigures(value: unknown): boolean {
  return isRecord(value) && Object.values(value).every(Number.isFinite);
}

function isServerState(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { name, verdict, active, probed, seconds, list } = value;
  return typeof name === "string" && typeof active === "boolean" &&
    (verdicts as readonly unknown[]).includes(verdict) &&
    Number.isFinite(probed) && Number.isFinite(seconds) &&
    (list === null ||
      isRecord(list) && Number.isFinite(list.size) &&
        Number.isFinite(list.mtime));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** No figure grows so high, and what grows from here does not reach the end of 64 bits. */
const plausible = 2n ** 62n;

/**
 * Lets the figures go on where an earlier process left them, so that counters
 * only grow however short a process lives. Signs of life start again. A second
 * call for the same block does nothing: it has gone on already.
 */
export function restore(block: StatsBlock, snapshot: Snapshot): void {
  if (!block.claimRestore()) return;
  for (const module of moduleNames) {
    const section = block.section(module);
    for (const [name, figure] of figuresOf(module)) {
      const value = snapshot.modules[module][name] ?? 0;
      if (figure.fresh || value <= 0) continue;
      const held = toBlock(figure, value);
      if (held < plausible) {
        section.restore(name as FigureName<ModuleName>, held);
      }
    }
  }
}

/** Where the snapshot of a replica, or of a publisher, lies in its own directory. */
export function snapshotPath(directory: string): string {
  return `${directory}/stat.json`;
}
