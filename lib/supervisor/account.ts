/**
 * What a pass has come to so far, for its report.
 *
 * @module
 */

import {
  type ConfigError,
  describe,
  type ExitStatus,
  exitStatus,
  type Failure,
  FileError,
  RefusedError,
  RemoteFailure,
  toFailure,
} from "../errors.ts";
import type {
  FailedFile,
  PassReport,
  PlannedAction,
} from "../state/pass-report.ts";
import type { Backlog, Conflicts, Missing } from "../state/left.ts";
import { type HeldSet, tellObstacle } from "../state/sets.ts";
import type { Copied } from "../copy-list/operations.ts";
import type { Probed } from "../test-server/operations.ts";
import type { Synchronised } from "../synchro-list/operations.ts";
import { refusalsKept } from "../state/refusals.ts";
import { noNotFiles } from "../list/not-files.ts";
import { shellWord } from "../text/shell-word.ts";
import { exitOf } from "./exit.ts";

/** A module died, or the state is not what it was: the replica mends that, and begins again. */
const fatal = new Set(["ModuleError", "DamagedStateError"]);

/** Tells whether no step of a pass can go on after `failure`. */
export function isFatal({ name }: Failure): boolean {
  return fatal.has(name);
}

/**
 * Tells whether a server serves no longer after `failure`: it was lost, is not
 * trusted any more, or does not let us in any more. All servers are probed again then.
 */
export function endsServing({ exitStatus: status }: Failure): boolean {
  return status === exitStatus.unavailable || status === exitStatus.untrusted;
}

/** So many sets that are held up are told; `relais status` names more. */
const mostHeldTold = 20;

/** What a pass has done before it has done anything. */
const nothing = {
  seen: 0,
  new: 0,
  skipped: 0,
  refused: 0,
  copied: 0,
  adopted: 0,
  bytes: 0,
  reused: 0,
  wire_bytes: 0,
  removed: 0,
};

export const nothingMissing: Missing = {
  refused: { count: 0, reasons: [] },
  failed: [],
};

/** Returns the report of a pass that `error` ended before it had one, `seconds` after it began. */
export function brokenReport(error: unknown, seconds: number): PassReport {
  const { exitStatus: exit = exitStatus.incomplete, problems = [] } =
    error as ConfigError;
  return {
    server: null,
    generation: null,
    ...nothing,
    not_files: noNotFiles,
    refusals: [],
    failed: [],
    errors: [describe(error), ...problems],
    lag_seconds: 0,
    seconds,
    exit,
  };
}

/** The figures and the failures of one pass. */
export class PassAccount {
  generation: string | null = null;
  lagSeconds = 0;
  /** What stays away, as the state knows it. */
  missing: Missing = nothingMissing;
  /** What a dry run would do. */
  readonly plan: PlannedAction[] = [];
  /** Files that could not be copied, by path. */
  readonly failed = new Map<string, FailedFile>();
  /** Servers with a list, a tree or an SFTP that cannot be used, and why. */
  readonly unusable: Record<string, Failure> = {};
  /** Bytes that copying took, from all servers. */
  transferred = 0;
  readonly #started = performance.now();
  readonly #failures: Failure[];
  /** Files that something else was in the way of. */
  readonly #blocked: string[] = [];
  #slow: readonly string[] = [];
  /** Sets that could not be completed, by name. */
  readonly #held = new Map<string, HeldSet>();
  readonly #totals = { ...nothing };
  #notFiles = noNotFiles;

  /** @param remarks What happened before the pass, and is told with it. */
  constructor(remarks: readonly Failure[]) {
    this.#failures = [...remarks];
  }

  /** What went wrong, in the order it happened. */
  get failures(): readonly Failure[] {
    const held = [...this.#held.values()].slice(0, mostHeldTold);
    return [...this.#failures, ...held.map(told)];
  }

  get isClean(): boolean {
    return this.#failures.length === 0 && this.failed.size === 0 &&
      this.#held.size === 0;
  }

  get hasCopied(): boolean {
    return this.#totals.copied > 0;
  }

  /** Tells whether the last thing that went wrong is that a server was lost. */
  get lostServer(): boolean {
    const last = this.#failures.at(-1);
    return last !== undefined && endsServing(last);
  }

  /** Notes what went wrong, unless no step can go on after it: that is thrown. */
  note(failure: Failure, cause: unknown = new RemoteFailure(failure)): void {
    if (isFatal(failure)) throw cause;
    this.#failures.push(failure);
  }

  /** Runs one step; what goes wrong with it is noted, and `undefined` returned, unless no step can go on after it. */
  async attempt<Result>(
    step: () => Promise<Result> | undefined,
  ): Promise<Result | undefined> {
    try {
      return await step();
    } catch (error) {
      this.note(toFailure(error), error);
      return undefined;
    }
  }

  /** Remembers a server that would fail again in the same way, however well it answers a probe. */
  noteUnusable(server: string, failure: Failure | null | undefined): void {
    if (failure?.name === "UnusableError") this.unusable[server] = failure;
  }

  /** Forgets what could not be copied: another server may have it. */
  forgetFailed(): void {
    this.failed.clear();
    this.#held.clear();
  }

  /** Forgets lost servers: what another one makes good need not be told, except a wrong host key. */
  forgetLoss(): void {
    const kept = this.#failures.filter((failure) =>
      !endsServing(failure) || failure.name === "HostKeyError"
    );
    this.#failures.splice(0, Infinity, ...kept);
  }

  addWireBytes(bytes: number): void {
    this.#totals.wire_bytes += bytes;
  }

  addSynchronised(synchronised: Synchronised): void {
    this.generation = synchronised.generation;
    this.#totals.seen += synchronised.seen;
    this.#totals.new += synchronised.new;
    this.#totals.skipped += synchronised.skipped;
    this.#totals.refused += synchronised.refusedCount;
    this.#notFiles = synchronised.notFiles;
    this.addWireBytes(synchronised.wireBytes);
  }

  /** Notes what is left when all was done that could be. */
  addBacklog({ lagSeconds, conflicts }: Backlog): void {
    this.lagSeconds = lagSeconds;
    if (conflicts.files > 0) this.note(toFailure(conflict(conflicts)));
  }

  addCopied(
    { ended, failed, blocked, slow, got, shown, held, ...copied }: Copied,
  ): void {
    this.#totals.removed += copied.removed;
    for (const each of held) this.#held.set(each.set, each);
    // What the rest was copied for may have been held up before.
    for (const set of shown) this.#held.delete(set);
    this.#totals.copied += copied.copied;
    this.#totals.adopted += copied.adopted;
    this.#totals.bytes += copied.bytes;
    this.#totals.reused += copied.reused;
    this.transferred += copied.wireBytes;
    this.addWireBytes(copied.wireBytes);
    for (const file of failed) this.failed.set(file.path, file);
    for (const path of got) this.failed.delete(path);
    this.#blocked.push(...blocked);
    this.#slow = slow;
    if (ended !== null) this.note(ended);
  }

  /** Failed files that the server gave too slowly. */
  get slow(): readonly string[] {
    return this.#slow;
  }

  /** Forgets that files failed that something was in the way of; returns whether there are any. */
  forgetBlocked(): boolean {
    const blocked = this.#blocked.splice(0);
    for (const path of blocked) this.failed.delete(path);
    return blocked.length > 0;
  }

  addRemoved(
    { removed, failed }: {
      readonly removed: number;
      readonly failed: readonly FailedFile[];
    },
  ): void {
    this.#totals.removed += removed;
    this.addFailed(failed);
  }

  addFailed(failed: readonly FailedFile[]): void {
    for (const file of failed) this.failed.set(file.path, file);
  }

  /** The report of the pass, if it ended now; `stopped` is the exit status that goes with the signal that ends it. */
  report(probed: Probed, stopped: ExitStatus | undefined): PassReport {
    const { refused: { count, reasons }, failed: before } = this.missing;
    const failed = [
      ...this.failed.values(),
      ...before.filter(({ path }) => !this.failed.has(path)),
    ];
    // Some lines may have been replaced by later ones of the same pass.
    const refused = count < refusalsKept
      ? count
      : Math.max(count, this.#totals.refused);
    const incomplete = failed.length + refused;
    const { failures } = this;
    return {
      server: probed.active,
      generation: this.generation,
      ...this.#totals,
      not_files: this.#notFiles,
      refused,
      refusals: reasons,
      failed,
      errors: failures.map(describe),
      lag_seconds: Math.round(this.lagSeconds),
      seconds: Math.round(performance.now() - this.#started) / 1_000,
      exit: exitOf({ probed, failures, incomplete, stopped }),
    };
  }
}

/** A set that is not shown. */
function told(held: HeldSet): Failure {
  return toFailure(
    new FileError(`Cannot show the set ${held.set}: ${tellObstacle(held)}`, {
      hint: "what was there before stays until all of it can come",
    }),
  );
}

/** Servers that say different things of the same files. */
function conflict({ files, first }: Conflicts): RefusedError {
  const which = files === 1 ? first : `${files} files, ${first} first`;
  const word = shellWord(first ?? "PATH");
  return new RefusedError(
    `Conflict: no rule decides which server has the newer version of ${which}; the copy stays as it is`,
    {
      hint:
        `compare both with "relais why ${word}", then run "relais resolve ${word} --from SERVER"`,
    },
  );
}
