/**
 * Several nodes, one database and one file system under a scheduler that a seed
 * drives: every request takes its time, may be lost or come twice, and nodes pause
 * and crash between any two steps. What the nodes do is the code that relais runs.
 *
 * @module
 */

import { copy } from "./copy.ts";
import { lead } from "./lead.ts";
import { ClusterNode } from "../../lib/cluster/node.ts";
import type { Request, Steps } from "../../lib/cluster/requests.ts";
import {
  Database,
  lineOf,
  type Statement,
  type Transaction,
  type Writing,
} from "./database.ts";
import { type Handle, pieces, SharedFiles } from "./files.ts";
import { drawList, type Line } from "./list.ts";
import { Random } from "./random.ts";

/** The protocol, and what can be left out of it: for tests that show what each is for. */
export interface Rules {
  readonly hasFence: boolean;
  readonly locksLease: boolean;
  readonly hasMargin: boolean;
  readonly hasFileFence: boolean;
  readonly copiesTaken: boolean;
}

/** The protocol as it is. */
export const allRules: Rules = {
  hasFence: true,
  locksLease: true,
  hasMargin: true,
  hasFileFence: true,
  copiesTaken: true,
};

/** All times are virtual, in milliseconds. */
const leaseMs = 1_000;

/** Faults happen until then; after that the nodes are to finish the work. */
const faultsEnd = 5 * leaseMs;

/** Time to finish it; a claim may have to run out twice. */
const calmMs = 8 * leaseMs;

/** Clocks that run too fast or too slowly do so by no more than this. */
const mostDrift = 0.02;

/** A node that waited so long for the database has no answer. */
const answerMs = leaseMs / 2;

/** How likely things go wrong, each time that they can. */
const odds = {
  crash: 0.002,
  pause: 0.006,
  /** At the worst moments: within a transaction, and before a file is placed. */
  worstPause: 0.04,
  lost: 0.03,
  doubled: 0.03,
  slow: 0.05,
  /** A request on its way to the file server gets there, whatever becomes of the node. */
  inFlight: 0.5,
  stagingFails: 0.03,
  startsAgain: 0.1,
  /** Of a run: that somebody sets the clock of the database. */
  clockSet: 0.2,
} as const;

interface Machine {
  readonly name: string;
  readonly rate: number;
  readonly offset: number;
  /** Counts its starts; what belongs to an earlier one is dead. */
  life: number;
  pausedUntil: number;
  node: ClusterNode;
  /** Claims that it works on. */
  readonly claims: Set<number>;
}

/** One thread of a node. */
interface Thread {
  readonly machine: Machine;
  readonly life: number;
  readonly steps: Steps<never>;
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** One run of the simulation. */
export class World {
  readonly list: readonly Line[];
  readonly files: SharedFiles;
  readonly database: Database;
  readonly machines: Machine[] = [];
  /** True if the clock of the database is set meanwhile: then only fences protect. */
  readonly isClockSet: boolean;
  /** What was violated. */
  readonly violations: string[] = [];
  /** What happened, the newest last, if somebody wants to know. */
  readonly trace: string[] = [];
  /** Number of events so far. */
  steps = 0;
  now = 0;
  readonly #random: Random;
  readonly #rules: Rules;
  readonly #isTraced: boolean;
  readonly #databaseRate: number;
  #databaseOffset = 0;
  #queue: Event[] = [];
  #order = 0;

  constructor(seed: number, rules: Rules, isTraced = false) {
    const random = new Random(seed);
    this.#random = random;
    this.#rules = rules;
    this.#isTraced = isTraced;
    this.list = drawList(random);
    this.#databaseRate = this.#drift();
    this.isClockSet = random.happens(odds.clockSet);
    this.files = new SharedFiles({
      hasFence: rules.hasFileFence,
      copiesTaken: rules.copiesTaken,
    });
    this.database = new Database(this.list, {
      rules,
      now: () => this.databaseNow,
      leaseMs,
    });
    for (const name of ["r1", "r2", "r3"].slice(0, 2 + random.below(2))) {
      this.#addMachine(name);
    }
    if (this.isClockSet) {
      this.#later(random.between(0, faultsEnd), () => {
        this.#databaseOffset = random.between(-3, 3) * leaseMs;
        this.#tell(
          `the clock of the database is set by ${this.#databaseOffset}`,
        );
      });
    }
  }

  get databaseNow(): number {
    return this.now * this.#databaseRate + this.#databaseOffset;
  }

  /** True when all that the list names is on the replica. */
  get isDone(): boolean {
    const { cursor, wanted, withdrawn, claims } = this.database;
    return cursor === this.list.length &&
      wanted.length + withdrawn.length + claims.held.length === 0;
  }

  /** Runs until all is done, or something is violated; `check` is called after each step. */
  run(check: (world: World) => void): void {
    for (let event; (event = this.#next()) !== undefined;) {
      this.now = event.at;
      this.steps++;
      event.run();
      check(this);
      if (this.violations.length > 0) return;
      if (this.now > faultsEnd && this.isDone) return;
      if (this.now > faultsEnd + calmMs) return this.violate("stuck");
    }
  }

  violate(what: string): void {
    this.violations.push(what);
    this.#tell(`VIOLATED: ${what}`);
  }

  #addMachine(name: string): void {
    const rate = this.#drift();
    const offset = this.#random.between(0, 1e6);
    const machine = {
      ...{ name, rate, offset, life: 0, pausedUntil: 0 },
      claims: new Set<number>(),
      node: undefined as unknown as ClusterNode,
    };
    this.machines.push(machine);
    this.#start(machine);
  }

  #start(machine: Machine): void {
    const { name, rate, offset, life } = machine;
    machine.claims.clear();
    machine.node = new ClusterNode({
      holder: `${name}/${life}`,
      leaseMs,
      ...this.#rules.hasMargin ? {} : { marginMs: 0 },
      monotonic: () => this.now * rate + offset,
    });
    const { node } = machine;
    const threads = [
      ...[node.keepLease(), node.keepClaims()],
      ...[lead(node), copy(node)],
    ];
    for (const steps of threads) {
      const thread = { machine, life, steps };
      this.#later(
        this.#random.between(0, 50),
        () => this.#go(thread, undefined),
      );
    }
  }

  #crash(machine: Machine): void {
    this.#tell(`${machine.name} crashes`);
    machine.life++;
    this.#later(this.#random.between(0, leaseMs), () => this.#start(machine));
  }

  #mayPause(machine: Machine, probability: number): void {
    if (!this.#isFaulty(probability)) return;
    const pauseMs = this.#random.between(0, 3 * leaseMs);
    machine.pausedUntil = Math.max(machine.pausedUntil, this.now + pauseMs);
    this.#tell(`${machine.name} pauses for ${Math.round(pauseMs)}`);
  }

  /** Gives a thread the answer that it waits for, and does what it asks next. */
  #go(thread: Thread, answer: unknown): void {
    const { machine, life, steps } = thread;
    if (life !== machine.life) return;
    if (this.#isFaulty(odds.crash)) return this.#crash(machine);
    this.#mayPause(machine, odds.pause);
    if (machine.pausedUntil > this.now) {
      const pausedMs = machine.pausedUntil - this.now;
      return this.#later(pausedMs, () => this.#go(thread, answer));
    }
    this.#perform(thread, steps.next(answer).value);
  }

  #perform(thread: Thread, request: Request): void {
    const { machine } = thread;
    if (this.#isTraced && request.ask !== "sleep") {
      this.#tell(`${machine.name} ${JSON.stringify(request)}`);
    }
    switch (request.ask) {
      case "sleep":
        return this.#later(
          request.ms / machine.rate,
          () => this.#go(thread, null),
        );
      case "fenced":
        return this.#transact(thread, request.term, request.change);
      case "claimWithdrawn": {
        const { term, holder } = request;
        return this.#transact(thread, term, {
          ...{ kind: "claimWithdrawn", holder },
        });
      }
      case "stage":
        return this.#stage(thread, request);
      case "fence":
        return this.#fence(thread, request);
      case "acquire":
      case "survey":
      case "claim":
      case "extend":
      case "commit":
      case "release":
        return this.#ask(thread, request);
      case "prepare":
        // The last moment before a claim is used.
        machine.claims.add(request.id);
        return this.#onFiles(thread, () => {
          this.files.makeDirectory(request.id);
          return null;
        });
      case "isInPlace": {
        const line = lineOf(this.list, request.file);
        return this.#onFiles(thread, () => this.files.isInPlace(line));
      }
      case "barrier":
        return this.#onFiles(thread, () => {
          this.files.barrier(machine.name);
          return null;
        });
      case "place":
      case "takeAway":
        this.#mayPause(machine, odds.worstPause);
        return this.#onFiles(thread, () => this.#move(machine, request));
      case "clear":
        return this.#onFiles(thread, () => {
          this.files.removeDirectory(request.id);
          return null;
        });
    }
  }

  /** Moves a file into place, or out of it. */
  #move(
    machine: Machine,
    { ask, id, file }: Extract<Request, { ask: "place" | "takeAway" }>,
  ): boolean {
    const line = lineOf(this.list, file);
    const before = this.files.placed.get(line.path) ?? 0;
    const wasThere = this.files.final.has(line.path);
    const isMoved = this.files[ask](id, line);
    if (!isMoved || (ask === "takeAway" && !wasThere)) return isMoved;
    if (line.seq === before) this.violate(`${line.path} was placed twice`);
    if (line.seq < before) {
      this.violate(`${line.path} went back from ${before} to ${line.seq}`);
    }
    if (!this.database.isUnfenced(id)) {
      this.violate(
        `${machine.name} moved ${line.path} after its claim was taken over`,
      );
    }
    return isMoved;
  }

  /** Does something on the file system, once. */
  #onFiles<Result>(thread: Thread, work: () => Result): void {
    this.#touch(thread, () => {
      const result = work();
      this.#later(this.#delay(), () => this.#go(thread, result));
    });
  }

  /** Has the file system do something, soon; what is in flight gets there, whatever becomes of the node. */
  #touch({ machine, life }: Thread, work: () => void): void {
    const isInFlight = this.#random.happens(odds.inFlight);
    const arrive = () => {
      if (!isInFlight && life !== machine.life) return;
      if (!isInFlight && machine.pausedUntil > this.now) {
        this.#later(machine.pausedUntil - this.now, arrive);
      } else work();
    };
    this.#later(this.#delay(), arrive);
  }

  #fence(thread: Thread, request: Extract<Request, { ask: "fence" }>): void {
    this.#touch(thread, () => {
      const isOver = this.files.fenceOne(request.id, request.old);
      if (isOver) this.#later(this.#delay(), () => this.#go(thread, null));
      else this.#fence(thread, request);
    });
  }

  /** Writes a file, piece by piece. */
  #stage(
    thread: Thread,
    { id, file }: Extract<Request, { ask: "stage" }>,
  ): void {
    const { name } = thread.machine;
    const line = lineOf(this.list, file);
    const end = (isStaged: boolean) =>
      this.#later(this.#delay(), () => this.#go(thread, isStaged));
    let mayStartAgain = this.#isFaulty(odds.startsAgain);
    const write = (handle: Handle) => {
      if (this.#isFaulty(odds.stagingFails)) return end(false);
      if (handle.at < pieces) {
        this.files.write(handle, name);
        handle.at++;
      } else if (mayStartAgain) {
        mayStartAgain = false;
        this.files.restart(handle);
      } else return end(true);
      this.#touch(thread, () => write(handle));
    };
    this.#touch(thread, () => {
      const handle = this.files.open(id, line, name);
      if (handle === undefined) end(false);
      else this.#touch(thread, () => write(handle));
    });
  }

  /** Sends a statement, which may get lost, or come twice, and so may its answer. */
  #ask(
    thread: Thread,
    request: Extract<Request, { ask: Statement }>,
  ): void {
    const answer = this.#expect(thread);
    const copies = this.#isFaulty(odds.doubled) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      this.#send(() => {
        this.database.run(
          request.ask,
          request as never,
          (reply) => this.#send(() => answer(reply)),
        );
      });
    }
  }

  /** Runs a transaction in three messages, each of which may get lost. */
  #transact(thread: Thread, term: number, change: Writing): void {
    const { database } = this;
    const answer = this.#expect(thread);
    const { machine, life } = thread;
    /** Goes on if the node still can. */
    const then = (transaction: Transaction, next: () => void) =>
      this.#send(() => {
        if (life !== machine.life) return database.abort(transaction);
        this.#mayPause(machine, odds.worstPause);
        if (machine.pausedUntil > this.now) {
          this.#later(machine.pausedUntil - this.now, next);
        } else next();
      });
    this.#send(() => {
      const transaction = database.begin(term);
      if (transaction === undefined) return this.#send(() => answer(false));
      // A session that idles in a transaction for longer than a lease is ended.
      this.#later(leaseMs, () => database.abort(transaction));
      then(transaction, () => {
        this.#send(() => {
          database.write(transaction, change, (isDone) => {
            if (!isDone) {
              database.abort(transaction);
              return this.#send(() => answer(false));
            }
            then(transaction, () => {
              this.#send(() => {
                const written = database.commit(transaction);
                this.#send(() => answer(written));
              });
            });
          });
        });
      });
    });
  }

  /** Returns a function for the answer of the database; without it in time, there is none. */
  #expect(thread: Thread): (reply: unknown) => void {
    let isOver = false;
    const answer = (reply: unknown) => {
      if (isOver) return;
      isOver = true;
      this.#go(thread, reply);
    };
    this.#later(answerMs, () => answer(undefined));
    return answer;
  }

  /** Has a message arrive, or not. */
  #send(arrive: () => void): void {
    if (!this.#isFaulty(odds.lost)) this.#later(this.#delay(), arrive);
  }

  #delay(): number {
    return this.#isFaulty(odds.slow)
      ? this.#random.between(0, 1.5 * leaseMs)
      : this.#random.between(1, 20);
  }

  #drift(): number {
    return 1 + this.#random.between(-mostDrift, mostDrift);
  }

  #isFaulty(probability: number): boolean {
    return this.now < faultsEnd && this.#random.happens(probability);
  }

  #later(ms: number, run: () => void): void {
    const event = { at: this.now + ms, order: this.#order++, run };
    // Sorted from the latest to the soonest; there are a dozen.
    let low = 0;
    let high = this.#queue.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#queue[middle]!.at > event.at) low = middle + 1;
      else high = middle;
    }
    this.#queue.splice(low, 0, event);
  }

  #next(): Event | undefined {
    return this.#queue.pop();
  }

  #tell(what: string): void {
    if (this.#isTraced) this.trace.push(`${Math.round(this.now)} ${what}`);
  }
}
