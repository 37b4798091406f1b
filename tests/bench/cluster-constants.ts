/**
 * What a cluster costs its database: rows and CPU, measured on a real PostgreSQL with
 * the code that nodes run. CPU and not time, because machines are busy with other things.
 *
 * @module
 */

import { lifeOf } from "../../fixtures/life.ts";
import { addressOf } from "../../fixtures/postgres.ts";
import { Database } from "../../lib/cluster/database.ts";
import { migrate } from "../../lib/cluster/schema.ts";
import { LeaderList } from "../../lib/cluster/leader-list.ts";
import { ListRows } from "../../lib/cluster/list-rows.ts";
import { SharedList } from "../../lib/cluster/shared-list.ts";
import { backlogOf, claimedFiles } from "../../lib/cluster/shared-overview.ts";
import * as statements from "../../lib/cluster/statements.ts";
import { PostgresServer } from "../../lib/demo/postgres.ts";
import type { Digest, Entry } from "../../lib/list/entry.ts";
import type { Timestamp } from "../../lib/text/timestamp.ts";

/** Files of a claim, as modules/cluster.ts asks for them; and lines taken in at once. */
export const batch = 1_000;

const claimant = { holder: "r1/1", leaseMs: 3_600_000 };
const server = "production";

/** CPU in microseconds, of both sides. */
export interface Cpu {
  readonly node: number;
  readonly database: number;
}

/** Cost of one of each. Bytes are on the database's disk, indexes included. */
export interface Constants {
  readonly entryBytes: number;
  readonly copyBytes: number;
  /** The tables of a cluster that has no files yet. */
  readonly emptyBytes: number;
  /** Memory of a connection that has worked, without what it shares with others. */
  readonly connectionBytes: number;
  /** A line of the list is taken in. */
  readonly line: Cpu;
  /** A file is claimed, and arrives. */
  readonly file: Cpu;
  /** Statements to claim a batch, and to commit it. */
  readonly statementsPerClaim: number;
  /** Claims of one file each: all that a claim costs beside its files. */
  readonly claim: Cpu;
  /** A claim passes over one file that another node has claimed. */
  readonly passedOver: Cpu;
  /** A pass counts what is wanted, all that it ever counts. */
  readonly counted: Cpu;
  /** A node asks for the lease, or for work, in vain. */
  readonly request: Cpu;
}

/** Measures with so many entries, in a PostgreSQL of its own. */
export async function measure(entries: number): Promise<Constants> {
  const directory = Deno.makeTempDirSync({ prefix: "relais-size-" });
  try {
    await using postgres = new PostgresServer({
      directory,
      port: 5_432,
      settings: {
        listen_addresses: "",
        shared_preload_libraries: "pg_stat_statements",
        autovacuum: "off",
        // To start them would cost more than they do with so few rows.
        max_parallel_workers_per_gather: 0,
      },
    });
    await postgres.initialise(["-U", "relais", "-A", "trust"]);
    await postgres.start();
    await using database = new Database({
      address: addressOf(`postgres://relais@/postgres?host=${directory}`),
      ...{ passwordFile: null, ca: null, name: "stock", leaseMs: 3_600_000 },
    });
    return await new Measurement(directory, database).run(entries);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

class Measurement {
  readonly #directory: string;
  readonly #database: Database;

  constructor(directory: string, database: Database) {
    this.#directory = directory;
    this.#database = database;
  }

  async run(entries: number): Promise<Constants> {
    const database = this.#database;
    await migrate(database);
    await database.query("CREATE EXTENSION pg_stat_statements");
    const emptyBytes = await this.#bytesOf("pg_class.oid <> 0");
    const term = (await statements.acquire(database, claimant))!;
    using rows = new ListRows(
      { wants: () => true, fingerprint: "all" },
      {},
      "",
    );
    const list = new SharedList(database, rows);
    const leader = new LeaderList(database, rows, { term });
    const reading = await leader.begin(server, lifeOf("bench"));
    const line = await this.#cpuOf(entries, async () => {
      for (let seq = 0; seq < entries; seq += batch) {
        const lines = Array.from(
          { length: Math.min(batch, entries - seq) },
          (_, index) => lineOf(seq + index + 1),
        );
        await leader.take(reading, lines, {
          ...{ generation: "bench", offset: seq, tail: new Uint8Array(32) },
          ...{ seq: seq + lines.length, modified: null },
        });
      }
    });
    await database.query("VACUUM ANALYZE");
    const counted = await this.#cpuOf(
      10,
      () => repeat(10, () => backlogOf(database, server, [])),
    );
    await leader.open(server);

    // Half of the files is copied by one node that is alone, and by ever so small claims.
    const before = await this.#statements();
    const half = Math.floor(entries / 2 / batch);
    const file = await this.#cpuOf(
      half * batch,
      () => repeat(half, () => copyBatch(database, list, batch)),
    );
    const statementsPerClaim = (await this.#statements() - before) / half;
    const singles = 500;
    const single = await this.#cpuOf(
      singles,
      () => repeat(singles, () => copyBatch(database, list, 1)),
    );

    // As PostgreSQL does by itself now and then.
    await database.query("VACUUM ANALYZE");
    const request = await this.#cpuOf(2_000, () =>
      repeat(1_000, async () => {
        await statements.acquire(database, { ...claimant, holder: "r2/1" });
        await statements.survey(database);
      }));

    // Many nodes hold claims, and one more node asks.
    const held = Math.floor(entries / 4 / batch) * batch;
    await repeat(held / batch, () => take(database, batch));
    const passing = await this.#cpuOf(
      50,
      () => repeat(50, () => take(database, 1)),
    );
    await database.query("VACUUM ANALYZE");
    const copied = half * batch + singles;
    return {
      ...{ emptyBytes, line, file, request, counted },
      entryBytes: await this.#bytesOf("relname = 'entry'") / entries,
      copyBytes: await this.#bytesOf("relname = 'copy'") / copied,
      connectionBytes: this.#connectionBytes(),
      statementsPerClaim: Math.round(statementsPerClaim),
      claim: combined(single, file, (one, each) => one - each),
      passedOver: combined(
        passing,
        single,
        (one, alone) => (one - alone) / held,
      ),
    };
  }

  /** CPU of both sides for one of `count` things. */
  async #cpuOf(count: number, work: () => Promise<unknown>): Promise<Cpu> {
    const before = [process.cpuUsage(), this.#databaseCpu()] as const;
    await work();
    const { user, system } = process.cpuUsage(before[0]);
    return {
      node: (user + system) / count,
      database: (this.#databaseCpu() - before[1]) / count,
    };
  }

  /** CPU in microseconds of all processes of the database so far. */
  #databaseCpu(): number {
    const ticks = this.#processes().reduce(
      (sum, { own, reaped }) => sum + own + reaped,
      0,
    );
    return ticks * 10_000;
  }

  /** The postmaster and its children: proc_pid_stat(5), in ticks of 10 ms. */
  #processes(): { pid: number; own: number; reaped: number }[] {
    const file = `${this.#directory}/data/postmaster.pid`;
    const postmaster = Number(Deno.readTextFileSync(file).split("\n")[0]);
    return [...Deno.readDirSync("/proc")].flatMap(({ name }) => {
      if (!/^\d+$/.test(name)) return [];
      let stat: string;
      try {
        stat = Deno.readTextFileSync(`/proc/${name}/stat`);
      } catch {
        return [];
      }
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
        .map(Number);
      const isOurs = Number(name) === postmaster || fields[1] === postmaster;
      if (!isOurs) return [];
      return [{
        pid: Number(name),
        own: fields[11]! + fields[12]!,
        reaped: Number(name) === postmaster ? fields[13]! + fields[14]! : 0,
      }];
    });
  }

  async #bytesOf(condition: string): Promise<number> {
    const [row] = await this.#database.query<{ bytes: number }>(
      `SELECT sum(pg_total_relation_size(pg_class.oid))::bigint AS bytes
       FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
       WHERE nspname = 'stock' AND relkind = 'r' AND ${condition}`,
    );
    return row!.bytes;
  }

  async #statements(): Promise<number> {
    const [row] = await this.#database.query<{ calls: number }>(
      "SELECT sum(calls)::bigint AS calls FROM pg_stat_statements",
    );
    return row!.calls;
  }

  /** What connections have to themselves on average: proc_pid_smaps(5). */
  #connectionBytes(): number {
    const sizes = this.#processes().flatMap(({ pid }) => {
      const title = Deno.readTextFileSync(`/proc/${pid}/cmdline`);
      if (!title.includes("relais postgres")) return [];
      const smaps = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
      return ["Private_Clean", "Private_Dirty"].map((name) =>
        Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(smaps)?.[1])
      ).reduce((sum, kib) => sum + kib) * 1_024;
    });
    return sizes.reduce((sum, size) => sum + size) / sizes.length;
  }
}

function lineOf(seq: number): Entry {
  const digest = seq.toString(16).padStart(64, "0");
  return {
    ...{ seq, op: "+", size: 4_096, mode: 0o644 },
    published: "1700000000.25" as Timestamp,
    mtime: "1700000000.125" as Timestamp,
    digest: `sha256:${digest}` as Digest,
    path: `company-${seq % 26}/orders/${Math.floor(seq / 500)}/${seq}.csv`,
  };
}

function take(database: Database, files: number) {
  return statements.take(database, claimant, {
    ...{ files, bytes: Number.MAX_SAFE_INTEGER },
  });
}

/** All that a node asks of the database for one claim. */
async function copyBatch(
  database: Database,
  list: SharedList,
  files: number,
): Promise<void> {
  await statements.takeOver(database, claimant);
  const claim = (await take(database, files))!;
  const { id } = claim;
  const claimed = await claimedFiles(database, id);
  await statements.extend(database, id, claimant.leaseMs);
  const arrived = claimed.map(({ path, seq }) => ({
    ...{ path, seq, fetched: true },
  }));
  await list.arrived(id, server, arrived, { announce: false });
  await statements.release(database, id, []);
}

async function repeat(
  times: number,
  work: () => Promise<unknown>,
): Promise<void> {
  for (let time = 0; time < times; time++) await work();
}

function combined(
  one: Cpu,
  other: Cpu,
  combine: (one: number, other: number) => number,
): Cpu {
  const of = (side: keyof Cpu) => Math.max(0, combine(one[side], other[side]));
  return { node: of("node"), database: of("database") };
}
