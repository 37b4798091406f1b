/**
 * What test-server remembers from one `--once` to the next.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { ReplicaConfig } from "../config/config.ts";
import type { Cursor } from "../list/cursor.ts";
import { isAnythingLeft } from "../state/overview.ts";
import { prepared } from "../state/prepared.ts";
import type { Probe } from "./operations.ts";
import { type Choice, noChoice } from "./decision.ts";

/** A list of which nothing was left to do. */
export interface Settled {
  readonly cursor: Cursor;
  /** Of the configuration it was settled under. */
  readonly fingerprint: string;
}

/** How a list was dated when it was seen, and since when it has been so, in milliseconds since the epoch. */
export interface Heartbeat {
  /** Seconds since the epoch, by the server's clock. */
  readonly mtime: number;
  readonly seen: number;
}

/** What is remembered. */
export interface Memory {
  readonly choice: Choice;
  readonly reason: string;
  /** The last probe of each server; the time in milliseconds since the epoch. */
  readonly probes: readonly Probe[];
  readonly probedAt: number;
  readonly settled: Readonly<Record<string, Settled>>;
  /** The last one of each server; missing in what older versions remember. */
  readonly heartbeats?: Readonly<Record<string, Heartbeat>>;
  /** Name of this replica, by which it finds itself among the replicas that feed it. */
  readonly name?: string;
}

const key = "test-server";

const nothing: Memory = {
  choice: noChoice,
  reason: "",
  probes: [],
  probedAt: 0,
  settled: {},
};

/** Reads what is remembered; nothing, on a first pass. */
export function recall(db: DatabaseSync): Memory {
  const row = prepared(db, "SELECT value FROM memory WHERE key = ?").get(key) as
    | { value: string }
    | undefined;
  return row === undefined ? nothing : JSON.parse(row.value, reviveBytes);
}

/** Remembers it, in place of what was remembered before. */
export function remember(db: DatabaseSync, memory: Memory): void {
  prepared(db, "INSERT OR REPLACE INTO memory VALUES (?, ?)")
    .run(key, JSON.stringify(memory, replaceBytes));
}

/** Moves what was dated by a clock that has been set since: how long a server was held does not change by that. */
export function moved(memory: Memory, setBy: number): Memory {
  const { choice, heartbeats = {} } = memory;
  if (setBy === 0) return memory;
  return {
    ...memory,
    choice: { ...choice, since: choice.since + setBy },
    heartbeats: Object.fromEntries(
      Object.entries(heartbeats).map(([server, { mtime, seen }]) => [
        server,
        { mtime, seen: seen + setBy },
      ]),
    ),
  };
}

/** Names this replica, once and for all, if others read from it. */
export function withName(
  memory: Memory,
  { republish }: Pick<ReplicaConfig, "republish">,
): Memory {
  if (!republish) return memory;
  return { ...memory, name: memory.name ?? crypto.randomUUID() };
}

/** A list of which something is left to do, as after `relais verify --repair`, is no longer settled. */
export function withoutUnfinished(memory: Memory, db: DatabaseSync): Memory {
  const settled = Object.entries(memory.settled)
    .filter(([server]) => !isAnythingLeft(db, server));
  return { ...memory, settled: Object.fromEntries(settled) };
}

/** Returns the active server and those that are preferred to it: the replica is to have what they have. */
export function serversInUse(
  { choice: { active }, probes }: Pick<Memory, "choice" | "probes">,
): string[] {
  const names = probes.map(({ server }) => server);
  return names.slice(0, names.indexOf(active ?? "") + 1);
}

/** Returns why the nodes of a cluster copy from `server`, as far as one of them knows by its own memory. */
export function sharedReason(
  server: string | null,
  memory: Pick<Memory, "choice" | "reason"> | undefined,
): string {
  if (server === null) return "no node has read a list yet";
  return memory?.choice.active === server
    ? memory.reason
    : "the node that leads has chosen it";
}

function replaceBytes(_: string, value: unknown): unknown {
  return value instanceof Uint8Array ? { hex: value.toHex() } : value;
}

function reviveBytes(_: string, value: unknown): unknown {
  return typeof value === "object" && value !== null && "hex" in value
    ? Uint8Array.fromHex(value.hex as string)
    : value;
}
