import { assertEquals, assertRejects } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import {
  type Postgres,
  postgresAvailable,
  startPostgres,
} from "../../fixtures/postgres.ts";
import { lifeOf } from "../../fixtures/life.ts";
import { Database } from "../../lib/cluster/database.ts";
import { keepIndexOf, migrate } from "../../lib/cluster/schema.ts";
import { LeaderList } from "../../lib/cluster/leader-list.ts";
import { ListRows } from "../../lib/cluster/list-rows.ts";
import { SharedList } from "../../lib/cluster/shared-list.ts";
import {
  claimedFiles,
  missingFrom,
  wantedFiles,
} from "../../lib/cluster/shared-overview.ts";
import * as statements from "../../lib/cluster/statements.ts";
import { countWithdrawn, withdrawnFiles } from "../../lib/cluster/withdrawn.ts";
import { tables } from "../../lib/cluster/working-set.ts";
import type { CopyOrder } from "../../lib/config/config.ts";
import { LocalError } from "../../lib/errors.ts";
import type { Digest, Entry } from "../../lib/list/entry.ts";
import type { Filter } from "../../lib/state/judge.ts";
import { migrate as migrateSqlite } from "../../lib/state/schema.ts";
import { standings } from "../../lib/state/standing.ts";
import {
  type ListOptions,
  SynchronisedList,
} from "../../lib/state/synchronised-list.ts";
import type { Timestamp } from "../../lib/text/timestamp.ts";
import { Random } from "../simulation/random.ts";

const everything: Filter = { wants: () => true, fingerprint: "all" };
const most: Filter = { wants: (path) => path !== "a", fingerprint: "not a" };
const claimant = { holder: "r1/1", leaseMs: 3_600_000 };
const nothing = new Uint8Array([0, 255]);

/** A list that a server publishes. */
interface Published {
  generation: string;
  from: { generation: string; seq: number }[];
  lines: Entry[];
}

/** The same list, on SQLite alone and on PostgreSQL. */
class Both implements AsyncDisposable {
  readonly database: Database;
  readonly db = new DatabaseSync(":memory:");
  local!: SynchronisedList;
  /** What the node that does the next step works with. */
  shared!: SharedList;
  leader!: LeaderList;
  #nodes: { shared: SharedList; leader: LeaderList }[] = [];
  readonly #rows = new DisposableStack();
  #order: CopyOrder = "oldest";
  readonly term: number;

  private constructor(database: Database, term: number) {
    this.database = database;
    this.term = term;
    migrateSqlite(this.db);
    this.db.exec("PRAGMA recursive_triggers = ON");
  }

  static async make(database: Database): Promise<Both> {
    await migrate(database);
    const term = await statements.acquire(database, claimant);
    return new Both(database, term!);
  }

  /** Starts relais again, with a filter. */
  start(filter: Filter, options: ListOptions = {}): void {
    this.#order = options.order ?? "oldest";
    this.local = new SynchronisedList(this.db, filter, options);
    this.#nodes = [1, 2].map(() => this.#node(filter, options));
    this.turn(0);
  }

  /** Has another node do the next step; both lead in the same term, or believe so. */
  turn(index: number): void {
    Object.assign(this, this.#nodes[index]);
  }

  #node(
    filter: Filter,
    options: ListOptions,
  ): { shared: SharedList; leader: LeaderList } {
    const rows = this.#rows.use(new ListRows(filter, options, ""));
    return {
      shared: new SharedList(this.database, rows),
      leader: new LeaderList(this.database, rows, this),
    };
  }

  /** Reads some lines that a server has added. */
  async read(
    server: string,
    { generation, from, lines }: Published,
    count: number,
  ): Promise<void> {
    const { local: { intake }, leader } = this;
    const known = intake.cursor(server);
    assertEquals(await leader.cursor(server), known);
    const isKnown = known?.generation === generation;
    const life = lifeOf(generation, { from, carried: 0 });
    const readings = isKnown
      ? [await intake.resume(server), await leader.resume(server)]
      : [intake.begin(server, life), await leader.begin(server, life)];
    assertEquals(readings[1], readings[0]);
    const reading = readings[0]!;
    const start = isKnown ? known.seq : 0;
    const taken = lines.slice(start, start + count);
    const seq = start + taken.length;
    const cursor = {
      ...{ generation, offset: seq * 10, tail: nothing, seq, modified: 1.5 },
    };
    const refusals = seq % 3 === 0
      ? [{ line: seq, path: "a", reason: "a wrong line" }]
      : [];
    assertEquals(
      await leader.take(reading, taken, cursor, refusals),
      intake.take(reading, taken, cursor, refusals),
    );
    if (seq < lines.length) return;
    await intake.complete(reading);
    await leader.complete(reading);
  }

  /** Copies some of what is wanted of a server, but for what `fails`. */
  async copy(
    server: string,
    fails: (path: string) => boolean,
    count = 100,
  ): Promise<void> {
    const { local, shared, database, term } = this;
    const order = this.#order;
    const wanted = local.wanted(server, null, count);
    assertEquals(
      await wantedFiles(database, { server, last: null, limit: count }, order),
      wanted,
    );
    await statements.fenced(
      database,
      term,
      (session) => statements.open(session, server),
    );
    const limits = { files: count, bytes: 1e9 };
    const claim = await statements.take(database, claimant, limits, order);
    assertEquals(
      claim?.files ?? [],
      wanted.map(({ path, seq, size }) => ({ path, seq, size })),
    );
    if (claim !== undefined) {
      assertEquals(await claimedFiles(database, claim.id, order), wanted);
      const arrived = wanted.filter(({ path }) => !fails(path))
        .map(({ path, seq }) => ({ path, seq, fetched: seq % 2 === 0 }));
      const failed = wanted.filter(({ path }) => fails(path))
        .map(({ path }) => ({ path, error: `no ${path}` }));
      local.arrived(server, arrived, { announce: true });
      local.failed(server, failed);
      const { id } = claim;
      await shared.arrived(id, server, arrived, { announce: true });
      await shared.failed(server, failed);
      const tried = failed.map(({ path }) => path);
      await statements.release(database, id, tried);
    }
    await statements.fenced(database, term, statements.close);
  }

  /** Decides a conflict, if there is one. */
  async resolve(server: string): Promise<void> {
    const [conflict] = this.local.conflicts(server, 1);
    if (conflict !== undefined) {
      const values = [conflict.path, server];
      const text = "INSERT INTO resolution VALUES ";
      this.db.prepare(`${text} (?, ?)`).run(...values);
      await this.database.query(`${text} ($1, $2)`, values);
    }
    this.local.resolve();
    await this.leader.resolve();
  }

  async withdraw(active: string, keeps: boolean): Promise<void> {
    await this.local.withdrawals.follow(active, keeps);
    await this.leader.follow(active, keeps);
    if (keeps) return;
    await this.remove(active, () => false);
  }

  /** Removes what was withdrawn, but for what `fails`. */
  async remove(
    active: string,
    fails: (path: string) => boolean,
  ): Promise<void> {
    const { local: { withdrawals }, shared, leader, database } = this;
    const files = withdrawals.files(active, "", 100);
    assertEquals(
      [...await withdrawnFiles(database, active, "", 100)],
      files.map((file) => ({ ...file })),
    );
    const { withdrawn } = await countWithdrawn(database, active);
    assertEquals(withdrawn, files.length);
    assertEquals(withdrawals.count(active), files.length);
    const batch = { server: active, files: 100 };
    const claim = await leader.claimWithdrawn(claimant, batch);
    const paths = files.map(({ path }) => path);
    assertEquals(claim?.files.map(({ path }) => path) ?? [], paths);
    if (claim === undefined) return;
    const gone = paths.filter((path) => !fails(path));
    withdrawals.removed(gone);
    assertEquals(await shared.removed(claim.id, gone), true);
    await statements.release(database, claim.id, []);
  }

  /** All rows on either side, but for the times at which they were written. */
  async rows(): Promise<[shared: unknown, local: unknown]> {
    const shared: Record<string, unknown> = {};
    const local: Record<string, unknown> = {};
    for (const table of tables) {
      const rows = await this.database.query<Row>(`SELECT * FROM ${table}`);
      shared[table] = comparable(rows);
      local[table] = comparable(
        this.db.prepare(`SELECT * FROM ${table}`).all() as Row[],
      );
    }
    return [shared, local];
  }

  /** Standings, and tables, of which there are rows. */
  kinds(): string[] {
    const text = [
      "SELECT DISTINCT standing AS kind FROM entry",
      ...expectedKinds.slice(standings.length).map((table) =>
        `SELECT '${table}' WHERE EXISTS (SELECT 1 FROM ${table})`
      ),
    ].join(" UNION ALL ");
    const rows = this.db.prepare(text).all() as { kind: string }[];
    return rows.map(({ kind }) => kind);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#rows.dispose();
    await this.database[Symbol.asyncDispose]();
    this.db.close();
  }
}

type Row = Record<string, unknown>;

function comparable(rows: readonly Row[]): string[] {
  return rows.map(({ arrived: _, at: __, ...row }) => {
    const columns = Object.entries(row).map(([name, value]) => [
      name,
      value instanceof Uint8Array ? [...value] : value,
    ]);
    return JSON.stringify(columns.sort());
  }).sort();
}

function drawEntry(random: Random, seq: number, paths: string[]): Entry {
  const op = random.happens(0.2) ? "-" : "+";
  const content = random.below(5);
  return {
    ...{ seq, op, path: paths[random.below(paths.length)]! },
    published: String(1_000 + seq) as Timestamp,
    mtime: String(10 + random.below(2)) as Timestamp,
    mode: 0o644,
    size: op === "-" ? 0 : 1 + content,
    digest: op === "-" || random.happens(0.2)
      ? null
      : `sha256:${content}` as Digest,
  };
}

/** Kinds of rows that the histories are to bring about. */
const expectedKinds = [
  ...standings,
  ...["copy", "superseded", "withdrawal", "refusal", "generation"],
];

/** Drives both with the same random steps, and compares all rows after each. */
async function compare(
  server: Postgres,
  name: string,
  { charset, paths, order }: {
    readonly charset: string | null;
    readonly paths: string[];
    readonly order: CopyOrder;
  },
): Promise<void> {
  const seen = new Set<string>();
  for (const seed of [3, 4]) {
    const random = new Random(seed);
    const database = new Database(server.config(`${name}_${seed}`));
    await using both = await Both.make(database);
    both.start(everything, { charset, order });
    let generations = 0;
    const begin = (from: Published["from"] = []): Published => ({
      ...{ generation: `g${++generations}`, from, lines: [] },
    });
    const published = { P: begin(), B: begin() };
    const names = ["P", "B"] as const;
    const some = () => names[random.below(2)]!;
    const steps: Record<string, () => void | Promise<void>> = {
      publish() {
        const { lines } = published[some()];
        const count = 1 + random.below(4);
        for (let added = 0; added < count; added++) {
          lines.push(drawEntry(random, lines.length + 1, paths));
        }
      },
      replicate() {
        // Two lists of their own lead to conflicts.
        if (!random.happens(0.2)) return;
        published.B = { ...published.P, lines: [...published.P.lines] };
      },
      compact() {
        const name = some();
        const { generation, lines, from } = published[name];
        published[name] = begin([
          { generation, seq: lines.length },
          ...from,
        ]);
        const last = new Map(lines.map((line) => [line.path, line]));
        published[name].lines = [...last.values()]
          .filter(({ op }) => op === "+")
          .map((line, index) => ({ ...line, seq: index + 1 }));
      },
      async read() {
        const name = some();
        await both.read(name, published[name], 1 + random.below(6));
      },
      copy: () =>
        both.copy(some(), () => random.happens(0.2), 1 + random.below(9)),
      resolve: () => both.resolve(some()),
      withdraw: () => both.withdraw(some(), random.happens(0.5)),
      remove: () => both.remove(some(), () => random.happens(0.3)),
      restart: () =>
        both.start(random.happens(0.5) ? most : everything, { charset, order }),
    };
    const told: string[] = [];
    for (let count = 0; count < 80; count++) {
      const all = Object.keys(steps);
      const name = count % 2 === 0 ? "read" : all[random.below(all.length)]!;
      told.push(name);
      both.turn(random.below(2));
      await steps[name]!();

      const [shared, local] = await both.rows();
      assertEquals(shared, local, `seed ${seed}, after ${told.join(", ")}`);
      for (const kind of both.kinds()) seen.add(kind);
    }
  }
  // Histories that are too tame would compare nothing.
  assertEquals(seen, new Set(expectedKinds));
}

Deno.test({
  name: "SharedList",
  ignore: !postgresAvailable,
  async fn(t) {
    await using server = await startPostgres();

    await t.step(
      "does on PostgreSQL what SynchronisedList does on SQLite",
      () =>
        compare(server, "names", {
          ...{ charset: null, order: "oldest" },
          paths: ["a", "b", "c d", "é/\u{1F600}", "quo'te\"\\"],
        }),
    );

    await t.step(
      "does so with names that were not UTF-8",
      () =>
        compare(server, "readable", {
          ...{ charset: "windows-1252", order: "smallest" },
          paths: ["a", "caf%E9", "café", "%80", "€"],
        }),
    );

    const line = (seq: number): Entry => ({
      ...drawEntry(new Random(1), seq, ["a"]),
      ...{ op: "+", size: 1, digest: null },
    });
    const at = (seq: number) => ({
      ...{ generation: "g", offset: seq, tail: nothing, seq, modified: null },
    });

    await t.step(
      "judges again a file that has to give its name to another",
      async () => {
        await using both = await Both.make(new Database(server.config("name")));
        both.start(everything, { charset: "windows-1252" });
        const named = (path: string, seq: number, size: number): Entry => ({
          ...line(seq),
          ...{ path, size, digest: `sha256:${size}` as Digest },
        });
        const backup = {
          ...{ generation: "b", from: [] },
          lines: [named("café", 1, 1), named("caf%E9", 2, 2)],
        };
        const production = {
          ...{ generation: "p", from: [] },
          lines: [named("caf%E9", 1, 2), named("café", 2, 1)],
        };
        await both.read("B", backup, 2);
        await both.copy("B", () => false);
        await both.read("P", production, 1);
        await both.read("P", production, 1);

        const [shared, local] = await both.rows();
        assertEquals(shared, local);
        const rows = await both.database.query(
          "SELECT path, remote, standing FROM entry WHERE server = 'P' ORDER BY path",
        );
        assertEquals([...rows], [
          { path: "caf%E9", remote: null, standing: "here" },
          { path: "café", remote: null, standing: "here" },
        ]);
      },
    );

    await t.step(
      "knows what another node has learnt of generations",
      async () => {
        await using both = await Both.make(
          new Database(server.config("learnt")),
        );
        both.start(everything);
        const { leader } = both;
        both.turn(1);
        const { leader: other } = both;
        const from = ["g2", "g1", "g0"].map((generation) => ({
          generation,
          seq: 1,
        }));
        await leader.begin("P", lifeOf("g2", { from: from.slice(1, 2) }));
        const before = await other.resume("P");
        await leader.begin("P", lifeOf("g3", { from }));
        const after = await other.resume("P");
        assertEquals(before.lineage, new Set(["g2", "g1"]));
        assertEquals(after.lineage, new Set(["g3", "g2", "g1", "g0"]));
      },
    );

    await t.step("lets a leader whose term is over write nothing", async () => {
      await using both = await Both.make(new Database(server.config("over")));
      both.start(everything);
      const { leader, database } = both;
      const reading = await leader.begin("P", lifeOf("g"));
      await database.query("UPDATE lease SET until = clock_timestamp()");
      await statements.acquire(database, { ...claimant, holder: "r2/1" });
      await assertRejects(
        () => leader.take(reading, [line(1)], at(1)),
        LocalError,
        "this node no longer leads",
      );
      assertEquals([...await database.query("SELECT * FROM entry")], []);
    });

    await t.step(
      "changes nothing that is wanted while files are copied",
      async () => {
        await using both = await Both.make(
          new Database(server.config("copied")),
        );
        both.start(everything);
        const { leader, term, database } = both;
        const reading = await leader.begin("P", lifeOf("g"));
        await statements.fenced(
          database,
          term,
          (session) => statements.open(session, "P"),
        );
        await assertRejects(
          () => leader.take(reading, [line(1)], at(1)),
          LocalError,
          "files are being copied",
        );
      },
    );

    await t.step(
      "does not go back when an earlier request comes late",
      async () => {
        await using both = await Both.make(new Database(server.config("late")));
        both.start(everything);
        const { leader } = both;
        const reading = await leader.begin("P", lifeOf("g"));
        // The same leader, as it was before it asked again.
        both.turn(1);
        const { leader: late } = both;
        await late.resume("P");
        await leader.take(reading, [line(1), line(2)], at(2));
        await assertRejects(
          () => late.take(reading, [line(1)], at(1)),
          LocalError,
          "it was read further meanwhile",
        );
        assertEquals((await leader.cursor("P"))!.seq, 2);
      },
    );

    await t.step("commits no file whose claim another node has", async () => {
      await using both = await Both.make(new Database(server.config("lost")));
      both.start(everything);
      const { leader, shared, term, database } = both;
      const reading = await leader.begin("P", lifeOf("g"));
      await leader.take(reading, [line(1)], at(1));
      await leader.complete(reading);
      await statements.fenced(
        database,
        term,
        (session) => statements.open(session, "P"),
      );
      const limits = { files: 9, bytes: 1e9 };
      const claim = (await statements.take(database, claimant, limits))!;
      await database.query("UPDATE claim SET until = clock_timestamp()");
      const next = (await statements.takeOver(database, claimant))!;
      const files = [{ path: "a", seq: 1, fetched: true }];
      const announce = { announce: false };

      assertEquals(await shared.arrived(claim.id, "P", files, announce), false);
      assertEquals([...await database.query("SELECT * FROM copy")], []);
      assertEquals(await shared.arrived(next.id, "P", files, announce), true);
      const rows = await database.query("SELECT path, standing FROM entry");
      assertEquals([...rows], [{ path: "a", standing: "here" }]);
    });

    await t.step(
      "commits no removal whose claim another node has",
      async () => {
        await using both = await Both.make(new Database(server.config("gone")));
        both.start(everything);
        const { leader, shared, database } = both;
        await both.read("P", {
          ...{ generation: "g", from: [] },
          lines: [line(1), { ...line(2), path: "b" }],
        }, 2);
        await both.copy("P", () => false);
        await both.read("P", {
          ...{ generation: "g", from: [] },
          lines: [line(1), { ...line(2), path: "b" }, { ...line(3), op: "-" }],
        }, 1);
        await leader.follow("P", false);
        const batch = { server: "P", files: 9 };
        const claim = (await leader.claimWithdrawn(claimant, batch))!;
        await database.query("UPDATE claim SET until = clock_timestamp()");
        const next = (await statements.takeOver(database, claimant))!;
        const here = async () => {
          const rows = await database.query<{ path: string }>(
            "SELECT path FROM copy ORDER BY path",
          );
          return rows.map(({ path }) => path);
        };

        assertEquals([next.removes, next.files], [true, claim.files]);
        assertEquals(await shared.removed(claim.id, ["a"]), false);
        assertEquals(await here(), ["a", "b"]);
        assertEquals(await shared.removed(next.id, ["a"]), true);
        assertEquals(await here(), ["b"]);
      },
    );

    await t.step(
      "removes nothing while files are copied",
      async () => {
        await using both = await Both.make(new Database(server.config("busy")));
        both.start(everything);
        const { leader } = both;
        await leader.open("P");
        const batch = { server: "P", files: 9 };
        await assertRejects(
          () => leader.claimWithdrawn(claimant, batch),
          LocalError,
          "files are being copied",
        );
      },
    );

    await t.step(
      "refuses a path that no index holds until it is withdrawn, and takes in the others",
      async () => {
        await using both = await Both.make(new Database(server.config("long")));
        both.start(everything);
        const { leader, database } = both;
        const random = new Random(1);
        const letters = Array.from(
          { length: 4_000 },
          (_, index) =>
            index % 200 === 100
              ? "/"
              : String.fromCodePoint(0x4e00 + random.below(5_000)),
        );
        // Three bytes each, which cannot be compressed.
        const path = letters.slice(0, 1_300).join("");
        const fits = letters.slice(0, 830).join("");
        const reading = await leader.begin("P", lifeOf("g"));
        const named = [{ ...line(1), path }, { ...line(2), path: fits }];

        await leader.take(reading, named, at(2));
        const before = await missingFrom(database, ["P"], "P");
        const paths = await database.query("SELECT path FROM entry");
        const gone = { ...line(3), path, op: "-" as const, size: 0 };
        await leader.take(reading, [gone], at(3));
        const after = await missingFrom(database, ["P"], "P");

        assertEquals([...paths], [{ path: fits }]);
        assertEquals(before.refused, {
          count: 1,
          reasons: [
            "line 1: its path is longer than 2500 bytes, the most that a cluster can keep",
          ],
        });
        assertEquals(after.refused.count, 0);
      },
    );

    await t.step(
      "changes no more rows at a time than a database has done before a node gives up",
      async () => {
        await using both = await Both.make(new Database(server.config("many")));
        both.start(everything);
        const { leader, database } = both;
        const count = 1_200;
        await leader.begin("P", lifeOf("g"));
        await database.query(
          `INSERT INTO entry (server, path, seq, published, mtime, size, reading, standing, op)
           SELECT 'P', 'f' || seq, seq, '0', '0', 0, 1, 'gone', '-' FROM generate_series(1, $1) AS seq`,
          [count],
        );
        await database.query(
          `INSERT INTO withdrawal (path, server, seq, published, mtime, kept, at)
           SELECT path, server, seq, published, mtime, 1, 0 FROM entry`,
        );
        await database.query(
          `INSERT INTO copy (path, server, seq, published, mtime, size, arrived, announced)
           SELECT path, server, seq, published, mtime, size, 0, 0 FROM entry`,
        );
        const most = async (table: string, work: () => Promise<void>) => {
          await database.query(
            `CREATE TABLE changed_${table} (rows bigint);
             CREATE FUNCTION note_${table}() RETURNS trigger LANGUAGE plpgsql AS $$
               BEGIN
                 INSERT INTO changed_${table} SELECT count(*) FROM changed;
                 RETURN NULL;
               END $$;
             CREATE TRIGGER note AFTER UPDATE ON ${table}
               REFERENCING NEW TABLE AS changed
               FOR EACH STATEMENT EXECUTE FUNCTION note_${table}()`,
          );
          await work();
          const [row] = await database.query<{ most: number; all: number }>(
            `SELECT max(rows) AS most, sum(rows)::bigint AS all FROM changed_${table}`,
          );
          return row;
        };
        const paths = Array.from({ length: count }, (_, n) => `f${n + 1}`);

        assertEquals(
          [
            await most("entry", () => leader.follow("P", false)),
            await most("copy", () => leader.announced(paths)),
          ],
          [{ most: 500, all: count }, { most: 500, all: count }],
        );
        const standing = await database.query(
          "SELECT DISTINCT standing FROM entry",
        );
        const announced = await database.query(
          "SELECT DISTINCT announced FROM copy",
        );
        assertEquals([...standing], [{ standing: "withdrawn" }]);
        assertEquals(
          (await countWithdrawn(database, "P", 500)).withdrawn,
          count,
        );
        assertEquals([...announced], [{ announced: 1 }]);
      },
    );

    await t.step(
      "has the index that its order needs, whichever node makes it",
      async () => {
        await using one = new Database(server.config("index"));
        await using other = new Database(server.config("index"));
        await migrate(one);
        const names = async () => {
          const rows = await one.query<{ indexname: string }>(
            "SELECT indexname FROM pg_indexes WHERE schemaname = 'index' AND indexname = 'entry_smallest'",
          );
          return rows.length;
        };
        await keepIndexOf(one, "oldest");
        const before = await names();
        await Promise.all(
          [one, other].map((each) => keepIndexOf(each, "smallest")),
        );

        assertEquals([before, await names()], [0, 1]);
      },
    );

    await t.step(
      "keeps its rows in the columns and keys of a state",
      async () => {
        await using database = new Database(server.config("columns"));
        await migrate(database);
        using db = new DatabaseSync(":memory:");
        migrateSqlite(db);
        for (const table of [...tables, "passed_over"]) {
          const columns = await database.query<{ name: string }>(
            `SELECT attname AS name, coalesce(array_position(indkey::int[], attnum::int) + 1, 0)::int AS pk
           FROM pg_attribute LEFT JOIN pg_index ON indrelid = attrelid AND indisprimary
           WHERE attrelid = $1::text::regclass AND attnum > 0 ORDER BY attname`,
            [table],
          );
          const expected = db.prepare(
            "SELECT name, pk FROM pragma_table_info(?) ORDER BY name",
          ).all(table);
          assertEquals(
            [...columns].map((row) => ({ ...row })),
            expected.map((row) => ({ ...row })) as unknown as {
              name: string;
            }[],
            table,
          );
        }
      },
    );
  },
});
