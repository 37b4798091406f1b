import { assertEquals } from "@std/assert";
import { canTurnClock, clockAhead } from "../fixtures/clock.ts";
import { makeWorld, relais, treeOf } from "../fixtures/world.ts";

const day = 86_400;
const year = 365 * day;

Deno.test({
  name: "clocks that jump make nothing be copied twice, and keep nothing away",
  ignore: !canTurnClock,
  async fn() {
    await using world = await makeWorld({
      servers: ["production", "backup"],
      replica: `delete = "remove"\nmax_delete = "100%"`,
    });
    const { production, backup } = world;
    const files = { "a.csv": "1", "b.csv": "2", "gone.csv": "3" };
    const publish = async (seconds: number, { config } = production) => {
      const env = clockAhead(seconds);
      const args = ["publish", "--once", "--config", config];
      assertEquals((await relais(args, { env })).code, 0);
    };
    const pass = async (seconds: number) => {
      const env = clockAhead(seconds);
      const args = ["--once", "--json", "--config", world.config];
      const { stdout } = await relais(args, { env });
      const { copied, removed, exit } = JSON.parse(stdout);
      return { copied, removed, exit };
    };

    for (const server of world.servers) world.write(files, server);
    await publish(0);
    await publish(0, backup);
    assertEquals(await pass(10 * year), { copied: 3, removed: 0, exit: 0 });
    // The server's clock is put back: what is published later has an earlier date.
    world.write({ "a.csv": "changed" });
    Deno.removeSync(`${production.data}/gone.csv`);
    await publish(-day);
    assertEquals(await pass(0), { copied: 1, removed: 1, exit: 0 });
    assertEquals(await pass(-year), { copied: 0, removed: 0, exit: 0 });
    await publish(year);
    assertEquals(await pass(-year), { copied: 0, removed: 0, exit: 0 });
    const { code, stdout } = await relais(
      ["status", "--config", world.config],
      { env: clockAhead(-year) },
    );

    assertEquals(code, 0, stdout);
    assertEquals(treeOf(world.into), treeOf(production.root));
  },
});
