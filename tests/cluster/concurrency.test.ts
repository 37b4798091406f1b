import { assertEquals, assertRejects } from "@std/assert";
import {
  claimAll,
  insertWantedFiles,
} from "../../fixtures/cluster/claimers.ts";
import { postgresAvailable, startPostgres } from "../../fixtures/postgres.ts";
import { until } from "../../fixtures/until.ts";
import { Database } from "../../lib/cluster/database.ts";
import { migrate, schemaVersion } from "../../lib/cluster/schema.ts";
import {
  acquire,
  commit,
  extend,
  fenced,
  identity,
  open,
  take,
  takeOver,
} from "../../lib/cluster/statements.ts";
import { LocalError } from "../../lib/errors.ts";

const leaseMs = 15_000;
const [r1, r2] = ["r1/1", "r2/1"].map((holder) => ({ holder, leaseMs }));

Deno.test({
  name: "several nodes on one database",
  ignore: !postgresAvailable,
  async fn(t) {
    await using server = await startPostgres();

    /** Connects so many nodes to the tables of a cluster of its own. */
    async function nodes(name: string, count: number) {
      const disposables = new AsyncDisposableStack();
      const databases = Array.from(
        { length: count },
        () => disposables.use(new Database(server.config(name))),
      );
      await Promise.all(databases.map((database) => migrate(database)));
      return {
        databases,
        [Symbol.asyncDispose]: () => disposables.disposeAsync(),
      };
    }

    /** Has the lease run out at once. */
    const expire = (database: Database) =>
      database.query("UPDATE lease SET until = clock_timestamp()");

    /** Waits until somebody waits for a lock. */
    const someoneWaits = (database: Database) =>
      until(async () => {
        const waiting = await database.query(
          "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
        );
        return waiting.length > 0;
      });

    await t.step("make the tables at once", async () => {
      await using made = await nodes("made", 6);
      const rows = await made.databases[0]!.query(
        "SELECT version FROM version",
      );
      assertEquals([...rows], [{ version: schemaVersion }]);
    });

    await t.step(
      "have one leader: the second is refused, and leads in term 2 when the lease ran out",
      async () => {
        await using two = await nodes("leader", 2);
        const [a, b] = two.databases as [Database, Database];

        assertEquals(await acquire(a, r1!), 1);
        assertEquals(await acquire(b, r2!), undefined);
        assertEquals(await acquire(a, r1!), 1);
        await expire(a);
        assertEquals(await acquire(b, r2!), 2);

        assertEquals(await acquire(a, r1!), undefined);
        const written = await fenced(
          a,
          1,
          (session) => open(session, "production"),
        );
        assertEquals(written, undefined);
        assertEquals([...await b.query("SELECT open FROM current_pass")], [{
          open: false,
        }]);
      },
    );

    await t.step(
      "wait with a new term for the fenced transaction under way",
      async () => {
        await using two = await nodes("under_way", 2);
        const [a, b] = two.databases as [Database, Database];
        const brief = { ...r1!, leaseMs: 2_000 };
        const term = (await acquire(a, brief))!;
        const goOn = Promise.withResolvers<void>();
        const writing = fenced(a, term, async (session) => {
          await goOn.promise;
          await open(session, "production");
          return "written";
        });
        await until(async () =>
          (await b.query("SELECT 1 FROM lease WHERE until < clock_timestamp()"))
            .length > 0
        );
        const taken = acquire(b, r2!);
        await someoneWaits(b);

        goOn.resolve();

        assertEquals(await writing, "written");
        assertEquals(await taken, term + 1);
      },
    );

    await t.step(
      "are not kept waiting by a leader that stands still in a transaction",
      async () => {
        await using two = await nodes("still", 1);
        const [b] = two.databases as [Database];
        await using a = new Database({
          ...server.config("still"),
          leaseMs: 4_000,
        });
        const term = (await acquire(a, { ...r1!, leaseMs: 3_000 }))!;
        const goOn = Promise.withResolvers<void>();
        const writing = fenced(a, term, async (session) => {
          await goOn.promise;
          await open(session, "production");
        });
        const lost = assertRejects(() => writing, LocalError);

        await until(async () => (await acquire(b, r2!)) === term + 1);

        goOn.resolve();
        await lost;
        assertEquals([...await b.query("SELECT open FROM current_pass")], [{
          open: false,
        }]);
      },
    );

    await t.step("take each of 20 000 files exactly once", async () => {
      const files = 20_000;
      const { paths, left } = await claimAll(server, { files, batch: 200 });
      assertEquals([paths.length, new Set(paths).size, left], [
        files,
        files,
        0,
      ]);
    });

    await t.step(
      "take over a claim that ran out, once, and its holder can neither extend nor commit",
      async () => {
        await using three = await nodes("takeover", 3);
        const [a, ...others] = three.databases as [Database, ...Database[]];
        await a.query(insertWantedFiles, [3]);
        await acquire(a, r1!);
        await fenced(a, 1, (session) => open(session, "production"));
        const claim =
          (await take(a, { ...r1!, leaseMs: 1 }, { files: 9, bytes: 1e9 }))!;
        await until(async () =>
          (await a.query("SELECT 1 FROM claim WHERE until < clock_timestamp()"))
            .length > 0
        );

        const taken = await Promise.all(
          others.map((database) => takeOver(database, r2!)),
        );

        const [next] = taken.filter((one) => one !== undefined);
        assertEquals(taken.filter((one) => one === undefined).length, 1);
        assertEquals(next, { ...claim, id: claim.id + 1, behind: [claim.id] });
        const paths = claim.files.map(({ path }) => path);
        assertEquals(await extend(a, claim.id, leaseMs), false);
        assertEquals(
          await commit(a, { id: claim.id, paths }, () => Promise.resolve()),
          undefined,
        );
      },
    );

    await t.step(
      "take a claim over after the commit under way, without what that placed",
      async () => {
        await using two = await nodes("commit", 2);
        const [a, b] = two.databases as [Database, Database];
        await a.query(insertWantedFiles, [2]);
        await acquire(a, r1!);
        await fenced(a, 1, (session) => open(session, "production"));
        const { id } =
          (await take(a, { ...r1!, leaseMs: 1 }, { files: 9, bytes: 1e9 }))!;
        const goOn = Promise.withResolvers<void>();
        const committing = commit(a, { id, paths: ["f1"] }, () => goOn.promise);
        await until(async () => {
          const locked = await b.query(
            "SELECT 1 FROM claim WHERE id NOT IN (SELECT id FROM claim FOR UPDATE SKIP LOCKED)",
          );
          return locked.length > 0;
        });

        const during = await takeOver(b, r2!);
        goOn.resolve();
        await committing;
        const after = await takeOver(b, r2!);

        assertEquals(during, undefined);
        assertEquals(after!.files.map(({ path }) => path), ["f2"]);
      },
    );

    await t.step("refuse tables that a newer relais has made", async () => {
      await using one = await nodes("newer", 1);
      const [database] = one.databases as [Database];
      await database.query("UPDATE version SET version = version + 1");
      await assertRejects(
        () => migrate(database),
        LocalError,
        `Cannot use the tables of "newer" in the database postgres at localhost:${server.port}: a newer relais made them (version ${
          schemaVersion + 1
        }, this one knows ${schemaVersion})`,
      );
      await assertRejects(
        () => identity(database),
        LocalError,
        "a newer relais",
      );
    });

    await t.step("do not try for ever to make what is there", async () => {
      await using one = await nodes("there", 1);
      const [database] = one.databases as [Database];
      await database.query("UPDATE version SET version = 0");
      await assertRejects(
        () => migrate(database),
        LocalError,
        "already exists",
      );
    });

    await t.step(
      "open no pass after another one than they have compared",
      async () => {
        await using one = await nodes("compared", 1);
        const [database] = one.databases as [Database];
        const term = (await acquire(database, r1!))!;
        const openAfter = (pass: number) =>
          fenced(
            database,
            term,
            (session) => open(session, "production", pass),
          );

        assertEquals(await openAfter(1), false);
        assertEquals((await identity(database)).pass, 0);
        assertEquals(await openAfter(0), true);
        assertEquals((await identity(database)).pass, 1);
      },
    );
  },
});
