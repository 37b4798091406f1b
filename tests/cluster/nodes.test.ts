import { assertEquals } from "@std/assert";
import { makeCluster } from "../../fixtures/cluster/world.ts";
import { postgresAvailable } from "../../fixtures/postgres.ts";
import { treeOf } from "../../fixtures/world.ts";

Deno.test({
  name:
    "nodes copy an export together, and each goes on where the other has ended",
  ignore: !postgresAvailable,
  async fn() {
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
    assertEquals(treeOf(cluster.into), treeOf(world.production.root));
  },
});
