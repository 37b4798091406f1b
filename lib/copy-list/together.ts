/**
 * Copying together with other nodes: each claims a batch, and what it puts in place
 * comes out of the directory of the claim. The node that leads removes what was
 * withdrawn, while nobody copies.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { unlessLost } from "../cluster/drive.ts";
import type {
  ClaimedBatch,
  CopyClaim,
  NodeOperations,
  RemovalClaim,
} from "../cluster/operations.ts";
import { StoppedError, toFailure } from "../errors.ts";
import { adopt } from "../files/adopt.ts";
import { ClaimDirectories } from "../files/claim-directories.ts";
import { BlockedError } from "../files/directories.ts";
import { stagedName } from "../files/staged-name.ts";
import { Staging } from "../files/staging.ts";
import type { Arrived, Wanted } from "../files/wanted.ts";
import type { FailedFile } from "../state/pass-report.ts";
import type { SynchroListOperations } from "../synchro-list/operations.ts";
import type { Channel } from "../worker/channel.ts";
import type { Logger } from "../worker/logger.ts";
import { pagesOf } from "../worker/pages.ts";
import { claimLost, ClaimWork, type Done } from "./claim-work.ts";
import { NodeGuard } from "./node-guard.ts";
import { emptyTrash, type Removal, type Removed } from "./remove.ts";
import { removeClaimed } from "./remove-claimed.ts";
import type { Ledger, Tools } from "./tools.ts";
import type { Outcome, Run, Work } from "./work.ts";

/** Means of a node to copy, and to remove. */
interface Means extends Pick<Tools, "destination" | "durability"> {
  list(): Channel<SynchroListOperations & NodeOperations>;
  readonly log: Pick<Logger, "info" | "error">;
  readonly leaseMs: number;
  readonly removal: Removal;
  /** Hears of files that are gone, durably. */
  onRemoved(files: number): void;
}

/** Entries asked from the list at a time. */
const page = 1_000;

/** Pause between two looks at what others do; a part of the lease, if that is shorter. */
const longestPauseMs = 250;

/** The claim says what is being moved, and a note beside it would say no more. */
const noMoves = { arriving() {}, showing() {}, settled() {} };

/** Copies as one of several nodes. */
export class Together implements Work {
  readonly #means: Means;
  readonly #directories: ClaimDirectories;
  readonly #guard: NodeGuard;
  readonly #claims: ClaimWork;
  #stopped = new AbortController();

  constructor(means: Means) {
    this.#means = means;
    const directories = new ClaimDirectories(means.destination);
    this.#directories = directories;
    const { into } = means.destination;
    this.#guard = new NodeGuard(into, () => means.destination.own);
    this.#claims = new ClaimWork({
      ...means,
      directories,
      guard: (id) => this.#guardClaim(id),
    });
  }

  /**
   * The leader, before it changes what is wanted: lets nobody claim any more, takes
   * over the claims that ran out, and waits for the others. If the database has lost
   * claims, it ends them.
   */
  async recover(): Promise<void> {
    this.#stopped = new AbortController();
    await this.#waitForOthers();
  }

  async #waitForOthers(): Promise<void> {
    const list = this.#means.list();
    this.#guard.keep(await list.ask("identity", null));
    await list.ask("close", null);
    await this.#claims.whileKept(async () => {
      for (;;) {
        if (await this.#claims.next((claim) => this.#settle(claim))) continue;
        // Those that are made later may be of claims that are granted later.
        const directories = this.#directories.claims;
        const { claims } = await list.ask("survey", null);
        if (claims === 0) return this.#directories.end(directories);
        if (!await this.#pause()) throw stopped();
      }
    });
  }

  async copy(server: string, run: Run): Promise<Outcome> {
    this.#stopped = new AbortController();
    await this.#guardPass();
    const list = this.#means.list();
    const total = new Total();
    await this.#claims.whileKept(async () => {
      let isOfAnotherPass = false;
      while (total.ended === null && !isOfAnotherPass) {
        const deal = (claim: ClaimedBatch) => {
          if (!claim.removes && claim.server === server) {
            return this.#copy(claim, run, total);
          }
          // Unless it was taken over, the leader has changed servers meanwhile.
          isOfAnotherPass = claim.behind.length === 0;
          return this.#settle(claim);
        };
        if (await this.#claims.next(deal)) continue;
        const { term, isOpen, claims, isAnythingFree } = await list.ask(
          "survey",
          null,
        );
        // Others end what they have begun; the leader sees to it that somebody does.
        const isOver = term === null || claims === 0;
        // What is free may just be looked at by another node.
        if (!isOpen || isOver && !isAnythingFree) return;
        if (!await this.#pause()) total.ended = toFailure(stopped());
      }
    });
    return total.outcome();
  }

  /** The leader, when all is copied: while nobody claims, it removes what was withdrawn. */
  async remove(server: string): Promise<Removed> {
    this.#stopped = new AbortController();
    const { destination, removal } = this.#means;
    emptyTrash(destination, removal);
    const total: Removed = { removed: 0, failed: [] };
    const list = this.#means.list();
    try {
      const isAnything = removal.delete !== "keep" &&
        await this.#isAnyWithdrawn(server);
      if (isAnything) await this.#removeAll(server, total);
      return total;
    } finally {
      const hasRoom = total.removed > 0;
      // Otherwise another node leads, and opens what it wants.
      await unlessLost(list.ask("reopen", { server, hasRoom }));
    }
  }

  async #removeAll(server: string, total: Removed): Promise<void> {
    await this.#waitForOthers();
    // What others have copied until now may have changed what is withdrawn.
    await this.#isAnyWithdrawn(server);
    const deal = (claim: RemovalClaim) => this.#remove(claim, total);
    await this.#claims.whileKept(async () => {
      while (!this.#stopped.signal.aborted) {
        if (!await this.#claims.withdrawn(server, deal)) return;
      }
    });
  }

  /** @throws {RemoteFailure} If all that is withdrawn is too much. */
  async #isAnyWithdrawn(server: string): Promise<boolean> {
    const list = this.#means.list();
    const asked = { server, after: null, limit: 1 };
    return (await list.ask("withdrawn", asked)).length > 0;
  }

  async tidy(server: string): Promise<number> {
    if (this.#directories.isTidy) return 0;
    const list = this.#means.list();
    const wanted = new Set<string>();
    const pages = pagesOf<Wanted>((last) =>
      list.ask("wanted", { server, last: last ?? null, limit: page })
    );
    for await (const files of pages) {
      for (const file of files) wanted.add(stagedName(file));
    }
    return this.#directories.tidy(wanted);
  }

  stop(): void {
    this.#stopped.abort();
  }

  /** The leader notes the pass that it has opened. */
  async #guardPass(): Promise<void> {
    const list = this.#means.list();
    const identity = await list.ask("identity", null);
    const { term } = await list.ask("survey", null);
    if (term === null) this.#guard.check(identity);
    else this.#guard.keep(identity);
  }

  /**
   * Notes the pass of a claim before any file of it is put in place, or removed. Since
   * the last look, the pass may be another one, and so may the database.
   */
  async #guardClaim(id: number): Promise<void> {
    const identity = await this.#means.list().ask("identity", null);
    this.#guard.keep(identity, this.#directories.of(id));
  }

  /** Fetches the files of a claim. */
  async #copy(claim: CopyClaim, run: Run, total: Total): Promise<Done> {
    const { id, behind, files } = claim;
    const { destination } = this.#means;
    // Another node may have removed directories that are held open.
    destination.release();
    // The node that had the claim before may have made directories.
    if (behind.length > 0) destination.forget();
    const staging = await this.#openStaging(claim);
    if (staging === undefined) return { failed: [], tried: [] };
    const failed: FailedFile[] = [];
    const outcome = await run({
      staging,
      moves: noMoves,
      ledger: this.#ledgerOf(claim, failed),
    });
    const isHeld = this.#claims.holds(id);
    total.add(outcome, isHeld);
    if (!isHeld) this.#tellLost(id);
    const tried = outcome.ended === null ? files : failed;
    return { failed, tried: tried.map(({ path }) => path) };
  }

  /** Opens the directory of a claim, with what was staged before; `undefined` if another node has removed it. */
  async #openStaging({ id, files }: CopyClaim): Promise<Staging | undefined> {
    const { rights } = this.#means.destination;
    try {
      await this.#directories.fetch(id, files);
      return new Staging(this.#directories.of(id), rights);
    } catch (error) {
      if (this.#claims.holds(id)) throw error;
      this.#tellLost(id);
      return undefined;
    }
  }

  /** Removes the files of a claim; of one that was taken over, what is out of the copy already. */
  async #remove(claim: RemovalClaim, total: Removed): Promise<Done> {
    const { id } = claim;
    const { destination, durability, removal } = this.#means;
    const directories = this.#directories;
    destination.release();
    try {
      const { gone, failed } = await removeClaimed({
        destination,
        directories,
        removal,
        assertHeld: () => this.#claims.assertHeld(id),
      }, claim);
      await durability.barrier(destination.into);
      if (!await this.#claims.commitRemoved(claim, gone)) throw claimLost();
      this.#means.onRemoved(gone.length);
      total.removed += gone.length;
      total.failed.push(...failed);
      return { failed: [], tried: failed.map(({ path }) => path) };
    } catch (error) {
      if (this.#claims.holds(id)) throw error;
      this.#tellLost(id);
      return { failed: [], tried: [] };
    }
  }

  /** Commits what the node that had the claim before has done, and leaves the rest. */
  async #settle(claim: ClaimedBatch): Promise<Done> {
    if (claim.removes) {
      return await this.#remove(claim, { removed: 0, failed: [] });
    }
    const { destination, durability } = this.#means;
    destination.forget();
    const here: Arrived[] = [];
    for (const file of claim.files) {
      const { path, seq } = file;
      const isHere = await this.#isHere(file);
      if (isHere) here.push({ path, seq, fetched: true });
    }
    await durability.barrier(destination.into);
    await this.#claims.commit(claim, here);
    return { failed: [], tried: [] };
  }

  async #isHere(file: Wanted): Promise<boolean> {
    try {
      return await adopt(this.#means.destination, file);
    } catch (error) {
      if (error instanceof BlockedError) return false;
      throw error;
    }
  }

  #ledgerOf(claim: CopyClaim, failed: FailedFile[]): Ledger {
    const { id, behind, files } = claim;
    return {
      wanted: (last) => Promise.resolve(last === null ? files : []),
      arrived: async (files) => {
        // What is there already may be of the node before, which told nobody.
        const here = behind.length === 0
          ? files
          : files.map((file) => ({ ...file, fetched: true }));
        if (!await this.#claims.commit(claim, here)) throw claimLost();
      },
      failed(files) {
        failed.push(...files);
        return Promise.resolve();
      },
      assertHeld: () => this.#claims.assertHeld(id),
    };
  }

  #tellLost(id: number): void {
    this.#means.log.info(
      `claim ${id} ran out; another node goes on with its files`,
    );
  }

  /** Waits for other nodes; returns false if this one was stopped meanwhile. */
  async #pause(): Promise<boolean> {
    const { signal } = this.#stopped;
    const ms = Math.min(longestPauseMs, this.#claims.pauseMs);
    await delay(ms, { signal }).catch(() => {
      // The answer tells.
    });
    return !signal.aborted;
  }
}

function stopped(): StoppedError {
  return new StoppedError("stopped before all was copied");
}

const sums = ["copied", "adopted", "bytes", "reused"] as const;

/** The outcome of all claims of a pass. */
class Total {
  ended: Outcome["ended"] = null;
  readonly #sums = { copied: 0, adopted: 0, bytes: 0, reused: 0 };
  readonly #failed: FailedFile[] = [];
  readonly #blocked: string[] = [];

  /** Adds one; what failed because its claim was lost is another node's. */
  add(outcome: Outcome, isHeld: boolean): void {
    for (const name of sums) this.#sums[name] += outcome[name];
    if (!isHeld) return;
    this.ended = outcome.ended;
    this.#failed.push(...outcome.failed);
    this.#blocked.push(...outcome.blocked);
  }

  outcome(): Outcome {
    return {
      ...this.#sums,
      failed: this.#failed,
      blocked: this.#blocked,
      ended: this.ended,
      // Of one server, and without sets.
      slow: [],
      got: [],
      removed: 0,
      shown: [],
      held: [],
    };
  }
}
