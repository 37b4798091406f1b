import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Cluster, makeCluster } from "../../fixtures/cluster/world.ts";
import { faults } from "../../fixtures/schemas.ts";
import { testWithPostgres as test } from "../../fixtures/postgres.ts";
import { relais, type Run } from "../../fixtures/relais.ts";
import { nimble, reportOf, treeOf } from "../../fixtures/world.ts";

/** A replica of the same servers that a machine keeps alone. */
class Alone {
  readonly #config: string;

  constructor({ world }: Cluster) {
    const directory = `${world.directory}/alone`;
    Deno.mkdirSync(directory);
    this.#config = `${directory}/relais.toml`;
    Deno.writeTextFileSync(
      this.#config,
      Deno.readTextFileSync(world.config)
        .replaceAll(`${world.directory}/replica/`, `${directory}/`),
    );
  }

  relais(...args: string[]): Promise<Run> {
    return relais([...args, "--config", this.#config]);
  }
}

/** Dates of arrival differ, and so does the configuration that a recommended command names. */
function comparable({ code, stdout, stderr }: Run): Run {
  const plain = (text: string) =>
    text.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "DATE")
      .replaceAll(/"(arrived|verified)":[\d.]+/g, '"$1":0')
      .replaceAll(/ --config \S+(?=")/g, "");
  return { code, stdout: plain(stdout), stderr: plain(stderr) };
}

/** Lets another holder have the lease for an hour. */
async function holdLease(cluster: Cluster): Promise<void> {
  await cluster.query(
    "UPDATE lease SET term = term + 1, holder = 'r9/1', until = clock_timestamp() + interval '1 hour'",
  );
}

/** Ends that. */
async function giveUpLease(cluster: Cluster): Promise<void> {
  await cluster.query(
    "UPDATE lease SET holder = '', until = clock_timestamp()",
  );
}

/** All that is in the database, but for signs of life. */
async function tablesOf(cluster: Cluster): Promise<unknown[]> {
  const tables = [
    ...["lease", "current_pass", "claim", "claimed", "list", "entry", "copy"],
    ...["superseded", "withdrawal", "resolution", "refetch", "refusal", "told"],
  ];
  return await Promise.all(
    tables.map((table) =>
      cluster.query(`SELECT * FROM ${table} ORDER BY 1, 2`)
        .catch(() => cluster.query(`SELECT * FROM ${table} ORDER BY 1`))
    ),
  );
}

/** Writes other bytes over a copy, and leaves its size and its date as they are. */
function flip({ into }: Cluster, path: string): void {
  const file = `${into}/${path}`;
  const { mtime } = Deno.statSync(file);
  const bytes = Deno.readFileSync(file);
  bytes[0]! ^= 1;
  Deno.writeFileSync(file, bytes);
  Deno.utimeSync(file, mtime!, mtime!);
}

test("list, why and a dry run say of a cluster what they say of one machine, and need no lease", async () => {
  await using cluster = await makeCluster({
    nodes: ["r1", "r2"],
    servers: ["production", "backup"],
    replica: `exclude = ["*.tmp"]`,
    more: nimble,
  });
  const { world, nodes: [r1, r2] } = cluster;
  const alone = new Alone(cluster);
  world.write({ "a.csv": "1", "b.tmp": "22", "deep/c.csv": "333" });
  world.write({ "deep/d.csv": "4444", "deep/e.csv": "5" });
  world.write({ "a.csv": "1", "only/here.csv": "66" }, world.backup);
  await world.publish();
  await world.publish(world.backup);
  Deno.removeSync(`${world.production.root}/deep/e.csv`);
  const both = async (...args: string[]) =>
    (await Promise.all([r2!.relais(...args), alone.relais(...args)]))
      .map(comparable);

  const before = await both("why", "a.csv");
  const listedBefore = await both("list");
  const first = [
    await r1!.pass(),
    reportOf(await alone.relais("--once", "--json")),
  ];
  await Promise.all([r2!.pass(), alone.relais("--once")]);
  world.write({ "a.csv": "changed", "new.csv": "7" });
  Deno.removeSync(`${world.production.data}/deep/d.csv`);
  await world.publish();
  await holdLease(cluster);
  const tables = await tablesOf(cluster);
  const plans = await both("--once", "--dry-run", "--json");
  const [ofCluster, ofOne] = plans.map(({ stdout }) => JSON.parse(stdout));
  const asked = [
    ...[["list"], ["list", "--json"], ["list", "deep/*"], ["list", "--wanted"]],
    ...[["list", "--failed"], ["list", "--sort", "size", "--json"]],
    ...[["list", "--sort", "date"], ["list", "deep/*", "--sort", "size"]],
    ...[["list", "--since", "1d"], ["list", "--skipped"], ["list", "--diff"]],
    ...["a.csv", "b.tmp", "deep/e.csv", "only/here.csv", "x.csv"]
      .map((path) => ["why", path]),
    ["why", "a.csv", "--json"],
  ];
  const said: [string[], Run, Run][] = [];
  for (const args of asked) {
    const [ofCluster, ofOne] = await both(...args);
    said.push([args, ofCluster!, ofOne!]);
  }

  assertEquals(before[0], before[1]);
  assertEquals(listedBefore[0], listedBefore[1]);
  assertEquals(first.map(({ exit, copied }) => [exit, copied]), [
    [1, 3],
    [1, 3],
  ]);
  assertEquals(ofCluster.plan, ofOne.plan);
  assertEquals(
    ofCluster.plan.map(({ path }: { path: string }) => path).sort(),
    ["a.csv", "deep/e.csv", "new.csv"],
  );
  assertEquals(await tablesOf(cluster), tables);
  for (const [args, ofCluster, ofOne] of said) {
    assertEquals(ofCluster, ofOne, args.join(" "));
  }
});

test("list shows more entries than are asked for at a time, each once, and none of tables that it does not know", async () => {
  await using cluster = await makeCluster({ nodes: ["r1"] });
  const { world, nodes: [r1] } = cluster;
  world.write({ "a.csv": "1" });
  await world.publish();
  assertEquals((await r1!.pass()).exit, 0);
  await cluster.query(
    `INSERT INTO entry (server, path, seq, published, mtime, size, reading, standing)
     SELECT 'production', 'f' || number, number, '0', number::text, number, 1, 'older'
     FROM generate_series(1, 12000) AS number`,
  );
  const paths = async (...args: string[]) => {
    const { stdout } = await r1!.relais("list", "--json", ...args);
    return stdout.split("\n").slice(0, -1).map((line) => JSON.parse(line).path);
  };
  const expected = Array.from(
    { length: 12_000 },
    (_, index) => `f${index + 1}`,
  );

  const byPath = await paths();
  const bySize = await paths("--sort", "size");
  const some = await paths("f11*");
  await cluster.query("UPDATE version SET version = version + 1");
  const newer = await r1!.relais("list");

  assertEquals(byPath, ["a.csv", ...expected].sort());
  assertEquals(bySize.filter((path) => path !== "a.csv"), expected);
  assertEquals(some, expected.filter((path) => path.startsWith("f11")).sort());
  assertEquals([newer.code, newer.stdout], [4, ""]);
  assertStringIncludes(newer.stderr, "a newer relais made them");
});

test("relais resolve ends a conflict on any node", async () => {
  await using cluster = await makeCluster({
    nodes: ["r1", "r2"],
    servers: ["production", "backup"],
    more: nimble,
  });
  const { world, nodes: [r1, r2] } = cluster;
  const date = new Date("2026-11-01T00:00:00Z");
  for (const server of [world.production, world.backup]) {
    world.write({ "a.csv": `of ${server.name}\n` }, server);
    Deno.utimeSync(`${server.data}/a.csv`, date, date);
    await world.publish(server);
  }
  const resolve = () =>
    r2!.relais("resolve", "a.csv", "--from", "backup", "--json");
  await r1!.pass();
  await world.production.sshd.stop();
  const conflicted = await r1!.pass();
  const why = await r2!.relais("why", "a.csv");

  await holdLease(cluster);
  const notYet = await resolve();
  await giveUpLease(cluster);
  const resolved = await resolve();
  const again = await resolve();

  assertEquals(conflicted.exit, 5);
  assertStringIncludes(why.stdout, "relais resolve a.csv --from");
  assertEquals([notYet.code, resolved.code, again.code], [1, 0, 5]);
  assertStringIncludes(notYet.stderr, "The node that leads");
  assertEquals(JSON.parse(resolved.stdout).here.server, "backup");
  assertEquals(treeOf(cluster.into)["a.csv"]!.text, "of backup\n");
});

test("relais verify finds what differs, and --repair has the node that leads fetch it", async () => {
  await using cluster = await makeCluster({ nodes: ["r1", "r2"] });
  const { world, nodes: [r1, r2] } = cluster;
  world.write({ "a.csv": "first\n", "b.csv": "second\n", "c.csv": "third\n" });
  await world.publish();
  const verify = async (...args: string[]) => {
    const { code, stdout } = await r2!.relais("verify", "--json", ...args);
    assertEquals(await faults("verify", stdout), []);
    const { findings, verified, extra, repaired } = JSON.parse(stdout);
    const paths = findings.map(({ path }: { path: string }) => path).sort();
    return { code, verified, findings: paths, extra, repaired };
  };
  const none = { findings: [], extra: [], repaired: [] };

  const early = await verify();
  await r1!.pass();
  await r2!.pass();
  const well = await verify();
  const why = await r2!.relais("why", "a.csv");
  flip(cluster, "a.csv");
  Deno.removeSync(`${cluster.into}/b.csv`);
  Deno.writeTextFileSync(`${cluster.into}/strange`, "");
  await holdLease(cluster);
  const tables = await tablesOf(cluster);
  const found = await verify();
  const untouched = await tablesOf(cluster);
  const asked = await verify("--repair");
  const wanted = await cluster.query("SELECT path FROM refetch ORDER BY path");
  await giveUpLease(cluster);
  const pass = await r1!.pass();
  const repaired = await verify();
  flip(cluster, "c.csv");
  const atOnce = await verify("--repair");

  assertEquals(early, { code: 0, verified: 0, ...none });
  assertEquals(well, { code: 0, verified: 3, ...none });
  assertMatch(why.stdout, /^It was verified /m);
  const damaged = {
    ...{ code: 1, verified: 3, findings: ["a.csv", "b.csv"] },
    ...{ extra: ["strange"], repaired: [] },
  };
  assertEquals([found, asked], [damaged, damaged]);
  assertEquals(untouched, tables);
  assertEquals(wanted, [{ path: "a.csv" }, { path: "b.csv" }]);
  assertEquals([pass.exit, pass.copied], [0, 2]);
  assertEquals(repaired, {
    ...{ code: 0, verified: 3, ...none },
    extra: ["strange"],
  });
  assertEquals([atOnce.code, atOnce.findings], [0, ["c.csv"]]);
  assertEquals(atOnce.repaired, ["c.csv"]);
});

test("where the directory is not mounted, verify and list --diff say so, and call no file missing", async () => {
  await using cluster = await makeCluster({ nodes: ["r1"] });
  const { world, into, nodes: [r1] } = cluster;
  world.write({ "a.csv": "1" });
  await world.publish();
  await r1!.pass();
  Deno.renameSync(into, `${into}-elsewhere`);
  Deno.mkdirSync(into);

  const verified = await r1!.relais("verify", "--repair");
  const compared = await r1!.relais("list", "--diff");
  Deno.removeSync(into, { recursive: true });
  Deno.renameSync(`${into}-elsewhere`, into);
  const asked = await cluster.query("SELECT path FROM refetch");

  assertEquals([verified.code, compared.code, asked], [4, 4, []]);
  for (const { stderr } of [verified, compared]) {
    assertStringIncludes(stderr, ".relais/cluster is missing");
  }
});

test("what a node is just putting in place is no finding of verify and list --diff", async () => {
  await using cluster = await makeCluster({ nodes: ["r1"] });
  const { world, into, nodes: [r1] } = cluster;
  world.write({ "a.csv": "1" });
  await world.publish();
  assertEquals((await r1!.pass()).exit, 0);
  Deno.writeTextFileSync(`${into}/a.csv`, "newer");
  Deno.writeTextFileSync(`${into}/b.csv`, "new");
  const outcomes = async () => [
    (await r1!.relais("verify")).code,
    (await r1!.relais("list", "--diff")).stdout,
  ];

  const [code, differences] = await outcomes();
  await cluster.query(
    `WITH granted AS (
       INSERT INTO claim (holder, server, until, behind)
       VALUES ('r9/1', 'production', clock_timestamp() + interval '1 hour', '{}')
       RETURNING id)
     INSERT INTO claimed (path, claim, seq, size)
     SELECT path, id, 1, 1 FROM granted, unnest('{a.csv,b.csv}'::text[]) AS path`,
  );
  const whileClaimed = await outcomes();

  assertEquals(code, 1);
  assertMatch(String(differences), /differs +a\.csv.*\nextra +b\.csv/);
  assertEquals(whileClaimed, [0, ""]);
});
