/**
 * What an administrator is told of, as a function of what was told before and
 * of what a pass has come to.
 *
 * @module
 */

import type { PassReport } from "../state/pass-report.ts";
import { follow, type Lasting, speakAgain } from "./condition.ts";

/** What is told; each has a hook of its own. */
export const events = [
  /** Another server than the preferred one serves now. */
  "failover",
  /** The preferred one serves again. */
  "failback",
  /** Passes fail. */
  "error",
  /** Passes no longer fail, the lag is short, or a node shows signs of life again. */
  "recovered",
  /** The replica lags further behind than it may. */
  "lag",
  /** Another node of a cluster leads, and the one before did not give it up. */
  "leader",
] as const;
export type Event = typeof events[number];

/** What a hook is given, as JSON: see docs/schemas/notice.json. */
export interface Notice extends Circumstances {
  readonly event: Event;
  /** The state it is about: `server:NAME`, `exit:STATUS`, `lag` or `leader:NODE`. */
  readonly condition: string;
  /** True if it was told before, or its hook failed, and it still lasts. */
  readonly again: boolean;
  /** When the state began, in seconds since the epoch. */
  readonly began: number;
  /** How long it has lasted, in seconds. */
  readonly seconds: number;
}

/** What is known when something is told. */
interface Circumstances {
  /** The node that tells; `null` on a machine that keeps the replica alone. */
  readonly node: string | null;
  /** The node that led before; `null` unless that has changed. */
  readonly former: string | null;
  /** The term in which the node that tells leads; `null` unless that has changed. */
  readonly term: number | null;
  /** The active server; `null` if none serves, or none was chosen yet. */
  readonly server: string | null;
  /** Why it is that one; `null` once the pass is over. */
  readonly reason: string | null;
  /** Of the pass; `null` while it runs, and so for what follows. */
  readonly exit: number | null;
  readonly lag_seconds: number | null;
  readonly errors: readonly string[];
  /** The first of the files that could not be copied. */
  readonly failed: PassReport["failed"];
}

/** The states that last, by condition. */
export type Told = Readonly<Record<string, Lasting>>;

/** What is worth a word. */
export interface NoticePolicy {
  /** The server that should serve. */
  readonly preferred: string;
  /** The longest lag that is no reason to worry, in milliseconds; 0: any. */
  readonly maxLagMs: number;
  /** How long a state must not be seen to be over. */
  readonly settleMs: number;
  /**
   * The same of another server that serves. Probes have a hysteresis of their own; but
   * the nodes of a cluster probe each for itself, and take turns to lead.
   *
   * @default 0
   */
  readonly serverSettleMs?: number;
  /** Name of this node of a cluster. */
  readonly node?: string;
}

/** What is known from now on, and what there is to tell. */
export interface Judged {
  readonly told: Told;
  readonly notices: readonly Notice[];
}

/** Errors and failed files that a notice names. */
const mostNamed = 20;

/** A pass that was stopped in good order says nothing about the state of things. */
const stopped = 128;

const serverPrefix = "server:";
const errorPrefix = "exit:";
const lagCondition = "lag";
const leaderPrefix = "leader:";

/** Judges that `server` is the active one from now on, in milliseconds since the epoch. */
export function judgeSwitch(
  told: Told,
  { server, reason }: {
    readonly server: string | null;
    readonly reason: string;
  },
  policy: NoticePolicy,
  now: number,
): Judged {
  return judge(told, serverSeen(server, policy), {
    policy,
    now,
    concerns: isOfServer,
    circumstances: {
      ...nothingSpecial,
      server,
      reason,
      exit: null,
      lag_seconds: null,
      errors: [],
      failed: [],
    },
  });
}

/** Judges that this node leads from now on, after `former`, which did not give that up. */
export function judgeLead(
  told: Told,
  { former, term }: { readonly former: string; readonly term: number },
  policy: NoticePolicy,
  now: number,
): Judged {
  const lost = leaderPrefix + former;
  return judge(told, [lost], {
    policy,
    now,
    concerns: (condition) => condition === lost,
    circumstances: {
      former,
      term,
      server: null,
      exit: null,
      lag_seconds: null,
      reason: `${former} led before and did not give it up`,
      errors: [],
      failed: [],
    },
  });
}

/** What a pass can be judged for. */
export interface PassScope {
  /** Tells whether the pass says anything of a condition. @default of each */
  readonly concerns?: (condition: string) => boolean;
  /** Nodes that led, did not give it up, and have not shown a sign of life since. */
  readonly silent?: readonly string[];
}

/** Judges a pass that ended at `now`, in milliseconds since the epoch. */
export function judgePass(
  told: Told,
  { server, exit, lag_seconds, errors, failed }: PassReport,
  policy: NoticePolicy,
  now: number,
  { concerns = () => true, silent = [] }: PassScope = {},
): Judged {
  if (exit >= stopped) return { told, notices: [] };
  const seen = serverSeen(server, policy);
  if (exit !== 0) seen.push(errorPrefix + exit);
  if (policy.maxLagMs > 0 && lag_seconds * 1_000 > policy.maxLagMs) {
    seen.push(lagCondition);
  }
  seen.push(...silent.map((node) => leaderPrefix + node));
  return judge(told, seen, {
    policy,
    now,
    concerns,
    circumstances: {
      ...nothingSpecial,
      server,
      reason: null,
      exit,
      lag_seconds,
      errors: errors.slice(0, mostNamed),
      failed: failed.slice(0, mostNamed),
    },
  });
}

/** Has a state told of again, once it may have settled: the hook failed. */
export function tellAgain(
  told: Told,
  condition: string,
  { settleMs }: NoticePolicy,
  now: number,
): Told {
  const lasting = told[condition];
  // What is over is not spoken of again.
  if (lasting === undefined) return told;
  return { ...told, [condition]: speakAgain(lasting, now, settleMs) };
}

/** What one judgement goes by. */
interface Case {
  readonly policy: NoticePolicy;
  readonly now: number;
  /** Tells whether anything was learnt of a condition. */
  readonly concerns: (condition: string) => boolean;
  readonly circumstances: Omit<Circumstances, "node">;
}

/** Of a change of leader alone. */
const nothingSpecial = { former: null, term: null };

function judge(
  told: Told,
  seen: readonly string[],
  { policy, now, concerns, circumstances }: Case,
): Judged {
  const { server } = circumstances;
  const after: Record<string, Lasting> = { ...told };
  const notices: Notice[] = [];
  for (const condition of new Set([...Object.keys(told), ...seen])) {
    const ofServer = isOfServer(condition);
    // While none serves, nothing is learnt of which one does.
    if (!concerns(condition) || (ofServer && server === null)) continue;
    const { lasting, word } = follow(
      told[condition],
      seen.includes(condition),
      now,
      ofServer ? policy.serverSettleMs ?? 0 : policy.settleMs,
    );
    delete after[condition];
    if (lasting !== undefined) after[condition] = lasting;
    if (word === undefined) continue;
    const isOver = word === "is over";
    // From one substitute to another, or from one error to another: the new one is told of.
    if (ofServer && isOver && server !== policy.preferred) continue;
    if (isOver && isError(condition) && seen.some(isError)) continue;
    const { began } = (lasting ?? told[condition])!;
    notices.push({
      event: eventOf(condition, isOver),
      condition,
      again: word === "lasts",
      began: began / 1_000,
      seconds: Math.max(0, Math.round((now - began) / 1_000)),
      node: policy.node ?? null,
      ...circumstances,
    });
  }
  return { told: after, notices };
}

function isOfServer(condition: string): boolean {
  return condition.startsWith(serverPrefix);
}

/** Tells whether a condition is that passes fail. */
export function isError(condition: string): boolean {
  return condition.startsWith(errorPrefix);
}

/** Returns the node that a condition says has lost the lead; `undefined` if it is about something else. */
export function lostNodeOf(condition: string): string | undefined {
  return condition.startsWith(leaderPrefix)
    ? condition.slice(leaderPrefix.length)
    : undefined;
}

function serverSeen(
  server: string | null,
  { preferred }: NoticePolicy,
): string[] {
  return server === null || server === preferred ? [] : [serverPrefix + server];
}

function eventOf(condition: string, isOver: boolean): Event {
  if (isOfServer(condition)) return isOver ? "failback" : "failover";
  if (isOver) return "recovered";
  if (lostNodeOf(condition) !== undefined) return "leader";
  return condition === lagCondition ? "lag" : "error";
}
