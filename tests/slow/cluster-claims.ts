import { assertEquals } from "@std/assert";
import { claimAll } from "../../fixtures/cluster/claimers.ts";
import { postgresAvailable, startPostgres } from "../../fixtures/postgres.ts";

Deno.test({
  name: "three nodes take each of 200 000 files exactly once",
  ignore: !postgresAvailable,
  async fn() {
    const files = 200_000;
    await using server = await startPostgres();
    const { paths, left } = await claimAll(server, { files, batch: 2_000 });
    assertEquals([paths.length, new Set(paths).size, left], [files, files, 0]);
  },
});
