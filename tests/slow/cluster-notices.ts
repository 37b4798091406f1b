import { assertEquals } from "@std/assert";
import {
  leaderOf,
  linesOf,
  makeTellingCluster,
} from "../../fixtures/cluster/told.ts";
import { until } from "../../fixtures/until.ts";

Deno.test("nodes that run all the time tell of a leader that stands still, and not of one that ends", async () => {
  await using cluster = await makeTellingCluster({
    nodes: ["r1", "r2", "r3"],
    lease: "10s",
    more: `[schedule]\nevery = "3s"`,
  });
  const { nodes, world } = cluster;
  world.write({ "a.csv": "1" });
  await world.publish();
  const running = new Map(nodes.map((node) => [node.name, node.start()]));
  const isLeadNew = async (former: string) =>
    !["", former].includes(await leaderOf(cluster));
  await until(() => cluster.isCopied);
  await until(() => isLeadNew(""));

  const first = await leaderOf(cluster);
  running.get(first)!.kill("SIGSTOP");
  await until(() => linesOf(cluster).length > 0);
  const second = await leaderOf(cluster);
  running.get(first)!.kill("SIGCONT");
  await until(() =>
    linesOf(cluster).some((line) => line.includes("recovered"))
  );
  running.get(second)!.kill("SIGTERM");
  await running.get(second)!.status;
  await until(() => isLeadNew(second));
  world.write({ "b.csv": "2" });
  await world.publish();
  await until(() => cluster.isCopied);
  for (const [name, process] of running) {
    if (name !== second) process.kill("SIGTERM");
    await process.status;
  }

  const told = linesOf(cluster).map((line) => JSON.parse(line));
  const ofLeaders = told.filter(({ condition }) =>
    condition.startsWith("leader:")
  );
  assertEquals(
    ofLeaders.map(({ event, condition }) => `${event} ${condition}`),
    [`leader leader:${first}`, `recovered leader:${first}`],
  );
  assertEquals(ofLeaders[0].node, second);
});
