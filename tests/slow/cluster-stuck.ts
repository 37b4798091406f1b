/**
 * Nodes that stand still in the midst of a system call, because they were stopped, or
 * because the shared file system does not answer them, as when a mount hangs.
 */

import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { leaderOf } from "../../fixtures/cluster/told.ts";
import {
  type Cluster,
  type ClusterOptions,
  makeCluster,
  passUntilCopied,
  signal,
} from "../../fixtures/cluster/world.ts";
import { postgresAvailable } from "../../fixtures/postgres.ts";
import { canTrace, injecting } from "../../fixtures/strace.ts";
import { until } from "../../fixtures/until.ts";
import { treeOf } from "../../fixtures/world.ts";

const leaseMs = 5_000;

/** A test with two nodes, of which the first takes so long over a system call. */
function stuckTest(
  name: string,
  { call, seconds, when = "" }: {
    readonly call: string;
    readonly seconds: number;
    readonly when?: string;
  },
  fn: (cluster: Cluster) => Promise<void>,
  options: ClusterOptions = { more: `[schedule]\nevery = "2s"` },
): void {
  const [strace, ...args] = injecting(
    call,
    `delay_enter=${seconds * 1_000_000}${when}`,
  );
  Deno.test({
    name,
    ignore: !postgresAvailable || !canTrace(),
    async fn() {
      await using cluster = await makeCluster({
        ...{ nodes: ["r1", "r2"], lease: `${leaseMs / 1_000}s`, ...options },
        // relais has to be the process that is started, and not strace.
        runs: { r1: { within: [strace!, "-D", ...args] } },
      });
      await fn(cluster);
    },
  });
}

async function publish({ world }: Cluster, version: string): Promise<void> {
  const files = Array.from(
    { length: 30 },
    (_, index) => [`${index}.csv`, `${version} ${index}`],
  );
  world.write(Object.fromEntries(files));
  await world.publish();
}

/** Waits for longer than anything else takes: others wait as well. */
async function untilCopied(cluster: Cluster): Promise<void> {
  const isCopied = () => cluster.isCopied;
  await until(isCopied).catch(() => until(isCopied));
}

stuckTest(
  "a leader whose barriers do not end keeps nobody waiting: another node ends what it has begun, and leads",
  { call: "syncfs", seconds: 150 },
  async (cluster) => {
    const { nodes: [r1, r2] } = cluster;
    await publish(cluster, "first");
    r1!.start();
    await until(() => cluster.staged.length > 0);
    const before = await leaderOf(cluster);

    r2!.start();
    await untilCopied(cluster);
    await publish(cluster, "second");
    await untilCopied(cluster);
    const after = await leaderOf(cluster);
    const { stdout } = await r1!.relais("log", "--level", "error");

    assertEquals([before, after], ["r1", "r2"]);
    assert(stdout.includes("does not answer: other nodes go on"), stdout);
  },
);

stuckTest(
  "a leader whose module hangs in the shared directory leaves it to another node to lead",
  // The first one of each thread goes well: with that, a new state gets its name.
  { call: "rename", seconds: 90, when: ":when=2+" },
  async (cluster) => {
    const { nodes: [r1, r2] } = cluster;
    await publish(cluster, "first");
    r1!.start();
    await until(async () => await leaderOf(cluster) === "r1");

    r2!.start();
    await untilCopied(cluster);
    await publish(cluster, "second");
    await untilCopied(cluster);

    assertEquals(await leaderOf(cluster), "r2");
  },
);

/** How long the rename takes: longer than others take to go on with everything. */
const renameSeconds = 45;

stuckTest(
  "a node that was stopped for three leases in the midst of a rename places nothing over what is newer",
  { call: "rename", seconds: renameSeconds, when: ":when=12" },
  async (cluster) => {
    const { nodes: [r1, r2] } = cluster;
    const placed = () => Object.keys(treeOf(cluster.into)).length;
    await publish(cluster, "first");
    const stopped = r1!.start("--once");
    await until(() => placed() > 0);
    // It places them within moments, until it stands still.
    await delay(1_000);
    const inTime = placed();

    signal(stopped, "SIGSTOP");
    const over = delay(Math.max(3 * leaseMs, renameSeconds * 1_000));
    await passUntilCopied(r2!, cluster);
    await publish(cluster, "second");
    await passUntilCopied(r2!, cluster);
    const { inodes } = cluster;
    await over;
    signal(stopped, "SIGCONT");
    await stopped.status;
    const afterwards = await r2!.pass();

    assert(inTime < 30, `${inTime} were in place`);
    assertEquals([afterwards.exit, afterwards.copied], [0, 0]);
    assertEquals(cluster.inodes, inodes);
    assertEquals([cluster.isCopied, cluster.staged], [true, []]);
  },
  {},
);
