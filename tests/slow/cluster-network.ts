/**
 * A cluster in a network of its own: one node reaches the database and the server by
 * two cables, and the other one is on the machine of the server.
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  type Cluster,
  type ClusterMember,
  makeCluster,
} from "../../fixtures/cluster/world.ts";
import { Host, noNetworks } from "../../fixtures/network.ts";
import { until } from "../../fixtures/until.ts";
import { nimble } from "../../fixtures/world.ts";

const at = {
  nodeToDatabase: "10.78.1.1",
  database: "10.78.1.2",
  nodeToServer: "10.78.2.1",
  server: "10.78.2.2",
  serverToDatabase: "10.78.3.1",
  databaseToServer: "10.78.3.2",
} as const;

/** How fast nodes copy, until they hurry. */
const slowly = "200kB/s";

interface Apart {
  readonly cluster: Cluster;
  readonly database: Host;
  readonly server: Host;
}

/** A test with a cluster whose first node can be cut off. */
function apartTest(name: string, fn: (apart: Apart) => Promise<void>): void {
  Deno.test({
    name,
    ignore: noNetworks() !== undefined,
    async fn() {
      await using r1 = await Host.make();
      await using database = await Host.make();
      await using server = await Host.make();
      await r1.cable(at.nodeToDatabase, database, at.database);
      await r1.cable(at.nodeToServer, server, at.server);
      await server.cable(at.serverToDatabase, database, at.databaseToServer);
      await server.route(at.database, at.databaseToServer);
      await using cluster = await makeCluster({
        nodes: ["r1", "r2"],
        lease: "10s",
        more:
          `${nimble}\n[schedule]\nevery = "2s"\n[copy]\nbandwidth = "${slowly}"`,
        database: { address: at.database, within: database.within },
        sshd: { production: { address: at.server, within: server.within } },
        runs: { r1: { within: r1.within }, r2: { within: server.within } },
      });
      await fn({ cluster, database, server });
    },
  });
}

/** Has the server publish files that take half a minute. */
async function publishMuch({ world }: Cluster): Promise<void> {
  const files = Array.from(
    { length: 30 },
    (_, index) => [`${index}.csv`, `${index} `.repeat(70_000)],
  );
  world.write(Object.fromEntries(files));
  await world.publish();
}

/** Lets a node copy as fast as it can, from its next start on. */
function hurry(node: ClusterMember): void {
  node.reconfigure((text) => text.replace(slowly, "0"));
}

async function end(running: Deno.ChildProcess): Promise<void> {
  running.kill("SIGTERM");
  await running.status;
}

apartTest(
  "a leader that is cut off from the database writes nothing after its lease, and another node goes on",
  async ({ cluster, database }) => {
    const { nodes: [r1, r2] } = cluster;
    await publishMuch(cluster);
    const cutOff = r1!.pass();
    await until(() => cluster.staged.length > 0);
    const [before] = await cluster.query<{ holder: string; term: number }>(
      "SELECT holder, term::integer FROM lease",
    );

    await database.unplug(at.nodeToDatabase);
    hurry(r2!);
    const other = r2!.start();
    await until(() => cluster.isCopied);
    const { inodes } = cluster;
    const { exit, errors } = await cutOff;
    const [after] = await cluster.query<{ holder: string; term: number }>(
      "SELECT holder, term::integer FROM lease",
    );
    await end(other);

    assertEquals(before!.holder.split("/")[0], "r1");
    assertEquals(after!.holder.split("/")[0], "r2");
    assertEquals(after!.term > before!.term, true);
    assertEquals(exit, 4);
    assertStringIncludes(errors.join(), "Cannot use the database");
    assertEquals(cluster.inodes, inodes);
    assertEquals(cluster.isCopied, true);
    assertEquals(cluster.staged, []);
  },
);

apartTest(
  "a node that is cut off from the server claims nothing, and leaves it to another one to lead",
  async ({ cluster, server }) => {
    const { nodes: [r1, r2], world } = cluster;
    world.write({ "first.csv": "1" });
    await world.publish();
    assertEquals((await r1!.pass()).exit, 0);
    await watchClaims(cluster);
    await server.unplug(at.nodeToServer);

    await publishMuch(cluster);
    const other = r2!.start();
    await until(() => cluster.staged.length > 0);
    const besideLeader = await r1!.pass();
    other.kill("SIGKILL");
    await other.status;
    await until(async () => {
      const held = await cluster.query(
        "SELECT until FROM lease UNION ALL SELECT until FROM claim",
      );
      const past = await cluster.query(
        "SELECT until FROM lease WHERE until < clock_timestamp() UNION ALL SELECT until FROM claim WHERE until < clock_timestamp()",
      );
      return held.length === past.length;
    });
    const asLeader = await r1!.pass();
    hurry(r2!);
    const next = r2!.start();
    await until(() => cluster.isCopied);
    await end(next);

    for (const { exit, copied } of [besideLeader, asLeader]) {
      assertEquals([exit, copied], [3, 0]);
    }
    const claimants = await cluster.query<{ node: string }>(
      "SELECT DISTINCT split_part(holder, '/', 1) AS node FROM claimant",
    );
    assertEquals(claimants, [{ node: "r2" }]);
  },
);

/** Has the database note who claims anything. */
async function watchClaims(cluster: Cluster): Promise<void> {
  await cluster.query(`
    CREATE TABLE claimant (holder text);
    CREATE FUNCTION note_claimant() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO stock.claimant VALUES (NEW.holder);
        RETURN NEW;
      END $$;
    CREATE TRIGGER claimant AFTER INSERT ON claim
      FOR EACH ROW EXECUTE FUNCTION note_claimant();`);
}
