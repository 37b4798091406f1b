import { assertEquals } from "@std/assert";
import {
  canTurnClock,
  clockAhead,
  SettableClock,
} from "../../fixtures/clock.ts";
import { until } from "../../fixtures/until.ts";
import { readState } from "../../lib/state/database.ts";
import { recall } from "../../lib/test-server/memory.ts";
import {
  makeWorld,
  relais,
  spawnRelais,
  treeOf,
  type World,
} from "../../fixtures/world.ts";

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

/** Takes the first good probe for the truth, and goes back after a second. */
const quick =
  `[probe]\nfall = 1\nrise = 1\nhold = "1s"\ntimeout = "10s"\n[schedule]\nevery = "1s"`;

/** Two servers that publish the same file. */
async function makeTwins(more: string): Promise<World> {
  const world = await makeWorld({ servers: ["production", "backup"], more });
  for (const server of world.servers) {
    world.write({ "a.csv": "1" }, server);
    await world.publish(server);
  }
  return world;
}

Deno.test({
  name:
    "a clock that was ten years ahead and is right again does not hold failback",
  ignore: !canTurnClock,
  async fn() {
    await using world = await makeTwins(quick);
    const { sshd } = world.production;
    const pass = async (seconds: number) => {
      const env = clockAhead(seconds);
      const args = ["--once", "--json", "--config", world.config];
      const { stdout } = await relais(args, { env });
      return JSON.parse(stdout).server;
    };
    await sshd.stop();
    assertEquals(await pass(10 * year), "backup");
    await sshd.start();

    await until(async () => await pass(0) === "production", 500);
  },
});

Deno.test({
  name:
    "a clock that is set while the loop runs changes nothing about how long a server is held",
  ignore: !canTurnClock,
  async fn() {
    await using world = await makeTwins(quick);
    const { sshd } = world.production;
    const clock = new SettableClock(`${world.directory}/clock`);
    const active = () => {
      using db = readState(world.state);
      return db && recall(db).choice.active;
    };
    await sshd.stop();
    clock.set(10 * year);
    const loop = spawnRelais(["--config", world.config], {
      env: clock.env,
      stderr: "null",
    });
    try {
      await until(() => active() === "backup");
      clock.set(0);
      await sshd.start();

      await until(() => active() === "production");
    } finally {
      loop.kill();
      await loop.status;
    }
  },
});

Deno.test({
  name: "a pass dated by a clock that was ahead is not the last one for years",
  ignore: !canTurnClock,
  async fn() {
    await using world = await makeTwins("");
    const run = (seconds: number, ...args: string[]) =>
      relais([...args, "--config", world.config], { env: clockAhead(seconds) });
    await run(10 * year, "--once");
    for (const { sshd } of world.servers) await sshd.stop();
    await run(0, "--once");

    const { code, stdout } = await run(0, "status", "--json");

    assertEquals([code, JSON.parse(stdout).passes[0].exit], [1, 3]);
  },
});

Deno.test({
  name:
    "a list that is dated in the future becomes stale when its publisher falls silent",
  ignore: !canTurnClock,
  async fn() {
    await using world = await makeTwins(
      `[probe]\nfall = 1\nrise = 1\nhold = "0s"\nmax_age = "1h"`,
    );
    const { production, backup, config } = world;
    const publish = (seconds: number, server: string) =>
      relais(["publish", "--once", "--config", server], {
        env: clockAhead(seconds),
      });
    const pass = async (seconds: number) => {
      const env = clockAhead(seconds);
      const { stdout } = await relais(
        ["--once", "--json", "--config", config],
        {
          env,
        },
      );
      return JSON.parse(stdout).server;
    };
    await publish(10 * year, production.config);
    const fresh = await pass(0);
    // Two hours later only the backup has been published again.
    await publish(7_200, backup.config);
    const silent = await pass(7_200);

    assertEquals([fresh, silent], ["production", "backup"]);
  },
});
