/**
 * Work on claims: a node asks for a batch, extends the claim while it deals with the
 * files, commits, and gives back what is left.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import {
  insist,
  type Work as Steps,
  workOnClaim,
} from "../cluster/claim-steps.ts";
import { drive, driveUntil, unlessLost } from "../cluster/drive.ts";
import { ClusterNode } from "../cluster/node.ts";
import type {
  ClaimedBatch,
  CopyClaim,
  NodeOperations,
  RemovalClaim,
} from "../cluster/operations.ts";
import { ask } from "../cluster/requests.ts";
import { LocalError } from "../errors.ts";
import type { ClaimDirectories } from "../files/claim-directories.ts";
import type { Arrived } from "../files/wanted.ts";
import type { FailedFile } from "../state/pass-report.ts";
import type { SynchroListOperations } from "../synchro-list/operations.ts";
import type { Channel } from "../worker/channel.ts";
import type { Logger } from "../worker/logger.ts";
import type { Tools } from "./tools.ts";

/** A barrier of so many leases is none that will end soon: the file system may still answer other nodes. */
const longestBarrier = 8;

/** Means of a node to work on claims. */
export interface ClaimMeans extends Pick<Tools, "destination" | "durability"> {
  list(): Channel<SynchroListOperations & NodeOperations>;
  readonly directories: ClaimDirectories;
  readonly leaseMs: number;
  readonly log: Pick<Logger, "error">;
  /** Fails if the directory of a claim is not in that of the cluster whose database it is from. */
  guard(id: number): Promise<void>;
}

/** Files of a claim, as far as they were dealt with. */
export interface Done {
  /** Why some failed. */
  readonly failed: readonly FailedFile[];
  /** Paths that nobody is to try again until the next pass. */
  readonly tried: readonly string[];
}

/** Deals with the files of a claim. */
export type Deal<Claim extends ClaimedBatch> = (claim: Claim) => Promise<Done>;

/** The claims of a node. */
export class ClaimWork {
  readonly #means: ClaimMeans;
  readonly #node: ClusterNode;

  constructor(means: ClaimMeans) {
    this.#means = means;
    this.#node = new ClusterNode({
      holder: "",
      leaseMs: means.leaseMs,
      monotonic: () => performance.now(),
    });
  }

  /** A fraction of the lease, to wait. */
  get pauseMs(): number {
    return this.#node.pauseMs;
  }

  /** Tells whether a claim can be relied on now. */
  holds(id: number): boolean {
    return this.#node.holds(id) && this.#means.directories.has(id);
  }

  /** @throws {LocalError} If a claim cannot be relied on any more. */
  assertHeld(id: number): void {
    if (!this.#node.holds(id)) throw claimLost();
  }

  /** Extends the claims that `work` is about for as long as that takes, and the file system answers. */
  async whileKept(work: () => Promise<void>): Promise<void> {
    const over = new AbortController();
    const keeping = driveUntil(over.signal, this.#node.keepClaims(), {
      extend: ({ id }) => this.#extend(id),
    });
    const watching = this.#watchFiles(over.signal);
    try {
      await work();
    } finally {
      over.abort();
      await Promise.all([keeping, watching]);
    }
  }

  /** Deals with the next claim: a batch to be copied, or one that ran out; returns false if there is none. */
  next(deal: Deal<ClaimedBatch>): Promise<boolean> {
    return this.#claim(() => this.#means.list().ask("claim", null), deal);
  }

  /** The leader: deals with the next batch that `server` has withdrawn; returns false if there is none. */
  withdrawn(server: string, deal: Deal<RemovalClaim>): Promise<boolean> {
    const list = this.#means.list();
    return this.#claim(() => list.ask("claimWithdrawn", { server }), deal);
  }

  /** Commits that files are here, to stay; returns false if the claim ran out. */
  commit(
    { id, server }: CopyClaim,
    files: readonly Arrived[],
  ): Promise<boolean> {
    const list = this.#means.list();
    return this.#insist(id, () => list.ask("commit", { id, server, files }));
  }

  /** Commits that files are gone, for good; returns false if the claim ran out. */
  commitRemoved(
    { id }: RemovalClaim,
    paths: readonly string[],
  ): Promise<boolean> {
    const list = this.#means.list();
    return this.#insist(id, () => list.ask("commitRemoved", { id, paths }));
  }

  async #claim<Claim extends ClaimedBatch>(
    claiming: () => Promise<Claim | null>,
    deal: Deal<Claim>,
  ): Promise<boolean> {
    const { directories } = this.#means;
    const list = this.#means.list();
    let claimed: Claim | null = null;
    let done: Done;
    const claim = ask("claim", { holder: this.#node.holder });
    return await drive(workOnClaim(this.#node, claim, work), {
      async claim() {
        claimed = await claiming();
        return claimed;
      },
      extend: ({ id }) => this.#extend(id),
      prepare: async ({ id }) => {
        directories.make(id);
        try {
          await this.#means.guard(id);
        } catch (error) {
          // Who took the claim over has removed the directory: the next step finds that.
          if (this.holds(id)) throw error;
        }
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

  async #extend(id: number): Promise<boolean | undefined> {
    // As if it had run out: other nodes go on with it then.
    if (this.#isStuck) return false;
    return await unlessLost(this.#means.list().ask("extend", { id }));
  }

  /** True if the shared file system has not answered for long. */
  get #isStuck(): boolean {
    const { durability, leaseMs } = this.#means;
    return durability.lastsMs > longestBarrier * leaseMs;
  }

  /** Leaves it to others to lead for as long as the file system does not answer here. */
  async #watchFiles(signal: AbortSignal): Promise<void> {
    const { list, log, destination } = this.#means;
    const pause = () => delay(this.pauseMs, { signal });
    for (let told = false; await pause().then(() => true, () => false);) {
      if (!this.#isStuck) continue;
      if (!told) {
        log.error(
          `${destination.into} does not answer: other nodes go on with these files`,
        );
      }
      told = true;
      await unlessLost(list().ask("resign", null));
    }
  }

  /** Commits until there is an answer, or the claim ran out. */
  #insist(id: number, commit: () => Promise<boolean>): Promise<boolean> {
    const asking = () => ask("commit", { id, paths: [] });
    return drive(insist(this.#node, id, asking), {
      commit: () => unlessLost(commit()),
    });
  }

  /** Keeps what is staged for later claims, durably: they go on with it where it ends. */
  async #leave(id: number): Promise<void> {
    const { directories, destination, durability } = this.#means;
    if (directories.holds(id)) await durability.barrier(destination.into);
    directories.leave(id);
  }
}

/** Has the files of a claim dealt with in one go. */
function* work(
  _: ClusterNode,
  claim: Parameters<Steps>[1],
): ReturnType<Steps> {
  return yield* ask("work", { claim });
}

/** Says that a claim ran out. */
export function claimLost(): LocalError {
  return new LocalError("Cannot go on: the claim on these files ran out", {
    hint: "nothing needs to be done: another node goes on with them",
  });
}
