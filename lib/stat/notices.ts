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
  /** Passes no longer fail, or the lag is short again. */
  "recovered",
  /** The replica lags further behind than it may. */
  "lag",
] as const;
export type Event = typeof events[number];

/** What a hook is given, as JSON: see docs/schemas/notice.json. */
export interface Notice extends Circumstances {
  readonly event: Event;
  /** The state it is about: `server:NAME`, `exit:STATUS` or `lag`. */
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
  /** The active server; `null` if none serves. */
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
    ...{ policy, now, concerns: isOfServer },
    circumstances: {
      ...{ server, reason, exit: null, lag_seconds: null },
      ...{ errors: [], failed: [] },
    },
  });
}

/** Judges a pass that ended at `now`, in milliseconds since the epoch. */
export function judgePass(
  told: Told,
  { server, exit, lag_seconds, errors, failed }: PassReport,
  policy: NoticePolicy,
  now: number,
): Judged {
  if (exit >= stopped) return { told, notices: [] };
  const seen = serverSeen(server, policy);
  if (exit !== 0) seen.push(errorPrefix + exit);
  if (policy.maxLagMs > 0 && lag_seconds * 1_000 > policy.maxLagMs) {
    seen.push(lagCondition);
  }
  return judge(told, seen, {
    ...{ policy, now, concerns: () => true },
    circumstances: {
      ...{ server, reason: null, exit, lag_seconds },
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
  readonly circumstances: Circumstances;
}

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
      // Probes have a hysteresis of their own.
      ofServer ? 0 : policy.settleMs,
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
      ...circumstances,
    });
  }
  return { told: after, notices };
}

function isOfServer(condition: string): boolean {
  return condition.startsWith(serverPrefix);
}

function isError(condition: string): boolean {
  return condition.startsWith(errorPrefix);
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
  return condition === lagCondition ? "lag" : "error";
}
