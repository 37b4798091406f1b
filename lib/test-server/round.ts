/**
 * The probes of one pass.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { ConnectionOperations } from "../connection/operations.ts";
import type { Connection } from "../connection/remote-session.ts";
import { describe } from "../errors.ts";
import { readCursor } from "../state/cursor.ts";
import { isAlike } from "../text/alike.ts";
import type { Context } from "../worker/life.ts";
import { type Choice, observe } from "./decision.ts";
import type { Heartbeat, Memory } from "./memory.ts";
import type {
  Probe,
  TestServerOperations,
  TestServerSettings,
} from "./operations.ts";
import { probe } from "./probe.ts";

/** What test-server has in its hands. */
export type TestServerContext = Context<
  "test-server",
  TestServerSettings,
  never
>;

/** What a pass knows when it asks for a probe. */
export type Request = TestServerOperations["probe"]["request"];

/** The module that has the sessions. */
export function connectionOf({ peer }: TestServerContext): Connection {
  return peer<ConnectionOperations>("connection");
}

/** The probes of one pass: each server once, and again while that may change the decision. */
export class Round {
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

  /** Probes these servers, all at once. */
  async probe(names: readonly string[]): Promise<void> {
    const { settings } = this.#context;
    const servers = settings.servers.filter(({ name }) => names.includes(name));
    const probes = await Promise.all(
      servers.map((server) =>
        probe(connectionOf(this.#context), server, settings, {
          cursor: readCursor(this.#db, server.name),
          settled: this.#memory.settled[server.name],
          heartbeat: this.heartbeats[server.name],
          fingerprint: this.#request.fingerprint,
          name: this.#memory.name,
        })
      ),
    );
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

  /** Tells whether the probe before this one failed for the same reason, so that it was logged then. */
  #isKnown(server: string, told: string): boolean {
    const before = this.#last.get(server) ??
      this.#memory.probes.find((probe) => probe.server === server);
    const failure = before?.failure ?? null;
    return failure !== null && isAlike(describe(failure), told);
  }

  #observe(done: Probe): void {
    const { figures, settings, log } = this.#context;
    figures.add(`probes_${done.verdict}`, 1);
    figures.add("wire_bytes", done.wireBytes);
    if (done.failure !== null) {
      const told = describe(done.failure);
      if (this.#isKnown(done.server, told)) log.debug(told);
      else log.warning(told);
    }
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
