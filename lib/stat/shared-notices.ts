/**
 * What the administrator of a cluster is told. What was told is remembered in the
 * database of the cluster, and dated by its clock: whichever node learns of a state
 * tells it, and no other one does.
 *
 * @module
 */

import { type Database, run, type Session } from "../cluster/database.ts";
import { fenced, takeFormer } from "../cluster/statements.ts";
import type { PassReport } from "../state/pass-report.ts";
import type { Lasting } from "./condition.ts";
import {
  isError,
  type Judged,
  judgeLead,
  judgePass,
  judgeSwitch,
  lostNodeOf,
  type Notice,
  type NoticePolicy,
  tellAgain,
  type Told,
} from "./notices.ts";

const ms = (time: string) =>
  `(extract(epoch FROM ${time}) * 1000)::double precision`;

const texts = {
  // One judgement follows the other.
  lock: "SELECT 1 FROM identity FOR UPDATE",
  memory: `
    SELECT clock.now, condition, began, seen, told
    FROM (SELECT ${ms("clock_timestamp()")} AS now) AS clock
    LEFT JOIN told ON true`,
  lives: `
    SELECT name, ${ms("seen")} AS seen FROM node
    WHERE seen > clock_timestamp() - interval '1 day'`,
  forget: "DELETE FROM told",
  remember: `
    INSERT INTO told
    SELECT * FROM jsonb_populate_recordset(NULL::told, $1::text::jsonb)`,
};

/** A row of what was told; without a condition, nothing lasts. */
interface MemoryRow extends Lasting {
  readonly now: number;
  readonly condition: string | null;
}

/** What is known before a judgement. */
interface Known {
  readonly told: Told;
  /** By the clock of the database, in milliseconds since the epoch. */
  readonly now: number;
  /** Nodes that led, and have not shown a sign of life since. */
  readonly silent: readonly string[];
}

type Judgement = (known: Known) => Judged;

const nothing: Judged = { told: {}, notices: [] };

/** Judges what there is to tell, as one of several nodes. */
export class SharedNotices {
  readonly #database: Database;
  readonly #policy: NoticePolicy;
  /** The term that was judged last. */
  #judgedTerm: number | undefined;

  constructor(database: Database, policy: NoticePolicy) {
    this.#database = database;
    this.#policy = policy;
  }

  /**
   * Judges, as the leader of `term`, whether the node that led before has given it up.
   * Each change is judged once, by whichever process leads after it.
   *
   * @throws {LocalError} If the database does not answer.
   */
  async judgeLead(term: number): Promise<readonly Notice[]> {
    if (term === this.#judgedTerm) return [];
    const { notices } = await fenced(this.#database, term, async (session) => {
      const former = await takeFormer(session, term);
      if (former === "") return nothing;
      return await this.#judgeIn(
        session,
        ({ told, now }) => judgeLead(told, { former, term }, this.#policy, now),
      );
    }) ?? nothing;
    this.#judgedTerm = term;
    return notices;
  }

  /**
   * Judges, as the leader, that `change.server` is the active one from now on.
   *
   * @throws {LocalError} If the database does not answer.
   */
  judgeSwitch(change: {
    readonly server: string | null;
    readonly reason: string;
  }): Promise<readonly Notice[]> {
    return this.#judge(({ told, now }) =>
      judgeSwitch(told, change, this.#policy, now)
    );
  }

  /**
   * Judges a pass of this node. Only one that `leads` says something of the servers, of
   * the lag and of other nodes; that a pass fails may concern a single node.
   *
   * @throws {LocalError} If the database does not answer.
   */
  judgePass(report: PassReport, leads: boolean): Promise<readonly Notice[]> {
    return this.#judge(({ told, now, silent }) =>
      judgePass(
        told,
        report,
        this.#policy,
        now,
        leads ? { silent } : { concerns: isError },
      )
    );
  }

  /**
   * Has a state told of again, once it may have settled: the hook failed.
   *
   * @throws {LocalError} If the database does not answer.
   */
  async unheard(condition: string): Promise<void> {
    await this.#judge(({ told, now }) => ({
      told: tellAgain(told, condition, this.#policy, now),
      notices: [],
    }));
  }

  /** As a rule nothing lasts, and one question is enough. */
  async #judge(judgement: Judgement): Promise<readonly Notice[]> {
    const known = await look((text) => this.#database.query(text));
    const { told } = judgement(known);
    if (isEmpty(known.told) && isEmpty(told)) return [];
    const { notices } = await this.#database.transaction((session) =>
      this.#judgeIn(session, judgement)
    );
    return notices;
  }

  async #judgeIn(session: Session, judgement: Judgement): Promise<Judged> {
    await run(session, texts.lock);
    const judged = judgement(await look((text) => run(session, text)));
    const rows = Object.entries(judged.told).map(([condition, lasting]) => ({
      condition,
      ...lasting,
    }));
    await run(session, texts.forget);
    await run(session, texts.remember, [JSON.stringify(rows)]);
    return judged;
  }
}

/** Reads what was told, but for nodes that nobody expects any more. */
async function look(
  ask: <Row>(text: string) => Promise<readonly Row[]>,
): Promise<Known> {
  const rows = await ask<MemoryRow>(texts.memory);
  const lasting = rows.filter(({ condition }) => condition !== null);
  const isAnyLost = lasting.some(({ condition }) =>
    lostNodeOf(condition!) !== undefined
  );
  const nodes = isAnyLost
    ? await ask<{ name: string; seen: number }>(texts.lives)
    : [];
  const lives = new Map(nodes.map(({ name, seen }) => [name, seen]));
  const told: Record<string, Lasting> = {};
  const silent: string[] = [];
  for (const { condition, began, seen, told: at } of lasting) {
    const node = lostNodeOf(condition!);
    if (node !== undefined) {
      const life = lives.get(node);
      if (life === undefined) continue;
      if (life <= seen) silent.push(node);
    }
    told[condition!] = { began, seen, told: at };
  }
  return { told, now: rows[0]!.now, silent };
}

function isEmpty(told: Told): boolean {
  return Object.keys(told).length === 0;
}
