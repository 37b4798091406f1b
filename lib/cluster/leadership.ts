/**
 * Whether this node leads: it asks for the lease, extends it, and knows in which term
 * it may write.
 *
 * @module
 */

import type { Database } from "./database.ts";
import { drive, driveUntil, unlessLost } from "./drive.ts";
import type { Member } from "./members.ts";
import { ClusterNode } from "./node.ts";
import { acquire, resign } from "./statements.ts";
import { replaced } from "./terms.ts";

/** The part of one process in who leads. It extends what it holds until it is disposed of. */
export class Leadership implements AsyncDisposable {
  readonly member: Member;
  readonly #database: Database;
  readonly #node: ClusterNode;
  readonly #ended = new AbortController();
  readonly #keeping: Promise<void>;
  /** The term that the pass under way leads in. */
  #led: number | undefined;
  #hasLed = false;

  /** @param name Name of the node; each of its processes is another holder. */
  constructor(database: Database, name: string) {
    const holder = `${name}/${crypto.randomUUID().slice(0, 8)}`;
    this.member = { name, holder };
    this.#database = database;
    this.#node = new ClusterNode({
      holder,
      leaseMs: database.config.leaseMs,
      monotonic: () => performance.now(),
    });
    this.#keeping = driveUntil(this.#ended.signal, this.#node.keepLease(), {
      acquire: () => unlessLost(this.#acquire()),
    });
  }

  /** Term that this node holds the lease of; `undefined` if another one does, or none. */
  get held(): number | undefined {
    return this.#node.term;
  }

  /** True if the pass under way began as that of the leader: it may have resigned since. */
  get hasLed(): boolean {
    return this.#hasLed;
  }

  /** True if the pass under way leads, still. */
  get isLeading(): boolean {
    return this.#led !== undefined && this.#node.term === this.#led;
  }

  /**
   * The term to write in; the database refuses it, too, once it is over.
   *
   * @throws {LocalError} If the pass under way does not lead.
   */
  get term(): number {
    if (!this.isLeading) throw replaced();
    return this.#led!;
  }

  /**
   * Begins a pass; it leads if nobody else does. Returns whether that is so.
   *
   * @throws {LocalError} If the database does not answer.
   */
  async begin(): Promise<boolean> {
    const acquire = () => this.#acquire();
    this.#led = this.#node.term ??
      await drive(this.#node.acquire(), { acquire });
    return this.#hasLed = this.#led !== undefined;
  }

  /** Leaves it to others to lead. */
  async resign(): Promise<void> {
    const { term } = this.#node;
    this.#node.resign();
    this.#led = undefined;
    if (term !== undefined) await unlessLost(resign(this.#database, term));
  }

  /** Ends it, so that no other node has to wait. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await this.#keeping;
    await this.resign();
  }

  async #acquire(): Promise<{ readonly term: number } | null> {
    const { holder } = this.member;
    const { leaseMs } = this.#database.config;
    const term = await acquire(this.#database, { holder, leaseMs });
    return term === undefined ? null : { term };
  }
}
