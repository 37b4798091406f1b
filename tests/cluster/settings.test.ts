import { assertEquals, assertRejects } from "@std/assert";
import { makeCluster } from "../../fixtures/cluster/world.ts";
import { startPooler } from "../../fixtures/cluster/pooler.ts";
import {
  startPostgres,
  testWithPostgres as test,
} from "../../fixtures/postgres.ts";
import { treeOf } from "../../fixtures/world.ts";
import { Database, type DatabaseConfig } from "../../lib/cluster/database.ts";
import { lookAt } from "../../lib/cluster/look.ts";
import { migrate } from "../../lib/cluster/schema.ts";
import { describe, LocalError } from "../../lib/errors.ts";

/** Settings that an administrator may give to a role, and what they mean to nodes. */
const unusual = {
  search_path: "public",
  client_encoding: "LATIN1",
  DateStyle: "SQL, DMY",
  IntervalStyle: "sql_standard",
  TimeZone: "Asia/Kathmandu",
  bytea_output: "escape",
  extra_float_digits: "-12",
  standard_conforming_strings: "off",
  array_nulls: "off",
  default_transaction_isolation: "serializable",
  synchronous_commit: "off",
  lock_timeout: "1ms",
  idle_in_transaction_session_timeout: "1ms",
  statement_timeout: "1ms",
};

/** Returns why the tables of a cluster cannot be made. */
async function failure(config: DatabaseConfig): Promise<string> {
  await using database = new Database(config);
  const error = await assertRejects(() => migrate(database), LocalError);
  return describe(error).replace(/at [^ ]+:\d+/, "at HOST");
}

test("what an administrator has set for the role changes nothing", async () => {
  await using cluster = await makeCluster({
    nodes: ["r1"],
    replica: `delete = "remove"\nmax_delete = "100%"`,
  });
  const { nodes: [r1], world, into, postgres } = cluster;
  for (const [name, value] of Object.entries(unusual)) {
    await postgres.ask(`ALTER ROLE relais SET ${name} = '${value}'`);
  }
  const passes = [];
  world.write({ "a b.csv": "1", "é'\"\\%/\n.csv": "2" });
  await world.publish();
  passes.push(await r1!.pass());
  world.write({ "a b.csv": "3" });
  Deno.removeSync(`${world.production.data}/é'"\\%`, { recursive: true });
  await world.publish();
  passes.push(await r1!.pass());

  await using database = new Database(postgres.config("stock"));
  const [settings] = await database.query(
    `SELECT current_setting('transaction_isolation') AS isolation,
       current_setting('synchronous_commit') AS commit`,
  );

  assertEquals(
    passes.map(({ exit, copied, removed, errors }) => [
      ...[exit, copied, removed],
      errors,
    ]),
    [[0, 2, 0, []], [0, 1, 1, []]],
  );
  assertEquals(Object.keys(treeOf(into)), ["a b.csv"]);
  assertEquals(settings, { isolation: "read committed", commit: "on" });
});

test("rights that are missing, and an encoding that does not do, are told with what to do about them", async () => {
  await using server = await startPostgres();
  await server.ask("CREATE ROLE plain LOGIN PASSWORD 'plain'");
  const passwordFile = `${server.directory}/plain`;
  Deno.writeTextFileSync(passwordFile, "plain");
  const plain = (name: string) => {
    const config = server.config(name);
    const address = { ...config.address, user: "plain" };
    return { ...config, address, passwordFile };
  };
  await server.ask("CREATE SCHEMA other");
  await server.ask("CREATE SCHEMA seen");
  await server.ask("GRANT USAGE ON SCHEMA seen TO plain");
  await using owner = new Database(server.config("made"));
  await migrate(owner);
  await server.ask("GRANT ALL ON SCHEMA made TO plain");
  await server.ask(
    "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0",
  );
  const latin = { ...server.config("stock").address, database: "latin" };

  await server.ask(
    "CREATE ROLE busy LOGIN PASSWORD 'plain' CONNECTION LIMIT 0",
  );
  const busy = { ...server.config("stock").address, user: "busy" };

  const told = [
    await failure(plain("stock")),
    await failure(plain("other")),
    await failure(plain("seen")),
    await failure(plain("made")),
    await failure({ ...server.config("stock"), address: latin }),
    await failure({ ...server.config("stock"), address: busy, passwordFile }),
  ];

  assertEquals(told, [
    'Cannot use the database postgres at HOST: the role plain may make no schema in postgres; run there: CREATE SCHEMA "stock" AUTHORIZATION "plain"',
    'Cannot use the database postgres at HOST: the role plain may make no tables in the schema "other"; run there: ALTER SCHEMA "other" OWNER TO "plain"',
    'Cannot use the database postgres at HOST: the role plain may make no tables in the schema "seen"; run there: ALTER SCHEMA "seen" OWNER TO "plain"',
    'Cannot use the database postgres at HOST: permission denied for table version; set the user in cluster.database to the role that owns the tables in the schema "made"',
    "Cannot use the database latin at HOST: its encoding is LATIN1, in which not every name can be kept; make another one: createdb --owner relais --encoding UTF8 --locale C --template template0 NAME",
    'Cannot use the database postgres at HOST: too many connections for role "busy"; let it accept more connections, 4 for each node: max_connections, or the limit of the role or the database',
  ]);
});

test("a pooler that drops what a session begins with makes no tables elsewhere", async () => {
  await using server = await startPostgres();
  await using pooler = await startPooler(server, "drops");
  const config = pooler.config("stock");
  const expected =
    'Cannot use the database postgres at HOST: it looks for tables in "$user", public, and not in "stock"; set cluster.database to PostgreSQL itself, without a pooler in between';

  assertEquals(await failure(config), expected);
  const seen = await assertRejects(() => lookAt(config), LocalError);

  assertEquals(describe(seen).replace(/at [^ ]+:\d+/, "at HOST"), expected);
  assertEquals(
    await server.ask(
      "SELECT 1 FROM pg_tables WHERE tablename IN ('version', 'lease')",
    ),
    [],
  );
});

test("a pooler that refuses what a session begins with is told from other failures", async () => {
  await using server = await startPostgres();
  await using pooler = await startPooler(server, "refuses");

  assertEquals(
    await failure(pooler.config("stock")),
    "Cannot use the database postgres at HOST: unsupported startup parameter: search_path; set cluster.database to PostgreSQL itself, without a pooler in between",
  );
});

test("a session begins with no question of its own, whose failure nobody would hear of", async () => {
  await using server = await startPostgres();
  await using pooler = await startPooler(server, { failsAt: "pg_type" });
  await using database = new Database(pooler.config("stock"));

  const rows = await database.query("SELECT ARRAY[1, 2]::bigint[] AS some");

  assertEquals([...rows], [{ some: [1, 2] }]);
});
