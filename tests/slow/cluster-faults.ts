import { assertEquals, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { run } from "../../build/run.ts";
import {
  type Cluster,
  ClusterMember,
  makeCluster,
} from "../../fixtures/cluster/world.ts";
import { until } from "../../fixtures/until.ts";
import { treeOf } from "../../fixtures/world.ts";

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
  const config = Deno.readTextFileSync(r1!.config);
  const { port } = world.production.sshd;
  Deno.writeTextFileSync(
    r1!.config,
    config.replace(`port = ${port}`, "port = 1"),
  );
  await publish(cluster, "first");

  const lonely = r1!.start();
  await until(async () =>
    (await cluster.query(
      "SELECT 1 FROM pg_tables WHERE tablename = 'lease' AND EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = 'stock')",
    )).length > 0
  );
  const other = r2!.start();
  await until(() => cluster.isCopied);
  const [lease] = await cluster.query<{ holder: string }>(
    "SELECT holder FROM lease",
  );
  await end(lonely, other);

  assertEquals(lease!.holder.split("/")[0], "r2");
});

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

Deno.test("two clusters of one name in one database do not mix", async () => {
  await using cluster = await makeCluster({ nodes: ["r1"] });
  const { nodes: [r1], world, postgres, into } = cluster;
  await publish(cluster, "first");
  await r1!.pass();
  const other = new ClusterMember(world, postgres, "other", "1m");
  const config = Deno.readTextFileSync(other.config);
  Deno.writeTextFileSync(other.config, config.replace(into, `${into}-other`));
  await publish(cluster, "second");

  const { exit, errors } = await other.pass();

  assertEquals(exit, 4);
  assertStringIncludes(errors.join(), "it is not the directory that the nodes");
  assertEquals(treeOf(`${into}-other`), {});
});
