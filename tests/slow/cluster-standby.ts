/**
 * The database of a cluster breaks down, and its standby is promoted: one that has all
 * that was committed, and one that lags behind.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { makeStandby, type Standby } from "../../fixtures/cluster/standby.ts";
import {
  type Cluster,
  type ClusterOptions,
  makeCluster,
  passUntilCopied,
} from "../../fixtures/cluster/world.ts";
import { until } from "../../fixtures/until.ts";
import { treeOf } from "../../fixtures/world.ts";

/** Files that take a while over a narrow link. */
const narrow = { bytesPerSecond: 200_000 };

/** Has the server publish a version of many files. */
async function change({ world }: Cluster, version: string): Promise<void> {
  const files = Array.from(
    { length: 30 },
    (_, index) => [`${index}.csv`, `${version} ${index} `.repeat(6_000)],
  );
  world.write(Object.fromEntries(files));
  await world.publish();
}

/** A cluster, and a standby that may lag behind. */
interface Lagging extends AsyncDisposable {
  readonly cluster: Cluster;
  readonly standby: Standby;
}

/** Makes a cluster that has copied a file in its first pass. */
async function makeLagging(options: ClusterOptions): Promise<Lagging> {
  await using stack = new AsyncDisposableStack();
  const cluster = stack.use(await makeCluster(options));
  const standby = stack.use(
    await makeStandby(cluster, { isSynchronous: false }),
  );
  cluster.world.write({ "first.csv": "1" });
  await cluster.world.publish();
  assertEquals((await cluster.nodes[0]!.pass()).exit, 0);
  const whole = stack.move();
  return {
    cluster,
    standby,
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  };
}

/** Runs the second pass, of which the standby gets nothing but that it is open: then claiming begins. */
async function fallBehindInPass<Started>(
  { cluster, standby }: Lagging,
  start: () => Started,
): Promise<Awaited<Started>> {
  await cluster.query(`
    CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END $$;
    CREATE TRIGGER wait BEFORE INSERT ON claim
      FOR EACH ROW EXECUTE FUNCTION stock.wait();`);
  const sql = cluster.postgres.connect();
  await sql`SELECT pg_advisory_lock(1)`;
  const started = start();
  await until(async () => {
    const open = await cluster.query(
      "SELECT 1 FROM current_pass WHERE open AND number = 2",
    );
    return open.length > 0;
  });
  await standby.fallBehind();
  await sql.end();
  return await started;
}

Deno.test("nodes go on with a standby that has all that was committed, and place nothing twice", async () => {
  await using cluster = await makeCluster({
    nodes: ["r1", "r2"],
    link: narrow,
    lease: "10s",
    more: `[schedule]\nevery = "2s"`,
  });
  await using standby = await makeStandby(cluster, { isSynchronous: true });
  await change(cluster, "first");
  for (const node of cluster.nodes) node.start();
  await until(() => Object.keys(treeOf(cluster.into)).length > 4);

  const before = cluster.inodes;
  await standby.takeOver();
  cluster.link.hurry();
  await until(() => cluster.isCopied);
  const after = cluster.inodes;
  await change(cluster, "second");
  await until(() => cluster.isCopied);

  const kept = Object.keys(before).map((path) => [path, after[path]]);
  assertEquals(Object.fromEntries(kept), before);
  const [counted] = await cluster.query<{ copied: number }>(
    "SELECT sum(copied)::integer AS copied FROM node",
    standby.server,
  );
  // What was in place and not yet committed is not copied, but recognised.
  assert(counted!.copied <= 60);
});

Deno.test("what a standby does not know of a pass is recognised in place", async () => {
  await using lagging = await makeLagging({ nodes: ["r1"] });
  const { cluster, standby } = lagging;
  const { nodes: [r1] } = cluster;
  await change(cluster, "second");

  const first = await fallBehindInPass(lagging, () => r1!.pass());
  const { inodes } = cluster;
  await standby.takeOver();
  const second = await r1!.pass();
  const [left] = await cluster.query<{ wanted: number }>(
    "SELECT count(*)::integer AS wanted FROM entry WHERE standing = 'wanted'",
    standby.server,
  );

  assertEquals([first.exit, first.copied], [0, 30], first.errors.join());
  assertEquals([second.exit, second.copied], [0, 0], second.errors.join());
  assertEquals(left, { wanted: 0 });
  assertEquals(cluster.inodes, inodes);
});

Deno.test("a node whose claim a standby does not know places nothing over what is newer", async () => {
  await using lagging = await makeLagging({
    nodes: ["r1", "r2"],
    link: narrow,
  });
  const { cluster, standby } = lagging;
  const { nodes: [r1, r2] } = cluster;
  await change(cluster, "second");
  const stopped = await fallBehindInPass(lagging, () => r1!.start("--once"));
  await until(() => cluster.staged.length > 0);

  stopped.kill("SIGSTOP");
  await standby.takeOver();
  cluster.link.hurry();
  // What the standby knows of the lease ran out long ago.
  await cluster.query(
    "UPDATE lease SET until = clock_timestamp()",
    standby.server,
  );
  await change(cluster, "third");
  await passUntilCopied(r2!, cluster);
  const { inodes } = cluster;
  stopped.kill("SIGCONT");
  await stopped.status;
  const afterwards = await r2!.pass();

  assertEquals([afterwards.exit, afterwards.copied], [0, 0]);
  assertEquals(cluster.inodes, inodes);
  assertEquals(cluster.isCopied, true);
  assertEquals(cluster.staged, []);
});

Deno.test("a standby that knows fewer passes is refused, in the middle of a pass, too", async () => {
  await using lagging = await makeLagging({
    nodes: ["r1"],
    link: narrow,
    lease: "30s",
  });
  const { cluster, standby } = lagging;
  const { nodes: [r1], world, into } = cluster;
  world.write({ "a.csv": "older" });
  await world.publish();
  const second = await fallBehindInPass(lagging, () => r1!.pass());
  assertEquals([second.exit, second.copied], [0, 1]);
  world.write({ "a.csv": "newer", "large.csv": "x".repeat(8_000_000) });
  await world.publish();

  let hasEnded = false;
  const running = r1!.pass().finally(() => hasEnded = true);
  const here = () => Deno.readTextFileSync(`${into}/a.csv`);
  await until(async () => {
    if (here() !== "newer") return false;
    const committed = await cluster.query(
      "SELECT 1 FROM entry WHERE path = 'a.csv' AND standing = 'here'",
    );
    return committed.length > 0;
  });
  await standby.takeOver();
  // The node hears that its claim is gone, and looks for another one.
  await until(async () => hasEnded || await hasAskedForTime(standby));
  cluster.link.hurry();
  const inTheMiddle = await running;
  const later = await r1!.pass();
  const meanwhile = here();
  // As the message says.
  await cluster.query("DROP SCHEMA stock CASCADE", standby.server);
  Deno.removeSync(`${into}/.relais/cluster`);
  const { ino } = Deno.lstatSync(`${into}/a.csv`);
  const again = await r1!.pass();

  for (const { exit, errors } of [inTheMiddle, later]) {
    assertEquals(exit, 4);
    assertStringIncludes(errors.join(), "an earlier state of it was");
  }
  assertEquals(meanwhile, "newer");
  assertEquals([again.exit, again.errors], [0, []]);
  assertEquals(cluster.isCopied, true);
  assertEquals(Deno.lstatSync(`${into}/a.csv`).ino, ino);
});

/** Tells whether a node has asked the new primary for more time for its claim. */
async function hasAskedForTime({ server }: Standby): Promise<boolean> {
  const asked = await server.ask(
    "SELECT 1 FROM pg_stat_activity WHERE state = 'idle' AND query LIKE '%UPDATE claim SET until%'",
  );
  return asked.length > 0;
}
