import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { dirname } from "@std/path/posix";
import {
  type Cluster,
  makeCluster,
  passUntilCopied,
} from "../../fixtures/cluster/world.ts";
import { ServedPage } from "../../fixtures/page.ts";
import { faults } from "../../fixtures/schemas.ts";
import { testWithPostgres as test } from "../../fixtures/postgres.ts";
import { until } from "../../fixtures/until.ts";
import { treeOf } from "../../fixtures/world.ts";
import { formatPrometheus } from "../../lib/stat/prometheus.ts";

/** Files that take a while over a narrow link. */
const narrow = { bytesPerSecond: 200_000 };

/** Long enough for a busy machine, and short enough to wait until it runs out. */
const lease = "10s";
const slow = Object.fromEntries(
  Array.from({ length: 30 }, (_, index) => [
    `${index}.csv`,
    `${index} `.repeat(20_000),
  ]),
);

/** Makes a cluster of two nodes, with files to copy that take a while. */
async function makeSlowCluster(): Promise<Cluster> {
  const nodes = ["r1", "r2"];
  const cluster = await makeCluster({ nodes, link: narrow, lease });
  cluster.world.write(slow);
  await cluster.world.publish();
  return cluster;
}

/** Waits until the first node has claimed files, and has begun to stage them. */
async function untilStaged(cluster: Cluster): Promise<void> {
  await until(() => cluster.staged.some((name) => name.startsWith("1/")));
}

function assertCopied({ into, world }: Cluster): void {
  assertEquals(treeOf(into), treeOf(world.production.root));
}

test("nodes copy an export together, and each goes on where the other has ended", async () => {
  await using cluster = await makeCluster({ nodes: ["r1", "r2"] });
  const { world, nodes: [r1, r2] } = cluster;
  world.write({ "a.csv": "1", "b/c.csv": "2" });
  await world.publish();

  const first = await r1!.pass();
  world.write({ "d.csv": "3" });
  await world.publish();
  const second = await r2!.pass();
  const third = await r1!.pass();

  assertEquals([first.exit, first.copied, first.errors], [0, 2, []]);
  assertEquals([second.exit, second.copied, second.seen], [0, 1, 1]);
  assertEquals([third.exit, third.copied, third.seen], [0, 0, 0]);
  assertCopied(cluster);
});

test("what one machine has kept becomes the replica of a cluster, and nothing is copied again", async () => {
  await using cluster = await makeCluster({ nodes: ["r1", "r2"] });
  const { world, nodes: [r1, r2] } = cluster;
  world.write({ "a.csv": "1", "b/c.csv": "2" });
  await world.publish();
  assertEquals((await world.pass()).copied, 2);
  const { inodes } = cluster;

  const first = await r1!.pass();
  world.write({ "a.csv": "changed" });
  await world.publish();
  const second = await r2!.pass();

  assertEquals([first.exit, first.copied, first.errors], [0, 0, []]);
  assertEquals([second.exit, second.copied, second.errors], [0, 1, []]);
  assertEquals(cluster.inodes["b/c.csv"], inodes["b/c.csv"]);
  assertCopied(cluster);
});

test("each node tells of all nodes, and of what is here", async () => {
  await using cluster = await makeCluster({ nodes: ["r1", "r2"] });
  const { world, nodes: [r1, r2] } = cluster;
  world.write({ "a.csv": "1", "b/c.csv": "22" });
  await world.publish();
  await r1!.pass();
  const { since } = JSON.parse((await r1!.relais("status", "--json")).stdout);
  world.write({ "d.csv": "3" });
  await world.publish();
  await r2!.pass();

  const { code, stdout } = await r2!.relais("status", "--json");
  const { healthy, here, bytes, pending, ...rest } = JSON.parse(stdout);
  const [server] = rest.servers;
  const text = (await r2!.relais("status")).stdout;
  const figures = (await r2!.relais("stat", "--json")).stdout;

  assertEquals(await faults("status", stdout), []);
  assertEquals([code, healthy, here, bytes, pending], [0, true, 3, 4, 0]);
  assertEquals([rest.active, rest.since], ["production", since]);
  assertEquals([server.active, server.list.read], [true, server.list.size]);
  assertEquals(
    rest.cluster.nodes.map((
      { name, claims, copied, bytes }: Record<string, unknown>,
    ) => [name, claims, copied, bytes]),
    [["r1", 0, 2, 3], ["r2", 0, 1, 1]],
  );
  assertMatch(text, /^Nodes of stock, term 2$/m);
  assertMatch(text, /^ +r2 +leads .* ago +0 +1 +1 B +[\d.]+$/m);
  assertEquals(await faults("stat", figures), []);
  const snapshot = JSON.parse(figures);
  assertEquals(snapshot.modules.stat.replica_files, 3);
  const metrics = formatPrometheus(snapshot);
  assertMatch(metrics, /^relais_cluster_leader 1$/m);
  assertMatch(metrics, /^relais_cluster_nodes 2$/m);
  assertMatch(metrics, /^relais_cluster_term 2$/m);
  assertMatch(metrics, /^relais_cluster_claims 0$/m);
  assertMatch(metrics, /^relais_cluster_seen_timestamp_seconds \d+/m);
});

test("the page of a node shows all nodes, and who leads", async () => {
  await using cluster = await makeCluster({ nodes: ["r1", "r2"] });
  const { world, nodes: [r1, r2] } = cluster;
  world.write({ "a.csv": "1", "b/c.csv": "22" });
  await world.publish();
  assertEquals((await r1!.pass()).exit, 0);
  assertEquals((await r2!.pass()).exit, 0);
  await using page = await ServedPage.serve(dirname(r2!.config));

  const text = (await (await fetch(page.url)).text()).replaceAll(/\s+/g, " ");
  const metrics = await (await fetch(`${page.url}metrics`)).text();

  assertStringIncludes(text, "Nodes of stock, term 2");
  const cells = (row: string) =>
    row.replaceAll(/<[^>]+>/g, " ").trim().split(/ +/);
  const rows = Array.from(
    /id="nodes".*?<\/section>/.exec(text)![0].matchAll(/<tr>(.*?)<\/tr>/g),
    ([, row]) => cells(row!),
  ).slice(1);
  assertEquals(
    rows.map((row) => [row[0], row.includes("leads"), ...row.slice(-5, -1)]),
    [
      ["r1", false, "0", "2", "3", "B"],
      ["r2", true, "0", "0", "0", "B"],
    ],
  );
  assertMatch(metrics, /^relais_cluster_leader 1$/m);
});

test("a node that does not lead tells of what the others have read and copied", async () => {
  await using cluster = await makeSlowCluster();
  const { nodes: [r1, r2] } = cluster;
  const leading = r1!.start("--once");
  await untilStaged(cluster);

  const { exit } = await r2!.pass();
  const { active, servers, cluster: seen } = JSON.parse(
    (await r2!.relais("status", "--json")).stdout,
  );
  cluster.link.hurry();
  await leading.status;

  const [{ list }] = servers;
  assertEquals([exit, active, servers[0].active], [0, "production", true]);
  assertEquals(list.read, list.size);
  assertEquals(
    seen.nodes.map(({ name }: { name: string }) => name),
    ["r1", "r2"],
  );
});

test("what a node has begun that was killed, another one ends", async () => {
  await using cluster = await makeSlowCluster();
  const { nodes: [r1, r2] } = cluster;
  const killed = r1!.start("--once");
  await untilStaged(cluster);

  killed.kill("SIGKILL");
  await killed.status;
  cluster.link.hurry();
  await passUntilCopied(r2!, cluster);

  assertEquals(cluster.staged, []);
});

test("a node that stood still changes nothing any more that others have done meanwhile", async () => {
  await using cluster = await makeSlowCluster();
  const { nodes: [r1, r2] } = cluster;
  const stopped = r1!.start("--once");
  await untilStaged(cluster);

  stopped.kill("SIGSTOP");
  cluster.link.hurry();
  await passUntilCopied(r2!, cluster);
  const { inodes } = cluster;
  stopped.kill("SIGCONT");
  await stopped.status;
  const afterwards = await r2!.pass();

  assertEquals([afterwards.exit, afterwards.copied], [0, 0]);
  assertEquals(cluster.inodes, inodes);
  assertCopied(cluster);
  assertEquals(cluster.staged, []);
});

test("a node reaches its database by a socket", async () => {
  await using cluster = await makeCluster({ nodes: ["r1"] });
  const { world, postgres, nodes: [r1] } = cluster;
  r1!.reconfigure((text) =>
    text.replace(postgres.url, postgres.socketUrl)
      .replace(/^ca = .*$/m, "")
  );
  world.write({ "a.csv": "1" });
  await world.publish();

  const { exit, errors } = await r1!.pass();

  assertEquals([exit, errors], [0, []]);
  assertCopied(cluster);
});

test("the smallest files come first, if the configuration says so", async () => {
  await using cluster = await makeCluster({
    nodes: ["r1"],
    more: `[copy]\norder = "smallest"\nparallel = 1`,
  });
  const { world, nodes: [r1] } = cluster;
  world.write({ "a.csv": "333", "b.csv": "1", "c.csv": "4444", "d.csv": "22" });
  await world.publish();

  const { exit, errors } = await r1!.pass();

  assertEquals([exit, errors], [0, []]);
  const fetched = Deno.readTextFileSync(r1!.log).matchAll(/fetched (\S+)/g);
  assertEquals([...fetched].map(([, path]) => path), [
    ...["b.csv", "d.csv", "a.csv", "c.csv"],
  ]);
  assertCopied(cluster);
});

test("a file that fails is told of, waits for the next pass, and comes then", async () => {
  await using cluster = await makeCluster({
    nodes: ["r1", "r2"],
    more: "[copy]\nretries = 0",
  });
  const { world, nodes: [r1, r2] } = cluster;
  world.write({ "a.csv": "1", "b.csv": "2" });
  await world.publish();
  const missing = `${world.production.root}/b.csv`;
  Deno.renameSync(missing, `${missing}.away`);

  const first = await r1!.pass();
  const { failed, pending, failing } = JSON.parse(
    (await r1!.relais("status", "--json")).stdout,
  );
  Deno.renameSync(`${missing}.away`, missing);
  const second = await r2!.pass();

  assertEquals([first.exit, first.copied], [1, 1]);
  assertEquals(first.failed.map(({ path }) => path), ["b.csv"]);
  assertEquals([failed, pending], [1, 1]);
  assertEquals(failing.map(({ path }: { path: string }) => path), ["b.csv"]);
  assertEquals([second.exit, second.copied, second.failed], [0, 1, []]);
  assertCopied(cluster);
});

test("relais check says whether database and directory are those of the cluster", async () => {
  await using cluster = await makeCluster({ nodes: ["r1"] });
  const { world, into, nodes: [r1] } = cluster;
  world.write({ "a.csv": "1" });
  await world.publish();
  const check = async () => {
    const { stdout } = await r1!.relais("check");
    const lines = stdout.replaceAll(/ +/g, " ").split("\n");
    return lines.filter((line) => / (database|tables|cluster): /.test(line))
      .join("\n");
  };

  const before = await check();
  await r1!.pass();
  const after = await check();
  const noted = Deno.readTextFileSync(`${into}/.relais/cluster`);
  const note = (text: string) =>
    Deno.writeTextFileSync(`${into}/.relais/cluster`, text);
  note(`${crypto.randomUUID()}\n1\n`);
  const another = await check();
  note(noted.replace(/\d+\n$/, "1000\n"));
  const earlier = await check();
  Deno.removeSync(`${into}/.relais/cluster`);
  const unmounted = await check();
  note(noted);
  await cluster.query("UPDATE version SET version = version + 1");
  const newer = await check();
  await cluster.postgres.stop();
  const down = await check();

  assertMatch(
    before,
    /^ok database: .*PostgreSQL \d+.*\nok tables: the first pass makes them/,
  );
  assertMatch(after, /^(.*\n)+ok cluster: .* of stock$/);
  assertMatch(another, /^(.*\n)+FAILED cluster: .*another cluster/);
  assertMatch(earlier, /^(.*\n)+FAILED cluster: .*an earlier state of it was/);
  assertMatch(unmounted, /^(.*\n)+FAILED cluster: .*cluster is missing/);
  assertMatch(
    newer,
    /^ok database: .*\nFAILED tables: a newer relais made those .*; install the same version on all nodes$/,
  );
  assertMatch(down, /^FAILED cluster: Cannot use the database/);
});

test("nothing is written where database and directory do not belong together", async () => {
  await using cluster = await makeCluster({ nodes: ["r1"] });
  const { world, into, nodes: [r1] } = cluster;
  const noted = `${into}/.relais/cluster`;
  world.write({ "a.csv": "1" });
  await world.publish();
  assertEquals((await r1!.pass()).exit, 0);
  world.write({ "b.csv": "2" });
  await world.publish();

  const known = Deno.readTextFileSync(noted);
  Deno.renameSync(into, `${into}-elsewhere`);
  const unmounted = await r1!.pass();
  Deno.removeSync(into, { recursive: true });
  Deno.renameSync(`${into}-elsewhere`, into);
  Deno.writeTextFileSync(noted, known.replace(/^\S+/, crypto.randomUUID()));
  const another = await r1!.pass();
  Deno.writeTextFileSync(noted, known.replace(/\d+\n$/, "1000\n"));
  const restored = await r1!.pass();
  const before = Object.keys(treeOf(into));
  Deno.writeTextFileSync(noted, known);
  const well = await r1!.pass();

  assertEquals(
    [unmounted, another, restored].map(({ exit }) => exit),
    [4, 4, 4],
  );
  assertStringIncludes(unmounted.errors.join(), ".relais/cluster is missing");
  assertStringIncludes(another.errors.join(), "belongs to another cluster");
  assertStringIncludes(restored.errors.join(), "an earlier state of it was");
  assertEquals(before, ["a.csv"]);
  assertEquals([well.exit, well.copied], [0, 1]);
});

test("without the database a pass ends with exit 4, and the next one goes on", async () => {
  await using cluster = await makeCluster({
    nodes: ["r1"],
    link: narrow,
    lease,
  });
  const { world, postgres, nodes: [r1] } = cluster;
  world.write(slow);
  await world.publish();

  await postgres.stop();
  const atStart = await r1!.pass();
  await postgres.start();
  const cut = r1!.relais("--once", "--json");
  await untilStaged(cluster);
  await postgres.stop("SIGQUIT");
  cluster.link.hurry();
  const inTheMiddle = await cut;
  await postgres.start();
  await passUntilCopied(r1!, cluster);

  assertEquals(atStart.exit, 4);
  assertStringIncludes(atStart.errors.join(), "Cannot use the database");
  assertEquals(inTheMiddle.code, 4);
});
