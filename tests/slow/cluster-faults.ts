import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { delay } from "@std/async/delay";
import { run } from "../../build/run.ts";
import {
  type Cluster,
  ClusterMember,
  makeCluster,
} from "../../fixtures/cluster/world.ts";
import { canTurnClock, clockAhead } from "../../fixtures/clock.ts";
import { until } from "../../fixtures/until.ts";
import { treeOf } from "../../fixtures/world.ts";
import { schemaVersion } from "../../lib/cluster/schema.ts";

/** Two nodes that pass one after the other until they are ended. */
const looping = {
  nodes: ["r1", "r2"],
  more: `[schedule]\nevery = "2s"`,
  lease: "5s",
};

async function publish(cluster: Cluster, text: string): Promise<void> {
  cluster.world.write({ "a.csv": text, [`${text}.csv`]: text });
  await cluster.world.publish();
}

async function end(...running: Deno.ChildProcess[]): Promise<void> {
  for (const process of running) process.kill("SIGTERM");
  await Promise.all(running.map(({ status }) => status));
}

Deno.test("nodes go on when the database comes back after more than a lease", async () => {
  await using cluster = await makeCluster(looping);
  await publish(cluster, "first");
  const running = cluster.nodes.map((node) => node.start());
  await until(() => cluster.isCopied);

  await cluster.postgres.stop("SIGQUIT");
  await publish(cluster, "second");
  await delay(12_000);
  const meanwhile = treeOf(cluster.into);
  await cluster.postgres.start();
  await until(() => cluster.isCopied);
  await end(...running);

  assertEquals(Object.keys(meanwhile).sort(), ["a.csv", "first.csv"]);
});

Deno.test("a node that reaches no server leaves it to another one to lead", async () => {
  await using cluster = await makeCluster(looping);
  const { nodes: [r1, r2], world } = cluster;
  const { port } = world.production.sshd;
  r1!.reconfigure((text) => text.replace(`port = ${port}`, "port = 1"));
  await publish(cluster, "first");

  const lonely = r1!.start();
  await until(async () =>
    (await cluster.query(
      "SELECT 1 FROM pg_tables WHERE tablename = 'lease' AND EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = 'stock')",
    )).length > 0
  );
  const other = r2!.start();
  await until(() => cluster.isCopied);
  const isLeft = await leads(cluster, "r2");
  await end(lonely, other);

  assertEquals(isLeft, true);
});

Deno.test("a node that does not see the directory leaves it to another one to lead", async () => {
  await using cluster = await makeCluster(looping);
  const { nodes: [r1, r2], into } = cluster;
  await publish(cluster, "first");
  assertEquals((await r2!.pass()).exit, 0);
  Deno.mkdirSync(`${into}-elsewhere`);
  r1!.reconfigure((text) =>
    text.replace(`into = "${into}"`, `into = "${into}-elsewhere"`)
  );
  await publish(cluster, "second");

  const unmounted = r1!.start();
  await until(() => leads(cluster, "r1"));
  const other = r2!.start();
  await until(() => cluster.isCopied);
  await end(unmounted, other);

  assertEquals(treeOf(`${into}-elsewhere`), {});
});

/** Tells whether a node has held the lease last. */
async function leads(cluster: Cluster, name: string): Promise<boolean> {
  const [lease] = await cluster.query<{ holder: string }>(
    "SELECT holder FROM lease",
  );
  return lease!.holder.split("/")[0] === name;
}

Deno.test("an earlier state of the database is refused, however often it is tried", async () => {
  await using cluster = await makeCluster({ nodes: ["r1"] });
  const { nodes: [r1], postgres } = cluster;
  const data = `${postgres.directory}/data`;
  const pass = async () => {
    const { exit, errors } = await r1!.pass();
    assertEquals([exit, errors], [0, []]);
  };
  await publish(cluster, "first");
  await pass();
  await postgres.stop();
  await run("cp", ["-a", data, `${data}-before`]);
  await postgres.start();
  // One pass is enough to be missed.
  await publish(cluster, "second");
  await pass();
  await publish(cluster, "third");

  await postgres.stop();
  Deno.removeSync(data, { recursive: true });
  Deno.renameSync(`${data}-before`, data);
  await postgres.start();
  const reports = [];
  for (let time = 0; time < 4; time++) reports.push(await r1!.pass());

  for (const { exit, copied, errors } of reports) {
    assertEquals([exit, copied], [4, 0], errors.join());
    assertStringIncludes(errors.join(), "was restored");
  }
  assertEquals(treeOf(cluster.into)["third.csv"], undefined);
});

Deno.test("nodes that run make everything again when their tables and their mark were removed on purpose", async () => {
  await using cluster = await makeCluster(looping);
  const { nodes, into } = cluster;
  await publish(cluster, "first");
  const running = nodes.map((node) => node.start());
  await until(() => cluster.isCopied);
  const { inodes } = cluster;

  // Whoever drops what nodes work with may have to try again.
  await until(() =>
    cluster.query("DROP SCHEMA stock CASCADE").then(() => true, () => false)
  );
  Deno.removeSync(`${into}/.relais/cluster`);
  await publish(cluster, "second");
  await until(() => cluster.isCopied);
  await end(...running);

  assertEquals(cluster.inodes["first.csv"], inodes["first.csv"]);
});

Deno.test("two clusters of one name in one database do not mix", async () => {
  await using cluster = await makeCluster({ nodes: ["r1"] });
  const { nodes: [r1], world, postgres, into } = cluster;
  await publish(cluster, "first");
  await r1!.pass();
  const other = new ClusterMember(world, postgres, "other", "1m");
  other.reconfigure((text) => text.replace(into, `${into}-other`));
  await publish(cluster, "second");

  const { exit, errors } = await other.pass();

  assertEquals(exit, 4);
  assertStringIncludes(errors.join(), "it is not the directory that the nodes");
  assertEquals(treeOf(`${into}-other`), {});
});

const hour = 3_600;

Deno.test({
  name:
    "nodes whose clocks are an hour off copy together, and one of them leads",
  ignore: !canTurnClock,
  async fn() {
    await using cluster = await makeCluster({
      ...looping,
      lease: "15s",
      runs: {
        r1: { env: clockAhead(hour) },
        r2: { env: clockAhead(-hour) },
      },
    });
    const { nodes, postgres } = cluster;
    for (const node of nodes) {
      // An hour ago, the certificate of the database was not valid yet.
      node.reconfigure((text) =>
        text.replace(postgres.url, postgres.socketUrl)
          .replace(/^ca = .*$/m, "")
      );
    }
    const lease = async () => {
      const [row] = await cluster.query<
        { holder: string; term: number; until: number }
      >(
        `SELECT holder, term::integer,
           extract(epoch FROM until)::double precision AS until FROM lease`,
      );
      return row!;
    };
    await publish(cluster, "first");
    const running = new Map(nodes.map((node) => [node.name, node.start()]));
    await until(() => cluster.isCopied);

    const before = await lease();
    await until(async () => (await lease()).until > before.until + 15);
    const later = await lease();
    await publish(cluster, "second");
    await until(() => cluster.isCopied);
    const [leader] = before.holder.split("/") as [string];
    running.get(leader)!.kill("SIGKILL");
    await publish(cluster, "third");
    await until(() => cluster.isCopied);
    const afterwards = await lease();
    running.delete(leader);
    await end(...running.values());
    const reports = [];
    for (const node of nodes) reports.push(await node.pass());
    const checks = [];
    for (const node of nodes) {
      checks.push((await node.relais("check")).stdout);
    }

    assertEquals(later.term, before.term);
    assert(afterwards.term > before.term);
    for (const { exit, copied, errors } of reports) {
      assertEquals([exit, copied, errors], [0, 0, []]);
    }
    for (const told of checks) {
      assertMatch(
        told,
        /^warning +clock: it differs by (59 min|1 h).* from that of the database; set it by NTP/m,
      );
    }
  },
});

Deno.test("nodes bring tables of an earlier version up to date, and leave those of a later one alone", async () => {
  await using cluster = await makeCluster(looping);
  const { nodes: [r1, r2] } = cluster;
  await cluster.query("CREATE SCHEMA stock");
  await cluster.query(
    "CREATE TABLE version (single boolean PRIMARY KEY, version integer NOT NULL)",
  );
  await cluster.query("INSERT INTO version VALUES (true, 0)");
  await publish(cluster, "first");
  const running = [r1!.start(), r2!.start()];
  await until(() => cluster.isCopied);
  const migrated = await cluster.query("SELECT version FROM version");
  await end(running[1]!);

  // As a later relais does when it starts, while this one runs.
  await cluster.query("UPDATE version SET version = version + 1");
  await publish(cluster, "second");
  const { exit, errors } = await r2!.pass();
  await until(() =>
    Deno.readTextFileSync(r1!.log).includes("a newer relais made them")
  );
  const meanwhile = Object.keys(treeOf(cluster.into));
  // As if the nodes were brought up to date.
  await cluster.query("UPDATE version SET version = version - 1");
  await until(() => cluster.isCopied);
  await end(running[0]!);

  assertEquals(migrated, [{ version: schemaVersion }]);
  assertEquals(exit, 4);
  assertStringIncludes(errors.join(), "a newer relais made them");
  assertStringIncludes(errors.join(), "install the same version of relais");
  assertEquals(meanwhile.includes("second.csv"), false);
});
