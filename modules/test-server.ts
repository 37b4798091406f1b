/**
 * test-server: which server is available? Probes all of them at once and
 * chooses the active one.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import type { DatabaseSync } from "node:sqlite";
import { describe } from "../lib/errors.ts";
import {
  type Choice,
  decide,
  observe,
  undecided,
} from "../lib/test-server/decision.ts";
import { WallClock } from "../lib/test-server/clock.ts";
import {
  type Heartbeat,
  type Memory,
  recall,
  remember,
  serversInUse,
} from "../lib/test-server/memory.ts";
import type { ConnectionOperations } from "../lib/connection/operations.ts";
import type { Connection } from "../lib/connection/remote-session.ts";
import { probe } from "../lib/test-server/probe.ts";
import type {
  Probe,
  Probed,
  TestServerOperations,
  TestServerSettings,
} from "../lib/test-server/operations.ts";
import { openState, rehearseState } from "../lib/state/database.ts";
import {
  isAnythingLeft,
  isAnyUnannounced,
  lagBehind,
  missingFrom,
} from "../lib/state/overview.ts";
import { readCursor } from "../lib/state/cursor.ts";
import { type Context, runModule, type Running } from "../lib/worker/life.ts";

type TestServerContext = Context<"test-server", TestServerSettings, never>;

/** From one probe of a server to the next within a pass, at least. */
const burstMs = 250;

/**
 * Returns what test-server answers.
 *
 * @throws {LocalError} If the state cannot be opened.
 */
export function testServer(
  context: TestServerContext,
): Running<TestServerOperations> {
  const { settings } = context;
  const { servers, replica } = settings;
  const db = settings.dryRun
    ? rehearseState(replica.state)
    : openState(replica.state);
  const clock = new WallClock();
  return {
    handlers: {
      probe(request) {
        const memory = moved(recall(db), clock.setBy());
        return probeAndChoose(context, db, memory, request);
      },
      examine: () =>
        Promise.all(
          servers.map((server) =>
            probe(connectionOf(context), server, settings, {
              cursor: readCursor(db, server.name),
              settled: undefined,
              heartbeat: recall(db).heartbeats?.[server.name],
              fingerprint: "",
              name: replica.republish ? recall(db).name ?? "" : undefined,
            })
          ),
        ),
      settle({ server, cursor, fingerprint }) {
        const memory = recall(db);
        const settled = {
          ...memory.settled,
          [server]: { cursor, fingerprint },
        };
        remember(db, { ...memory, settled });
        return null;
      },
    },
    end: () => db.close(),
  };
}

function connectionOf({ peer }: TestServerContext): Connection {
  return peer<ConnectionOperations>("connection");
}

async function probeAndChoose(
  context: TestServerContext,
  db: DatabaseSync,
  recalled: Memory,
  request: Request,
): Promise<Probed> {
  const { settings: { servers, probe: policy } } = context;
  const memory = named(
    withoutUnfinished(recalled, db),
    context.settings,
  );
  const round = new Round(context, memory, request, db);
  let names = servers.map(({ name }) => name);
  while (names.length > 0) {
    const started = performance.now();
    await round.probe(names);
    names = undecided(round.choice, round.verdicts, policy, Date.now());
    // The next probe could change the decision: better now than in the next pass.
    if (names.length === 0) break;
    // A probe that waited for its limit has left the server time enough.
    await delay(Math.max(0, burstMs - (performance.now() - started)));
  }
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
  remember(db, {
    choice,
    reason,
    probes: round.probes,
    probedAt: Date.now(),
    settled: memory.settled,
    heartbeats: round.heartbeats,
    ...memory.name === undefined ? {} : { name: memory.name },
  });
  return {
    active,
    activeSince: choice.since,
    previous: memory.choice.active,
    reason,
    probes: round.probes,
    relays: memory.name === undefined
      ? []
      : [memory.name, ...round.relaysOf(active)],
    wireBytes: round.wireBytes,
    left: {
      unannounced: isAnyUnannounced(db),
      lagSeconds: lagBehind(
        db,
        serversInUse({ choice, probes: round.probes }),
        Date.now(),
      ),
      missing: missingFrom(db, servers.map(({ name }) => name), active),
    },
  };
}

/** Moves what was dated by a clock that has been set since: how long a server was held does not change by that. */
function moved(memory: Memory, setBy: number): Memory {
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
function named(
  memory: Memory,
  { replica: { republish } }: Pick<TestServerSettings, "replica">,
): Memory {
  if (!republish) return memory;
  return { ...memory, name: memory.name ?? crypto.randomUUID() };
}

/** A list of which something is left to do, as after `relais verify --repair`, is no longer settled. */
function withoutUnfinished(memory: Memory, db: DatabaseSync): Memory {
  const settled = Object.entries(memory.settled)
    .filter(([server]) => !isAnythingLeft(db, server));
  return { ...memory, settled: Object.fromEntries(settled) };
}

type Request = TestServerOperations["probe"]["request"];

/** The probes of one pass: each server once, and again while that may change the decision. */
class Round {
  choice: Choice;
  wireBytes = 0;
  readonly heartbeats: Record<string, Heartbeat>;
  readonly #context: TestServerContext;
  readonly #db: DatabaseSync;
  readonly #memory: Memory;
  readonly #request: Request;
  readonly #last = new Map<string, Probe>();

  constructor(
    context: TestServerContext,
    memory: Memory,
    request: Request,
    db: DatabaseSync,
  ) {
    this.#context = context;
    this.#db = db;
    this.#memory = memory;
    this.#request = request;
    this.choice = memory.choice;
    this.heartbeats = { ...memory.heartbeats };
  }

  /** The last probe of each server, in order of preference. */
  get probes(): Probe[] {
    return [...this.#last.values()];
  }

  get verdicts(): Map<string, Probe["verdict"]> {
    return new Map(this.probes.map(({ server, verdict }) => [server, verdict]));
  }

  /** The names of the replicas that the list of `server` has come through. */
  relaysOf(server: string | null): readonly string[] {
    return this.#last.get(server ?? "")?.relays ?? [];
  }

  async probe(names: readonly string[]): Promise<void> {
    const { settings } = this.#context;
    const servers = settings.servers.filter(({ name }) => names.includes(name));
    const probes = await Promise.all(servers.map((server) => {
      return probe(connectionOf(this.#context), server, settings, {
        cursor: readCursor(this.#db, server.name),
        settled: this.#memory.settled[server.name],
        heartbeat: this.heartbeats[server.name],
        fingerprint: this.#request.fingerprint,
        name: this.#memory.name,
      });
    }));
    for (const done of probes) this.#observe(this.#corrected(done));
  }

  /** A probe does not look as deep as what has used the server meanwhile. */
  #corrected(done: Probe): Probe {
    const failure = this.#request.unusable[done.server];
    return failure === undefined || done.failure !== null
      ? done
      : { ...done, verdict: "unusable", failure };
  }

  /** Notes since when a list has been as old as it is. */
  #feel(server: string, mtime: number): void {
    const known = this.heartbeats[server];
    const now = Date.now();
    const seen = known?.mtime === mtime ? Math.min(known.seen, now) : now;
    this.heartbeats[server] = { mtime, seen };
  }

  #observe(done: Probe): void {
    const { figures, settings, log } = this.#context;
    figures.add(`probes_${done.verdict}`, 1);
    figures.add("wire_bytes", done.wireBytes);
    if (done.failure !== null) log.debug(describe(done.failure));
    if (done.list !== null) this.#feel(done.server, done.list.mtime);
    this.#last.set(done.server, done);
    this.wireBytes += done.wireBytes;
    const health = observe(
      this.choice.health[done.server],
      done.verdict,
      settings.probe,
    );
    this.choice = {
      ...this.choice,
      health: { ...this.choice.health, [done.server]: health },
    };
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

if (import.meta.main) runModule("test-server", testServer);
