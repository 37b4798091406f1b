/**
 * Days of a replica with real servers, real passes and a clock that runs ahead.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { canTurnClock, clockAhead } from "../../fixtures/clock.ts";
import { faults } from "../../fixtures/schemas.ts";
import { makeWorld, nimble, relais } from "../../fixtures/world.ts";

const hour = 3_600;

const hooks = ["failover", "failback", "error", "recovered", "lag"];

Deno.test({
  name: "two days with failovers are told in exactly these notices",
  ignore: !canTurnClock,
  async fn() {
    await using world = await makeWorld({
      servers: ["production", "backup"],
      more: nimble,
    });
    const { production, backup, directory } = world;
    const told = `${directory}/told`;
    const commands = hooks.map((event) =>
      `on_${event} = ["sh", "-c", "cat >> ${told}"]`
    );
    world.configure({
      more: `[hooks]\nmax_lag = "45m"\n${commands.join("\n")}\n`,
    });
    const run = async (seconds: number, ...args: string[]) =>
      (await relais(args, { env: clockAhead(seconds) })).code;
    const publish = async (seconds: number) => {
      for (const { config } of world.servers) {
        await run(seconds, "publish", "--once", "--config", config);
      }
    };
    const write = (text: string) => {
      for (const server of world.servers) {
        world.write({ "a.csv": text }, server);
      }
    };
    // What happens in which hour, before the pass.
    const happenings: Record<number, () => Promise<void>> = {
      3: () => production.sshd.stop(),
      5: () => production.sshd.start(),
      8: async () => {
        await production.sshd.stop();
        await backup.sshd.stop();
      },
      9: async () => {
        await production.sshd.start();
        await backup.sshd.start();
      },
      // A file that is listed, and is not there.
      12: async () => {
        write("second");
        await publish(12 * hour);
        await Deno.remove(`${production.root}/a.csv`);
      },
      15: async () => {
        write("the third");
        await publish(15 * hour);
      },
      20: () => production.sshd.stop(),
      46: () => production.sshd.start(),
    };

    write("first");
    await publish(0);
    const began = Date.now() / 1_000;
    const exits: Record<number, number> = {};
    for (let at = 0; at < 48 * hour; at += hour) {
      await happenings[at / hour]?.();
      const exit = await run(at, "--once", "--config", world.config);
      exits[exit] = (exits[exit] ?? 0) + 1;
    }

    const notices = (await Deno.readTextFile(told)).trim().split("\n");
    for (const notice of notices) {
      assertEquals(await faults("notice", notice), [], notice);
    }
    assertEquals(
      notices.map((notice) => {
        const { event, condition, again, ...when } = JSON.parse(notice);
        const hours = (when.began + when.seconds - began) / hour;
        return `${Math.floor(hours * 2) / 2} h: ${event} ${condition}${
          again ? " again" : ""
        }`;
      }),
      [
        "3 h: failover server:backup",
        "5 h: failback server:backup",
        "8 h: error exit:3",
        "9 h: recovered exit:3",
        "12 h: error exit:1",
        "13 h: lag lag",
        "15 h: recovered exit:1",
        "15 h: recovered lag",
        "20 h: failover server:backup",
        "44 h: failover server:backup again",
        "46 h: failback server:backup",
      ],
    );
    assertEquals(exits, { 0: 44, 1: 3, 3: 1 });
  },
});
