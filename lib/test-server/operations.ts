/**
 * What test-server is started with, asked, and answers.
 *
 * @module
 */

import type { Depth } from "../ssh/depth.ts";
import type { Terms } from "../ssh/terms.ts";
import type {
  LimitsConfig,
  ProbeConfig,
  ReplicaConfig,
  ServerConfig,
} from "../config/config.ts";
import type { Failure } from "../errors.ts";
import type { Cursor, PublishedList } from "../list/cursor.ts";
import type { Left } from "../state/left.ts";

export interface TestServerSettings {
  readonly servers: readonly ServerConfig[];
  readonly probe: ProbeConfig;
  readonly limits: LimitsConfig;
  readonly replica: Pick<ReplicaConfig, "state" | "source" | "republish">;
  readonly dryRun: boolean;
}

/** What a probe says of a server. */
export const verdicts = [
  /** It serves. */
  "up",
  /** It does not answer. */
  "unreachable",
  /** It answers, but what we need is not there. */
  "unusable",
  /** Its list was not touched for longer than `probe.max_age`. */
  "stale",
  /** Its host key is not the known one. */
  "untrusted",
  /** It does not let us in. */
  "refused",
] as const;

export type Verdict = typeof verdicts[number];

/** One probe of one server. */
export interface Probe {
  readonly server: string;
  readonly verdict: Verdict;
  readonly depth: Depth;
  /** Why the server is not up, in plain words. */
  readonly failure: Failure | null;
  /** From the first byte to the last answer, in milliseconds. */
  readonly milliseconds: number;
  /** The list it publishes; `null` if there is none, or it was not reached. */
  readonly list: PublishedList | null;
  /** True if its list is the one settled last time, to the byte. */
  readonly unchanged: boolean;
  /** True if the synchronised list has all of its list; a tree is walked only where files are taken from. */
  readonly read: boolean;
  /** How the session came about; `undefined` if it did not get so far. */
  readonly terms?: Terms;
  /** Names of the replicas that its list has come through, the nearest first; only who republishes asks for them. */
  readonly relays?: readonly string[];
  readonly wireBytes: number;
}

export interface Probed {
  /** The server this pass takes its files from; `null` if none serves. */
  readonly active: string | null;
  /** Since when it is the active one, in milliseconds since the epoch; 0 if none was yet. */
  readonly activeSince: number;
  /** The active server before this probe. */
  readonly previous: string | null;
  /** Why the active server is the active one, in plain words. */
  readonly reason: string;
  /** The last probe of each server, in order of preference. */
  readonly probes: readonly Probe[];
  /** Names of this replica, and of those that the list of the active server has come through; none if it does not republish. */
  readonly relays: readonly string[];
  readonly wireBytes: number;
  readonly left: Left;
}

export type TestServerOperations = {
  /** Probes all servers and chooses. */
  probe: {
    request: {
      readonly fingerprint: string;
      /** Why servers cannot be used that a probe finds nothing wrong with, by name. */
      readonly unusable: Readonly<Record<string, Failure>>;
    };
    reply: Probed;
  };
  /** Probes all servers once and chooses nothing: for `relais check`. */
  examine: { request: null; reply: readonly Probe[] };
  /** Remembers that nothing of this list is left to do. */
  settle: {
    request: {
      readonly server: string;
      readonly cursor: Cursor;
      /** Of the configuration it was settled under. */
      readonly fingerprint: string;
    };
    reply: null;
  };
};
