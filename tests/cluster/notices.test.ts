import { assertEquals, assertGreater } from "@std/assert";
import {
  leaderOf,
  linesOf,
  makeTellingCluster,
} from "../../fixtures/cluster/told.ts";
import {
  type Cluster,
  type ClusterMember,
  makeCluster,
} from "../../fixtures/cluster/world.ts";
import { faults } from "../../fixtures/schemas.ts";
import { testWithPostgres as test } from "../../fixtures/postgres.ts";
import { exists } from "../../fixtures/exists.ts";
import { until } from "../../fixtures/until.ts";
import { nimble } from "../../fixtures/world.ts";

/** Long enough for a busy machine, and short enough to wait until it runs out. */
const lease = "10s";

/** Says of each notice what it is about, and which node told it. */
function noticesOf(cluster: Cluster): string[] {
  return linesOf(cluster).map((line) => {
    const { event, condition, node } = JSON.parse(line);
    return `${event} ${condition} by ${node}`;
  });
}

/** Has each node run a pass, one after the other. */
async function passOnAll(nodes: readonly ClusterMember[]): Promise<number[]> {
  const exits: number[] = [];
  for (const node of nodes) exits.push((await node.pass()).exit);
  return exits;
}

/** Leaves out who told it. */
function about(notices: readonly string[]): string[] {
  return notices.map((notice) => notice.replace(/ by .*/, "")).sort();
}

test("what concerns all nodes is told by one of them, once", async () => {
  await using cluster = await makeTellingCluster({
    servers: ["production", "backup"],
    more: nimble,
  });
  const { world, nodes } = cluster;
  world.write({ "a.csv": "1" });
  world.write({ "a.csv": "1" }, world.backup);
  await world.publish();
  await world.publish(world.backup);

  assertEquals(await passOnAll(nodes), [0, 0, 0]);
  const atFirst = noticesOf(cluster);
  await world.production.sshd.stop();
  assertEquals(await passOnAll(nodes), [0, 0, 0]);
  const failover = noticesOf(cluster);
  await world.backup.sshd.stop();
  assertEquals(await passOnAll(nodes), [3, 3, 3]);
  const error = noticesOf(cluster).slice(failover.length);
  await world.production.sshd.start();
  assertEquals(await passOnAll(nodes), [0, 0, 0]);
  const over = noticesOf(cluster).slice(failover.length + error.length);

  assertEquals(atFirst, []);
  assertEquals(failover, ["failover server:backup by r1"]);
  assertEquals(error, ["error exit:3 by r1"]);
  assertEquals(about(over), ["failback server:backup", "recovered exit:3"]);
});

test("a node without the database tells of itself, and when it is there again", async () => {
  await using cluster = await makeTellingCluster({ nodes: ["r1", "r2"] });
  const { world, postgres, nodes } = cluster;
  world.write({ "a.csv": "1" });
  await world.publish();
  await passOnAll(nodes);

  await postgres.stop();
  const down = await passOnAll([nodes[1]!, nodes[1]!]);
  await postgres.start();
  const up = await passOnAll([...nodes, ...nodes]);

  assertEquals([down, up], [[4, 4], [0, 0, 0, 0]]);
  assertEquals(noticesOf(cluster), [
    "error exit:4 by r2",
    "recovered exit:4 by r2",
  ]);
});

test("a leader that was killed is told of once, and again when it is back; one that gave up the lead is not", async () => {
  await using cluster = await makeTellingCluster({
    ...{ nodes: ["r1", "r2", "r3"], lease, link: { bytesPerSecond: 100_000 } },
  });
  const { world, nodes: [r1, r2, r3] } = cluster;
  world.write({ "a.csv": "a ".repeat(500_000) });
  await world.publish();
  const killed = r1!.start("--once");
  await until(async () => await leaderOf(cluster) === "r1");
  await until(() => stagedIn(cluster) > 0);

  killed.kill("SIGKILL");
  await killed.status;
  cluster.link.hurry();
  const passes = async (...nodes: ClusterMember[]) => {
    for (const node of nodes) {
      const { exit, errors } = await node.pass();
      assertEquals([exit, errors], [0, []]);
    }
  };
  await until(async () => {
    await passes(r2!);
    return linesOf(cluster).length > 0;
  });
  await passes(r3!, r2!, r3!);
  const lost = linesOf(cluster).map((line) => JSON.parse(line));
  await passes(r1!, r2!, r3!, r1!);
  const all = linesOf(cluster);

  assertEquals(
    lost.map(({ event, condition, node, former }) => [
      ...[event, condition, node, former],
    ]),
    [["leader", "leader:r1", "r2", "r1"]],
  );
  assertGreater(lost[0].term, 1);
  assertEquals(about(noticesOf(cluster)), [
    "leader leader:r1",
    "recovered leader:r1",
  ]);
  for (const line of all) assertEquals(await faults("notice", line), [], line);
});

test("a leader that is started again is no other one", async () => {
  await using cluster = await makeTellingCluster({
    ...{ nodes: ["r1", "r2"], lease, link: { bytesPerSecond: 100_000 } },
  });
  const { world, nodes: [r1, r2] } = cluster;
  world.write({ "a.csv": "a ".repeat(500_000) });
  await world.publish();
  const killed = r1!.start("--once");
  await until(() => stagedIn(cluster) > 0);

  killed.kill("SIGKILL");
  await killed.status;
  cluster.link.hurry();
  await until(async () => {
    assertEquals((await r1!.pass()).exit, 0);
    return cluster.isCopied && await termOf(cluster) > 1;
  });
  await passOnAll([r2!, r1!]);

  assertEquals(noticesOf(cluster), []);
});

/** Has the hooks of all nodes note which files are new; returns what was noted. */
function noteNew({ world, nodes }: Cluster): () => string[] {
  const file = `${world.directory}/new`;
  Deno.writeTextFileSync(file, "");
  for (const { name, config } of nodes) {
    const hook = `{ printf "${name}: "; tr "\\0" " "; echo; } >> ${file}`;
    Deno.writeTextFileSync(
      config,
      `\n[hooks]\non_new = ["sh", "-c", '''${hook}''']\n`,
      { append: true },
    );
  }
  return () =>
    Deno.readTextFileSync(file).split("\n").slice(0, -1)
      .map((line) => line.trimEnd());
}

test("the node that leads tells of new files, once, whichever node has copied them", async () => {
  await using cluster = await makeCluster({ nodes: ["r1", "r2"], lease });
  const { world, nodes: [r1, r2] } = cluster;
  const noted = noteNew(cluster);
  world.write({ "a.csv": "1", "b.csv": "2" });
  await world.publish();
  assertEquals(await passOnAll([r1!, r2!]), [0, 0]);
  world.write({ "a.csv": "changed" });
  await world.publish();
  assertEquals(await passOnAll([r2!, r1!]), [0, 0]);

  assertEquals(noted(), ["r1: a.csv b.csv", "r2: a.csv"]);
});

for (const role of ["leads", "helps"] as const) {
  test(`a node that ${role} and takes over what another has put in place has it told`, async () => {
    await using cluster = await makeCluster({ nodes: ["r1", "r2"], lease });
    const { world, nodes: [r1, r2], postgres } = cluster;
    const noted = noteNew(cluster);
    world.write({ "a.csv": "1", "b.csv": "2" });
    await world.publish();
    // It may not commit; before that, it only reads these rows.
    const sql = postgres.connect();
    await r2!.pass();
    world.write({ "a.csv": "changed", "c.csv": "3" });
    await world.publish();
    await sql.begin(async (session) => {
      await session`LOCK TABLE stock.copy IN SHARE MODE`;
      const killed = r1!.start("--once");
      await until(() => exists(`${cluster.into}/c.csv`));
      killed.kill("SIGKILL");
      await killed.status;
    });
    await sql.end();
    await cluster.query("UPDATE claim SET until = clock_timestamp()");
    const now = "UPDATE lease SET until = clock_timestamp()";
    await cluster.query(role === "leads" ? now : `${now} + interval '1 hour'`);
    const first = await r2!.pass();
    await cluster.query(now);
    const second = await r2!.pass();

    assertEquals([first.exit, second.exit], [0, 0]);
    assertEquals(noted(), ["r2: a.csv b.csv", "r2: a.csv c.csv"]);
  });
}

async function termOf(cluster: Cluster): Promise<number> {
  const [row] = await cluster.query<{ term: string }>("SELECT term FROM lease");
  return Number(row!.term);
}

/** Number of files that are being fetched. */
function stagedIn({ into }: Cluster): number {
  try {
    const staging = `${into}/.relais/staging`;
    return [...Deno.readDirSync(staging)].flatMap(({ name }) => [
      ...Deno.readDirSync(`${staging}/${name}`),
    ]).length;
  } catch {
    return 0;
  }
}
