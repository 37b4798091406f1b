/**
 * Which server is the active one: a pure function of what is remembered, what
 * the probes said, and the policy.
 *
 * A server goes down after `fall` bad probes in a row and comes back after
 * `rise` good ones, as with HAProxy's health checks; a preferred server that
 * came back takes over only after the active one was held for `hold`.
 *
 * @module
 */

import type { ProbeConfig } from "../config/config.ts";
import type { Verdict } from "./operations.ts";

/** What is remembered of one server. */
export interface Health {
  readonly up: boolean;
  /** Probes in a row that speak against `up`. */
  readonly streak: number;
}

/** What is remembered from one probe to the next. */
export interface Choice {
  /** Name of the active server; `null` before the first one served. */
  readonly active: string | null;
  /** Since when, in milliseconds since the epoch. */
  readonly since: number;
  readonly health: Readonly<Record<string, Health>>;
}

export const noChoice: Choice = { active: null, since: 0, health: {} };

/** The last verdict on each server, in order of preference. */
export type Verdicts = ReadonlyMap<string, Verdict>;

export type Policy = Pick<
  ProbeConfig,
  "rise" | "fall" | "holdMs" | "failback"
>;

/** The server to take files from, and why, in plain words. */
export interface Decision extends Choice {
  readonly reason: string;
}

/** Counts one more probe of a server. */
export function observe(
  health: Health | undefined,
  verdict: Verdict,
  { rise, fall }: Policy,
): Health {
  const good = verdict === "up";
  if (health === undefined || health.up === good) {
    return { up: good, streak: 0 };
  }
  const streak = health.streak + 1;
  return streak >= needed(verdict, { rise, fall })
    ? { up: good, streak: 0 }
    : { up: health.up, streak };
}

/** How many such probes in a row change a server's health. */
function needed(
  verdict: Verdict,
  { rise, fall }: Pick<Policy, "rise" | "fall">,
): number {
  if (verdict === "up") return rise;
  // Asking again does not make a wrong key right, and gets a replica banned.
  return verdict === "untrusted" || verdict === "refused" ? 1 : fall;
}

/**
 * Chooses the active server. `choice.health` must have been given all of
 * `verdicts` already. What began in the future, by a clock that was ahead and is
 * right again, begins now.
 */
export function decide(
  remembered: Choice,
  verdicts: Verdicts,
  policy: Policy,
  now: number,
): Decision {
  const since = Math.min(remembered.since, now);
  const choice = { ...remembered, since };
  const active = choose(choice, verdicts, policy, now);
  if (active === null) {
    return { ...choice, reason: "no server is available" };
  }
  const reason = explain(active, choice, verdicts, policy, now);
  return {
    ...choice,
    active,
    since: active === choice.active ? since : now,
    reason,
  };
}

/**
 * Names the servers whose next probe could change the decision, so that a pass
 * need not wait for the next one to be sure.
 */
export function undecided(
  choice: Choice,
  verdicts: Verdicts,
  policy: Policy,
  now: number,
): string[] {
  return [...verdicts.keys()].filter((name) => {
    const { up, streak } = choice.health[name]!;
    if (streak === 0) return false;
    return up
      ? name === choice.active
      : mayReturn(name, choice, verdicts, policy, now);
  });
}

function choose(
  choice: Choice,
  verdicts: Verdicts,
  policy: Policy,
  now: number,
): string | null {
  const serving = named("up", verdicts);
  const stale = named("stale", verdicts);
  const healthy = serving.filter((name) => choice.health[name]!.up);
  const { active } = choice;
  // A server that is still on its way up is better than a stale one, and that is better than none.
  const best = healthy[0] ?? serving[0] ??
    stale.find((name) => name === active) ?? stale[0] ?? null;
  if (active === null || !serving.includes(active)) return best;
  const preferred = healthy.find((name) =>
    mayReturn(name, choice, verdicts, policy, now)
  );
  return preferred ?? active;
}

/** The servers of which the last probe said `wanted`. */
function named(wanted: Verdict, verdicts: Verdicts): string[] {
  return [...verdicts].filter(([, verdict]) => verdict === wanted)
    .map(([name]) => name);
}

/** Tells whether `name` is preferred to the active server, and may take over from it. */
function mayReturn(
  name: string,
  choice: Choice,
  verdicts: Verdicts,
  policy: Policy,
  now: number,
): boolean {
  if (!prefers(name, choice, verdicts) || policy.failback === "manual") {
    return false;
  }
  return now - choice.since >= policy.holdMs;
}

function prefers(
  name: string,
  { active }: Choice,
  verdicts: Verdicts,
): boolean {
  const order = [...verdicts.keys()];
  return active !== null && order.indexOf(name) < order.indexOf(active);
}

function explain(
  active: string,
  choice: Choice,
  verdicts: Verdicts,
  policy: Policy,
  now: number,
): string {
  const passedOver = [...verdicts.keys()].filter((name) =>
    prefers(name, { ...choice, active }, verdicts)
  );
  if (verdicts.get(active) === "stale") {
    return "its list is too old, and no server has a fresh one";
  }
  if (passedOver.length === 0) {
    return active === choice.active || choice.active === null
      ? "it is the preferred server"
      : "it is the preferred server, and up again";
  }
  return passedOver.map((name) =>
    `${name} ${whyNot(name, choice, verdicts, policy, now)}`
  ).join("; ");
}

function whyNot(
  name: string,
  choice: Choice,
  verdicts: Verdicts,
  policy: Policy,
  now: number,
): string {
  const verdict = verdicts.get(name)!;
  if (verdict !== "up") return `is ${verdict}`;
  const { up, streak } = choice.health[name]!;
  if (!up) return `is coming up: ${streak} of ${policy.rise} good probes`;
  if (policy.failback === "manual") return "is up, and failback is manual";
  const left = Math.ceil((policy.holdMs - (now - choice.since)) / 1_000);
  return `is up, and takes over in ${left} s`;
}
