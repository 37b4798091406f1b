/**
 * One probe of one server, to the depth that matters: TCP, SSH handshake, host
 * key, authentication, and that the list itself can be read.
 *
 * @module
 */

import type { ServerConfig } from "../config/config.ts";
import {
  type Connection,
  NotOpenedError,
  RemoteSession,
} from "../connection/remote-session.ts";
import {
  type Failure,
  FileError,
  toFailure,
  UnreachableError,
  UnusableError,
} from "../errors.ts";
import { findList } from "../list/find.ts";
import { mostBytes, parseRelays, relaysPath } from "../list/relays.ts";
import { requireRoot } from "../list/root.ts";
import type { Cursor, PublishedList } from "../list/cursor.ts";
import type { Probe, TestServerSettings, Verdict } from "./operations.ts";
import type { Depth } from "../ssh/depth.ts";
import type { Terms } from "../ssh/terms.ts";
import type { SessionRequests } from "../ssh/session-requests.ts";
import type { Heartbeat, Settled } from "./memory.ts";

/** What a probe found of the export. */
interface Found {
  readonly list: PublishedList | null;
  readonly unchanged: boolean;
  readonly read: boolean;
  readonly relays?: readonly string[];
  readonly terms?: Terms;
}

/** The part of the settings of test-server that a probe needs. */
type Settings = Pick<TestServerSettings, "probe" | "limits"> & {
  readonly replica: Pick<TestServerSettings["replica"], "source">;
};

/** What was read and settled last time, and under which configuration relais runs now. */
export interface Known {
  /** How far the server's list has been read. */
  readonly cursor: Cursor | undefined;
  readonly settled: Settled | undefined;
  readonly heartbeat: Heartbeat | undefined;
  readonly fingerprint: string;
  /** Name of this replica; `undefined`: it feeds no others. */
  readonly name?: string | undefined;
}

/**
 * Probes `server`, within `probe.timeout`. A session that was open already and
 * does not answer proves nothing but that it is dead: then the server is probed
 * over a new one. Never throws: what goes wrong is the verdict.
 */
export async function probe(
  connection: Connection,
  server: ServerConfig,
  settings: Settings,
  known: Known,
): Promise<Probe> {
  const once = () => probeOnce(connection, server, settings, known);
  const { isKept, ...first } = await once();
  if (!isKept || first.verdict !== "unreachable") return first;
  const { isKept: _, ...second } = await once();
  return {
    ...second,
    milliseconds: first.milliseconds + second.milliseconds,
    wireBytes: first.wireBytes + second.wireBytes,
  };
}

/** Probes over the session that is there, or a new one. */
async function probeOnce(
  connection: Connection,
  server: ServerConfig,
  settings: Settings,
  known: Known,
): Promise<Probe & { readonly isKept: boolean }> {
  const started = performance.now();
  let depth: Depth = "nothing";
  let session: RemoteSession | undefined;
  const timeout = AbortSignal.timeout(settings.probe.timeoutMs);

  async function reach(): Promise<Found> {
    session = await RemoteSession.open(connection, server.name, {
      sharing: "idle",
      requestMs: settings.limits.requestMs,
      signal: timeout,
    });
    depth = "sftp";
    const [found, relays] = await Promise.all([
      examine(session, server, settings, known),
      known.name === undefined ? undefined : readRelays(session, server),
    ]);
    depth = "list";
    const { terms } = session;
    if (relays === undefined) return { ...found, terms };
    refuseLoop(server, relays, known.name!);
    return { ...found, relays, terms };
  }

  async function report(verdict: Verdict, rest: Partial<Probe>) {
    const milliseconds = Math.round(performance.now() - started);
    return {
      server: server.name,
      verdict,
      depth,
      failure: null,
      milliseconds,
      list: null,
      unchanged: false,
      read: true,
      wireBytes: await session?.leave() ?? 0,
      isKept: session?.isKept ?? false,
      ...rest,
    };
  }

  try {
    const found = await reach();
    const failure = staleness(
      server,
      found,
      settings.probe.maxAgeMs,
      known.heartbeat,
    );
    return await (failure === null
      ? report("up", found)
      : report("stale", { ...found, failure: toFailure(failure) }));
  } catch (error) {
    if (error instanceof NotOpenedError) depth = error.depth;
    const failure = toFailure(error);
    const verdict = verdictOn(failure);
    return await report(verdict, {
      failure: timeout.aborted && verdict === "unreachable"
        ? toFailure(tooLate(server, settings))
        : failure,
    });
  }
}

async function examine(
  session: SessionRequests,
  server: ServerConfig,
  { replica: { source } }: Pick<Settings, "replica">,
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

/** Reads the names of the replicas that a list has come through; none where there is no such file. */
async function readRelays(
  session: RemoteSession,
  { root }: ServerConfig,
): Promise<string[]> {
  const file = {
    path: `${root}/${relaysPath}`,
    length: mostBytes,
    isChecked: false,
  };
  try {
    return parseRelays(await session.fetch(file));
  } catch (error) {
    if (error instanceof FileError && !error.retriable) return [];
    throw error;
  }
}

/** A replica that takes its own files back would never learn that its servers are gone. */
function refuseLoop(
  { name }: ServerConfig,
  relays: readonly string[],
  own: string,
): void {
  const at = relays.indexOf(own);
  if (at === -1) return;
  const others = at === 2 ? "another one" : `${at - 1} others`;
  const way = at > 1 ? `, by way of ${others}` : "";
  throw new UnusableError(
    `Refused ${name}: it is a replica that takes its files from this one${way}`,
    {
      hint:
        `remove ${name} here, or this machine from its servers; it is used again when it takes its files from elsewhere`,
    },
  );
}

function tooLate(
  { name }: ServerConfig,
  { probe: { timeoutMs } }: Pick<Settings, "probe">,
): UnreachableError {
  return new UnreachableError(
    `Cannot probe ${name}: no answer within ${timeoutMs / 1_000} s`,
    { hint: `check the load of ${name}, or raise probe.timeout` },
  );
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

/** What each kind of failure says of a server. */
const verdictOf: Readonly<Record<string, Verdict>> = {
  HostKeyError: "untrusted",
  AuthenticationError: "refused",
  UnreachableError: "unreachable",
  StuckError: "unreachable",
};

function verdictOn({ name }: Failure): Verdict {
  return verdictOf[name] ?? "unusable";
}
