/**
 * One probe of one server, to the depth that matters: TCP, SSH handshake, host
 * key, authentication, and that the list itself can be read.
 *
 * @module
 */

import type { ServerConfig } from "../config/config.ts";
import {
  AuthenticationError,
  HostKeyError,
  toFailure,
  UnreachableError,
  UnusableError,
} from "../errors.ts";
import { findList } from "../list/find.ts";
import { requireRoot } from "../list/root.ts";
import type { Cursor, PublishedList } from "../list/cursor.ts";
import type { Probe, TestServerSettings, Verdict } from "./operations.ts";
import type { Depth } from "../ssh/depth.ts";
import { connect } from "../ssh/connect.ts";
import type { SftpSession } from "../ssh/session.ts";
import type { Heartbeat, Settled } from "./memory.ts";

/** What a probe found of the export. */
interface Found {
  readonly list: PublishedList | null;
  readonly unchanged: boolean;
  readonly read: boolean;
  readonly weak?: readonly string[];
}

/** What was read and settled last time, and under which configuration relais runs now. */
export interface Known {
  /** How far the server's list has been read. */
  readonly cursor: Cursor | undefined;
  readonly settled: Settled | undefined;
  readonly heartbeat: Heartbeat | undefined;
  readonly fingerprint: string;
}

/** Probes `server`, within `probe.timeout`. Never throws: what goes wrong is the verdict. */
export async function probe(
  server: ServerConfig,
  settings: Pick<TestServerSettings, "probe" | "limits" | "replica">,
  known: Known,
): Promise<Probe> {
  const started = performance.now();
  let depth: Depth = "nothing";
  let session: SftpSession | undefined;
  const timeout = AbortSignal.timeout(settings.probe.timeoutMs);

  async function reach(): Promise<Found> {
    session = await connect(server, settings.limits, {
      signal: timeout,
      onDepth: (reached) => depth = reached,
    });
    const found = await examine(session, server, settings, known);
    depth = "list";
    return { ...found, weak: session.weak };
  }

  function report(verdict: Verdict, rest: Partial<Probe>): Probe {
    return {
      server: server.name,
      verdict,
      depth,
      failure: null,
      milliseconds: Math.round(performance.now() - started),
      list: null,
      unchanged: false,
      read: true,
      wireBytes: wireBytes(session),
      ...rest,
    };
  }

  try {
    const found = await withTimeout(reach(), timeout, server, settings);
    const failure = staleness(
      server,
      found,
      settings.probe.maxAgeMs,
      known.heartbeat,
    );
    return failure === null
      ? report("up", found)
      : report("stale", { ...found, failure: toFailure(failure) });
  } catch (error) {
    return report(verdictOn(error), { failure: toFailure(error) });
  } finally {
    session?.end();
  }
}

async function examine(
  session: SftpSession,
  server: ServerConfig,
  { replica: { source } }: Pick<TestServerSettings, "replica">,
  { cursor, settled, fingerprint }: Known,
): Promise<Found> {
  const list = await findList(session, server, { source, cursor });
  if (list !== undefined) {
    const { provenance: { generation }, size, mtime, recognition } = list;
    const read = recognition === "same";
    const unchanged = read && settled?.fingerprint === fingerprint &&
      settled.cursor.generation === cursor!.generation &&
      settled.cursor.offset === cursor!.offset &&
      settled.cursor.modified === cursor!.modified;
    return { list: { generation, size, mtime }, unchanged, read };
  }
  await requireRoot(session, server.root);
  return { list: null, unchanged: false, read: true };
}

async function withTimeout<Result>(
  work: Promise<Result>,
  timeout: AbortSignal,
  { name }: ServerConfig,
  { probe: { timeoutMs } }: Pick<TestServerSettings, "probe">,
): Promise<Result> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  timeout.addEventListener("abort", () =>
    reject(
      new UnreachableError(
        `Cannot probe ${name}: no answer within ${timeoutMs / 1_000} s`,
        { hint: `check the load of ${name}, or raise probe.timeout` },
      ),
    ));
  // Whichever of the two loses may still fail later.
  work.catch(() => {});
  return await Promise.race([work, late]);
}

function staleness(
  { name }: ServerConfig,
  { list }: Found,
  maxAgeMs: number,
  heartbeat: Heartbeat | undefined,
): UnusableError | null {
  if (list === null || maxAgeMs === 0) return null;
  if (list.mtime === 0) {
    return new UnusableError(
      `Cannot check the age of the list of ${name}: the server does not report its date, and probe.max_age is set`,
      { hint: 'set probe.max_age = "0s", or use another SFTP server there' },
    );
  }
  const now = Date.now();
  // A date in the future, by a clock that was ahead there, must not be fresh for years.
  const seen = heartbeat?.mtime === list.mtime ? heartbeat.seen : now;
  const age = Math.max(now - list.mtime * 1_000, now - seen);
  if (age <= maxAgeMs) return null;
  return new UnusableError(
    `Cannot trust the list of ${name}: its publisher last ran ${
      Math.round(age / 1_000)
    } s ago, and probe.max_age is ${maxAgeMs / 1_000} s`,
    { hint: `run "relais status" on ${name}, and start its publisher` },
  );
}

function verdictOn(error: unknown): Verdict {
  if (error instanceof HostKeyError) return "untrusted";
  if (error instanceof AuthenticationError) return "refused";
  return error instanceof UnreachableError ? "unreachable" : "unusable";
}

function wireBytes(session: SftpSession | undefined): number {
  return session === undefined
    ? 0
    : session.wireBytes.received + session.wireBytes.sent;
}
