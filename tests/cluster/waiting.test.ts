import { assertEquals } from "@std/assert";
import { insertWantedFiles } from "../../fixtures/cluster/claimers.ts";
import { postgresAvailable, startPostgres } from "../../fixtures/postgres.ts";
import { Database } from "../../lib/cluster/database.ts";
import { migrate } from "../../lib/cluster/schema.ts";
import {
  countedAtMost,
  oldestOf,
  waitingOf,
} from "../../lib/cluster/waiting.ts";

Deno.test({
  name: "waitingOf()",
  ignore: !postgresAvailable,
  async fn(t) {
    await using server = await startPostgres();
    await using database = new Database(server.config("waiting"));
    await migrate(database);

    await t.step("tells that nothing waits", async () => {
      assertEquals(await waitingOf(database, "production"), {
        ...{ files: 0, bytes: 0, oldest: null },
      });
    });

    await t.step("counts what waits of one server", async () => {
      await database.query(insertWantedFiles, [10]);
      await database.query(
        "UPDATE entry SET published = '1700000000.5' WHERE seq >= 4",
      );
      await database.query(
        "UPDATE entry SET standing = 'here' WHERE seq < 4",
      );
      assertEquals(await waitingOf(database, "production"), {
        ...{ files: 7, bytes: 700, oldest: 1700000000.5 },
      });
      assertEquals((await waitingOf(database, "backup")).files, 0);
    });

    await t.step("estimates what it does not count", async () => {
      await database.query("TRUNCATE entry");
      const lines = 1.5 * countedAtMost;
      await database.query(insertWantedFiles, [lines]);
      await database.query(
        "UPDATE entry SET standing = 'here' WHERE seq % 5 = 0",
      );
      const { files, bytes, oldest } = await waitingOf(database, "production");
      const hundredth = lines / 100;
      assertEquals(Math.round(files / hundredth), 80);
      assertEquals(Math.round(bytes / files), 100);
      assertEquals(oldest, 0);
    });
  },
});

Deno.test("oldestOf() passes over servers of which nothing waits", () => {
  const waits = (oldest: number | null) => ({ files: 1, bytes: 1, oldest });

  assertEquals(oldestOf([waits(3), waits(null), waits(2)]), 2);
  assertEquals(oldestOf([waits(null)]), null);
});
