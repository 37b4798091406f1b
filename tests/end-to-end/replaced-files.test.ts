/**
 * What was a file when it was listed, and is something else when it is fetched,
 * on a real OpenSSH server: its sftp-server does one thing after the other.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { sshdAvailable } from "../../fixtures/sshd.ts";
import { makeWorld, treeOf, type World } from "../../fixtures/world.ts";

const files = {
  "a.csv": "first\n",
  "bad.csv": "bad\n",
  "y.csv": "last but one\n",
  "z.csv": "last\n",
};
const good = ["a.csv", "y.csv", "z.csv"];

function replacedTest(
  name: string,
  replace: (path: string, world: World) => void,
  run: (world: World) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore: !sshdAvailable,
    async fn() {
      await using world = await makeWorld({
        more: `[copy]\nretries = 0\n[limits]\nrequest = "2s"`,
        resident: true,
      });
      world.write(files);
      await world.publish();
      const path = `${world.production.root}/bad.csv`;
      Deno.removeSync(path);
      replace(path, world);
      await run(world);
    },
  });
}

function makeFifo(path: string): void {
  new Deno.Command("mkfifo", { args: [path] }).outputSync();
}

replacedTest(
  "a FIFO in place of a listed file is named, and keeps no other file waiting, in no pass",
  makeFifo,
  async (world) => {
    const first = await world.pass();
    assertEquals(first.failed.map(({ path }) => path), ["bad.csv"]);
    assertEquals([first.exit, Object.keys(treeOf(world.into)).sort()], [
      1,
      good,
    ]);

    world.write({ "new.csv": "new\n" });
    await world.publish();
    // The publisher has put the file back.
    Deno.removeSync(`${world.production.root}/bad.csv`);
    makeFifo(`${world.production.root}/bad.csv`);
    const second = await world.pass();
    const third = await world.pass();

    assertStringIncludes(third.failed[0]!.error, "a FIFO or a device");
    assertEquals([second.exit, third.exit], [1, 1]);
    assertEquals(second.copied, 1);
    assert("new.csv" in treeOf(world.into));
  },
);

replacedTest(
  "a file that is there again after it was a FIFO is copied",
  makeFifo,
  async (world) => {
    await world.pass();
    const path = `${world.production.root}/bad.csv`;
    Deno.removeSync(path);
    Deno.writeTextFileSync(path, files["bad.csv"]);

    const { exit, failed } = await world.pass();

    assertEquals([exit, failed], [0, []]);
    assertEquals(treeOf(world.into)["bad.csv"]!.text, files["bad.csv"]);
  },
);

replacedTest(
  "a directory in place of a listed file is named, and the others are copied",
  (path) => Deno.mkdirSync(path),
  async (world) => {
    const { exit, failed } = await world.pass();

    assertEquals(failed.map(({ path }) => path), ["bad.csv"]);
    assertEquals([exit, Object.keys(treeOf(world.into)).sort()], [1, good]);
  },
);

replacedTest(
  "a link to a file of the server in place of a listed file brings nothing of it",
  (path) => Deno.symlinkSync("/etc/passwd", path),
  async (world) => {
    const { exit, failed } = await world.pass();

    assertEquals(failed.map(({ path }) => path), ["bad.csv"]);
    assertEquals([exit, Object.keys(treeOf(world.into)).sort()], [1, good]);
  },
);

replacedTest(
  "a device in place of a listed file is named, and is read no further than the file was long",
  (path) => Deno.symlinkSync("/dev/zero", path),
  async (world) => {
    const { exit, failed } = await world.pass();

    assertEquals(failed.map(({ path }) => path), ["bad.csv"]);
    assertEquals([exit, Object.keys(treeOf(world.into)).sort()], [1, good]);
  },
);
