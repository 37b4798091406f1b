/**
 * Probing the servers until it is decided which one is the active one.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import type { DatabaseSync } from "node:sqlite";
import {
  anyKept,
  isAnyUnannounced,
  lagBehind,
  missingFrom,
} from "../state/overview.ts";
import { decide, type Policy, undecided } from "./decision.ts";
import {
  type Memory,
  remember,
  serversInUse,
  withName,
  withoutUnfinished,
} from "./memory.ts";
import type { Probed } from "./operations.ts";
import { type Request, Round, type TestServerContext } from "./round.ts";

/** From one probe of a server to the next within a pass, at least. */
const burstMs = 250;

/** Probes all servers, chooses the active one, and remembers both. */
export async function chooseServer(
  context: TestServerContext,
  db: DatabaseSync,
  recalled: Memory,
  request: Request,
): Promise<Probed> {
  const { settings: { servers, probe: policy, replica } } = context;
  const memory = withName(withoutUnfinished(recalled, db), replica);
  const names = servers.map(({ name }) => name);
  const round = new Round(context, memory, request, db);
  await probeUntilDecided(round, names, policy);
  const { reason, ...choice } = decide(
    round.choice,
    round.verdicts,
    policy,
    Date.now(),
  );
  const verdict = round.verdicts.get(choice.active ?? "");
  const serves = verdict === "up" || verdict === "stale";
  const active = serves ? choice.active : null;
  tell(context, memory, { active, reason });
  const { probes, heartbeats, wireBytes } = round;
  const { name, settled } = memory;
  remember(db, {
    choice,
    reason,
    probes,
    probedAt: Date.now(),
    settled,
    heartbeats,
    ...name === undefined ? {} : { name },
  });
  const inUse = serversInUse({ choice, probes });
  return {
    active,
    activeSince: choice.since,
    previous: memory.choice.active,
    reason,
    probes,
    relays: name === undefined ? [] : [name, ...round.relaysOf(active)],
    wireBytes,
    left: {
      kept: anyKept(db),
      unannounced: isAnyUnannounced(db),
      lagSeconds: lagBehind(db, inUse, Date.now()),
      missing: missingFrom(db, names, active),
    },
  };
}

/** Probes servers, and those again whose next probe could change the decision: better now than in the next pass. */
async function probeUntilDecided(
  round: Round,
  names: readonly string[],
  policy: Policy,
): Promise<void> {
  for (let asked = names; asked.length > 0;) {
    const started = performance.now();
    await round.probe(asked);
    asked = undecided(round.choice, round.verdicts, policy, Date.now());
    if (asked.length === 0) return;
    // A probe that waited for its limit has left the server time enough.
    await delay(Math.max(0, burstMs - (performance.now() - started)));
  }
}

/** Logs what has changed since the last probe, and nothing that has not. */
function tell(
  { log, figures, settings }: TestServerContext,
  memory: Memory,
  { active, reason }: Pick<Probed, "active" | "reason">,
): void {
  if (active === memory.choice.active) return;
  if (active === null) {
    log.error(reason);
    return;
  }
  figures.add("switches", 1);
  const preferred = settings.servers[0]?.name === active;
  const text = `${active} is the active server: ${reason}`;
  if (preferred) log.info(text);
  else log.warning(text);
}
