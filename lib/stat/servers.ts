/**
 * What the last probes said of the servers, for the figures.
 *
 * @module
 */

import type { Memory } from "../test-server/memory.ts";
import type { Verdict } from "../test-server/operations.ts";

/** A server as the last probe found it. */
export interface ServerState {
  readonly name: string;
  readonly verdict: Verdict;
  readonly active: boolean;
  /** When it was probed, in seconds since the epoch. */
  readonly probed: number;
  /** How long the probe took. */
  readonly seconds: number;
  /** The list it publishes; `null` if there is none, or it was not reached. */
  readonly list: {
    /** Bytes. */
    readonly size: number;
    /** When its publisher last ran, in seconds since the epoch. */
    readonly mtime: number;
  } | null;
}

/** Returns what is remembered of each server, in order of preference; `active` is the one that files come from. */
export function serverStates(
  { probes, probedAt }: Memory,
  active: string | null,
): ServerState[] {
  return probes.map(({ server, verdict, milliseconds, list }) => ({
    name: server,
    verdict,
    active: server === active,
    probed: probedAt / 1_000,
    seconds: milliseconds / 1_000,
    list: list === null ? null : { size: list.size, mtime: list.mtime },
  }));
}
