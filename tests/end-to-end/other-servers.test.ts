import { assertEquals } from "@std/assert";
import { noise } from "../../fixtures/noise.ts";
import {
  proftpd,
  rclone,
  serveInPlaceOf,
} from "../../fixtures/other-servers.ts";
import { isInstalled } from "../../fixtures/programs.ts";
import { makeWorld, treeOf } from "../../fixtures/world.ts";

for (const maker of [proftpd, rclone]) {
  const { program } = maker;
  Deno.test({
    name: `files come from ${program} as they do from OpenSSH`,
    ignore: !isInstalled(program),
    async fn() {
      await using world = await makeWorld();
      const { sshd, root, data } = world.production;
      const small = Array.from(
        { length: 300 },
        (_, number) => [`${number % 7}/${number}.csv`, `${number}`] as const,
      );
      world.write(Object.fromEntries(small));
      Deno.writeFileSync(`${data}/large`, noise(3_000_000));
      await world.publish();
      await sshd.stop();
      await using _ = await serveInPlaceOf(sshd, maker, root);
      const config = Deno.readTextFileSync(world.config);
      Deno.writeTextFileSync(
        world.config,
        config.replace(
          `root = "${root}"`,
          () => `root = "${maker.rootOf(root)}"`,
        ),
      );

      const first = await world.pass();
      const again = await world.pass();

      assertEquals([first.copied, first.exit], [small.length + 1, 0]);
      assertEquals([again.copied, again.exit], [0, 0]);
      assertEquals(treeOf(world.into), treeOf(root));
    },
  });
}
