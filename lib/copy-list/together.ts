/**
 * Copying together with other nodes: each claims a batch, and what it puts in place
 * comes out of the directory of the claim.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { copyBatch, insist, type Work as Steps } from "../cluster/copy.ts";
import {
  type Answers,
  drive,
  driveUntil,
  unlessLost,
} from "../cluster/drive.ts";
import { ClusterNode } from "../cluster/node.ts";
import type { ClaimedBatch, NodeOperations } from "../cluster/operations.ts";
import { ask } from "../cluster/requests.ts";
import { LocalError, StoppedError, toFailure } from "../errors.ts";
import { adopt } from "../files/adopt.ts";
import { ClaimDirectories } from "../files/claim-directories.ts";
import { BlockedError } from "../files/directories.ts";
import { stagedName, Staging } from "../files/staging.ts";
import type { Arrived, Wanted } from "../files/wanted.ts";
import type { FailedFile } from "../state/pass-report.ts";
import type { SynchroListOperations } from "../synchro-list/operations.ts";
import type { Channel } from "../worker/channel.ts";
import type { Logger } from "../worker/logger.ts";
import { NodeGuard } from "./node-guard.ts";
import type { Ledger, Tools } from "./tools.ts";
import type { Outcome, Run, Work } from "./work.ts";

/** Means of a node to copy. */
interface Means extends Pick<Tools, "destination" | "durability"> {
  list(): Channel<SynchroListOperations & NodeOperations>;
  readonly log: Pick<Logger, "info">;
  readonly leaseMs: number;
}

/** Files of a claim, as far as they were dealt with. */
interface Done {
  /** Why some failed. */
  readonly failed: readonly FailedFile[];
  /** Paths that nobody is to try again until the next pass. */
  readonly tried: readonly string[];
}

/** Deals with the files of a claim. */
type Deal = (claim: ClaimedBatch) => Promise<Done>;

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
  readonly #node: ClusterNode;
  #stopped = new AbortController();

  constructor(means: Means) {
    this.#means = means;
    this.#directories = new ClaimDirectories(means.destination);
    const { into } = means.destination;
    this.#guard = new NodeGuard(into, () => means.destination.own);
    this.#node = new ClusterNode({
      holder: "",
      leaseMs: means.leaseMs,
      monotonic: () => performance.now(),
    });
  }

  /**
   * The leader, before it changes what is wanted: lets nobody claim any more, takes
   * over the claims that ran out, and waits for the others. If the database has lost
   * claims, it ends them.
   */
  async recover(): Promise<void> {
    const list = this.#means.list();
    this.#guard.keep(await list.ask("identity", null));
    await list.ask("close", null);
    await this.#whileKept(async () => {
      for (;;) {
        if (await this.#claim((claim) => this.#settle(claim))) continue;
        // Those that are made later may be of claims that are granted later.
        const directories = this.#directories.claims;
        const { claims } = await list.ask("survey", null);
        if (claims === 0) return this.#directories.end(directories);
        if (!await this.#pause()) throw stopped();
      }
    });
  }

  async copy(server: string, run: Run): Promise<Outcome> {
    await this.#guardPass();
    const list = this.#means.list();
    const total = new Total();
    await this.#whileKept(async () => {
      let isOfAnotherPass = false;
      while (total.ended === null && !isOfAnotherPass) {
        const deal = (claim: ClaimedBatch) => {
          if (claim.server === server) return this.#copy(claim, run, total);
          // Unless it was taken over, the leader has changed servers meanwhile.
          isOfAnotherPass = claim.behind.length === 0;
          return this.#settle(claim);
        };
        if (await this.#claim(deal)) continue;
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

  async tidy(server: string): Promise<number> {
    if (this.#directories.isTidy) return 0;
    const list = this.#means.list();
    const wanted = new Set<string>();
    for (let last: Wanted | null = null;;) {
      const limit = page;
      const files: readonly Wanted[] = await list.ask("wanted", {
        ...{ server, last, limit },
      });
      if (files.length === 0) break;
      for (const file of files) wanted.add(stagedName(file));
      last = files.at(-1)!;
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
   * Notes the pass of a claim before any file of it is put in place. Since the last
   * look, the pass may be another one, and so may the database.
   */
  async #guardClaim(id: number): Promise<void> {
    const identity = await this.#means.list().ask("identity", null);
    this.#guard.keep(identity, this.#directories.of(id));
  }

  /** Extends the claim that `work` is about for as long as that takes. */
  async #whileKept(work: () => Promise<void>): Promise<void> {
    this.#stopped = new AbortController();
    const over = new AbortController();
    const keeping = driveUntil(over.signal, this.#node.keepClaim(), {
      extend: ({ id }) => this.#extend(id),
    });
    try {
      await work();
    } finally {
      over.abort();
      await keeping;
    }
  }

  /** Claims a batch and has it dealt with; returns whether there was one. */
  async #claim(deal: Deal): Promise<boolean> {
    const list = this.#means.list();
    const directories = this.#directories;
    let claimed: ClaimedBatch | null = null;
    let done: Done;
    return await drive(copyBatch(this.#node, work), {
      async claim() {
        claimed = await list.ask("claim", null);
        return claimed;
      },
      extend: ({ id }) => this.#extend(id),
      prepare: async ({ id }) => {
        directories.make(id);
        await this.#guardClaim(id);
        return null;
      },
      fence({ id, old }) {
        directories.takeOver(id, old);
        return null;
      },
      work: async ({ claim: { id } }) => {
        done = await deal(claimed!);
        return this.#node.holds(id) ? done.tried : undefined;
      },
      clear: async ({ id }) => {
        await this.#leave(id);
        return null;
      },
      release: ({ id, tried }) => {
        const { server } = claimed!;
        const { failed } = done;
        return unlessLost(
          list.ask("release", { id, server, failed, tried })
            .then(() => true as const),
        );
      },
    });
  }

  #extend(id: number): Promise<boolean | undefined> {
    return unlessLost(this.#means.list().ask("extend", { id }));
  }

  /** Fetches the files of a claim. */
  async #copy(claim: ClaimedBatch, run: Run, total: Total): Promise<Done> {
    const { id, behind, files } = claim;
    const { destination } = this.#means;
    // The node that had the claim before may have made directories.
    if (behind.length > 0) destination.forget();
    await this.#directories.fetch(id, files);
    const failed: FailedFile[] = [];
    const outcome = await run({
      staging: new Staging(this.#directories.of(id), destination.rights),
      moves: noMoves,
      ledger: this.#ledgerOf(claim, failed),
    });
    const isHeld = this.#node.holds(id);
    total.add(outcome, isHeld);
    if (!isHeld) this.#tellLost(id);
    const tried = outcome.ended === null ? files : failed;
    return { failed, tried: tried.map(({ path }) => path) };
  }

  /** Commits what the node that had the claim before has put in place, and leaves the rest. */
  async #settle(claim: ClaimedBatch): Promise<Done> {
    const { destination, durability } = this.#means;
    destination.forget();
    const here: Arrived[] = [];
    for (const file of claim.files) {
      const { path, seq } = file;
      const isHere = await this.#isHere(file);
      if (isHere) here.push({ path, seq, fetched: true });
    }
    await durability.barrier(destination.into);
    await this.#commit(claim, here);
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

  #ledgerOf(claim: ClaimedBatch, failed: FailedFile[]): Ledger {
    const { id, files } = claim;
    const assertHeld = () => {
      if (!this.#node.holds(id)) throw lost();
    };
    return {
      wanted: (last) => Promise.resolve(last === null ? files : []),
      arrived: async (files) => {
        if (!await this.#commit(claim, files)) throw lost();
      },
      failed(files) {
        failed.push(...files);
        return Promise.resolve();
      },
      assertHeld,
    };
  }

  /** Commits until there is an answer, or the claim ran out. */
  async #commit(
    { id, server }: ClaimedBatch,
    files: readonly Arrived[],
  ): Promise<boolean> {
    const paths = files.map(({ path }) => path);
    const list = this.#means.list();
    const answers: Answers = {
      commit: () => unlessLost(list.ask("commit", { id, server, files })),
    };
    const commit = () => ask("commit", { id, paths });
    return await drive(insist(this.#node, id, commit), answers);
  }

  /** Keeps what is staged for later claims, durably: they go on with it where it ends. */
  async #leave(id: number): Promise<void> {
    const { destination, durability } = this.#means;
    if (this.#directories.holds(id)) {
      await durability.barrier(destination.into);
    }
    this.#directories.leave(id);
  }

  #tellLost(id: number): void {
    this.#means.log.info(
      `claim ${id} ran out; another node goes on with its files`,
    );
  }

  /** Waits for other nodes; returns false if this one was stopped meanwhile. */
  async #pause(): Promise<boolean> {
    const { signal } = this.#stopped;
    const ms = Math.min(longestPauseMs, this.#node.pauseMs);
    await delay(ms, { signal }).catch(() => {
      // The answer tells.
    });
    return !signal.aborted;
  }
}

/** Has the files of a claim dealt with in one go. */
function* work(
  _: ClusterNode,
  claim: Parameters<Steps>[1],
): ReturnType<Steps> {
  return yield* ask("work", { claim });
}

function stopped(): StoppedError {
  return new StoppedError("stopped before all was copied");
}

function lost(): LocalError {
  return new LocalError("Cannot go on: the claim on these files ran out", {
    hint: "nothing needs to be done: another node goes on with them",
  });
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
      ...{ failed: this.#failed, blocked: this.#blocked, ended: this.ended },
      // Of one server, and without sets.
      ...{ slow: [], got: [], removed: 0, shown: [], held: [] },
    };
  }
}
