/**
 * What somebody who may write below `into` can do while relais does: nothing
 * that makes relais write, change or remove anything outside.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { makeHostileWorld } from "../../fixtures/hostile-world.ts";
import { startSwapping } from "../../fixtures/swapper.ts";
import { descriptors } from "../../lib/files/descriptors.ts";
import { Destination } from "../../lib/files/destination.ts";
import { stagedName } from "../../lib/files/staged-name.ts";
import { FileError } from "../../lib/errors.ts";
import type { Timestamp } from "../../lib/text/timestamp.ts";

/** A directory with a precious file, where nothing may happen. */
function makeOutside(directory: string) {
  const outside = `${directory}/outside`;
  Deno.mkdirSync(outside);
  Deno.writeTextFileSync(`${outside}/0.csv`, "precious");
  Deno.chmodSync(`${outside}/0.csv`, 0o600);
  const look = () => ({
    names: [...Deno.readDirSync(outside)].map(({ name }) => name),
    text: Deno.readTextFileSync(`${outside}/0.csv`),
    mode: Deno.statSync(`${outside}/0.csv`).mode! & 0o7777,
  });
  const before = look();
  return {
    path: outside,
    assertUntouched: () => assertEquals(look(), before),
  };
}

Deno.test("nothing lands, goes or changes outside while a directory is swapped against a link thousands of times", async () => {
  const root = await Deno.makeTempDir();
  const outside = makeOutside(root);
  const destination = new Destination(`${root}/into`, descriptors);
  destination.prepare();
  const staged = `${root}/into/.relais/staging/staged`;
  Deno.mkdirSync(`${root}/into/sub`);
  const swapping = startSwapping(`${root}/into/sub`, outside.path);
  const done = { placed: 0, removed: 0, refused: 0 };
  function attempt(work: () => void, what: "placed" | "removed"): void {
    try {
      work();
      done[what]++;
    } catch (error) {
      // Whatever is in the way at that moment: nothing is done. What the system
      // calls it depends on the instant, and on the file system.
      const isRefusal = error instanceof FileError ||
        typeof (error as { code?: string }).code === "string";
      if (!isRefusal) throw error;
      done.refused++;
    }
    destination.release();
  }

  const until = performance.now() + 5_000;
  for (let round = 0; performance.now() < until; round++) {
    const path = `sub/${round % 7}.csv`;
    Deno.writeTextFileSync(staged, "hostile");
    attempt(() => destination.place(staged, path), "placed");
    attempt(() => destination.trash(path, "2026-11-23"), "removed");
    attempt(() => destination.remove(path), "removed");
  }
  const swaps = await swapping.end();

  outside.assertUntouched();
  assert(swaps > 1_000, `${swaps} swaps`);
  assert(done.placed > 100 && done.removed > 100, JSON.stringify(done));
  assert(done.refused > 0, JSON.stringify(done));
  await Deno.remove(root, { recursive: true });
});

Deno.test("passes put nothing outside while a directory is swapped against a link", async () => {
  await using world = await makeHostileWorld({ more: "[copy]\nretries = 0" });
  const outside = makeOutside(world.directory);
  const texts: Record<string, string> = {};
  for (let index = 0; index < 2_000; index++) texts[`sub/${index}.csv`] = "x";
  world.production.publish(texts);
  Deno.mkdirSync(`${world.into}/sub`);
  const swapping = startSwapping(`${world.into}/sub`, outside.path);

  for (let pass = 0; pass < 4; pass++) {
    await world.pass();
    await Deno.remove(world.state, { recursive: true });
  }
  const swaps = await swapping.end();
  const { exit } = await world.pass();

  outside.assertUntouched();
  assert(swaps > 1_000, `${swaps} swaps`);
  // Where a pass made the directory while it was aside, that one stays aside.
  const here = Object.entries(world.here()).filter(([path]) =>
    !path.startsWith("sub.aside/")
  );
  assertEquals([exit, Object.fromEntries(here)], [0, texts]);
});

Deno.test("a link in place of a directory is named, and what lies below it is not copied", async () => {
  await using world = await makeHostileWorld();
  const outside = makeOutside(world.directory);
  world.production.publish({
    "sub/0.csv": "a\n",
    "sub/deep/1.csv": "b\n",
    "z.csv": "c\n",
  });
  Deno.symlinkSync(outside.path, `${world.into}/sub`);

  const { exit, failed } = await world.pass();

  outside.assertUntouched();
  assertEquals(failed.map(({ path }) => path), ["sub/0.csv", "sub/deep/1.csv"]);
  assertStringIncludes(failed[0]!.error, "sub is a symbolic link or a device");
  assertEquals([exit, world.here()], [1, {
    "sub": "no regular file",
    "z.csv": "c\n",
  }]);
});

Deno.test("a link in place of a file is replaced, and what it points to stays as it is", async () => {
  await using world = await makeHostileWorld();
  const outside = makeOutside(world.directory);
  world.production.publish({ "0.csv": "precious" });
  Deno.symlinkSync(`${outside.path}/0.csv`, `${world.into}/0.csv`);

  const { exit } = await world.pass();

  outside.assertUntouched();
  assertEquals([exit, world.here()], [0, { "0.csv": "precious" }]);
});

Deno.test("a FIFO in place of a file is replaced, and nobody waits for its writer", async () => {
  await using world = await makeHostileWorld();
  world.production.publish({ "0.csv": "new\n" });
  await new Deno.Command("mkfifo", { args: [`${world.into}/0.csv`] }).output();

  const { exit } = await world.pass();

  assertEquals([exit, world.here()], [0, { "0.csv": "new\n" }]);
});

Deno.test("a staging directory that is a link ends the pass with exit 4", async () => {
  await using world = await makeHostileWorld();
  const outside = makeOutside(world.directory);
  world.production.publish({ "0.csv": "new\n" });
  Deno.mkdirSync(`${world.into}/.relais`);
  Deno.symlinkSync(outside.path, `${world.into}/.relais/staging`);

  const { code, stderr } = await world.relais("--once");

  outside.assertUntouched();
  assertEquals(code, 4);
  assertStringIncludes(stderr, ".relais/staging is a symbolic link");
});

Deno.test("a link in place of a staged file is not written through", async () => {
  await using world = await makeHostileWorld({ more: "[copy]\nretries = 0" });
  const outside = makeOutside(world.directory);
  const staging = `${world.into}/.relais/staging`;
  const large = "0123456789abcdef".repeat(20_000);
  const lines = [
    { seq: 1, path: "small", text: "x" },
    { seq: 2, path: "large", text: large },
  ];
  world.production.write({ small: "x", large });
  world.production.list(...lines);
  await Deno.mkdir(staging, { recursive: true, mode: 0o700 });
  for (const { path, text } of lines) {
    const name = stagedName({
      path,
      size: text.length,
      mtime: "1700000000" as Timestamp,
      digest: `sha256:${createHash("sha256").update(text).digest("hex")}`,
    });
    Deno.symlinkSync(`${outside.path}/0.csv`, `${staging}/${name}`);
  }

  const { exit, failed } = await world.pass();

  outside.assertUntouched();
  assertEquals(failed.map(({ path }) => path).sort(), ["large", "small"]);
  assertEquals([exit, world.here()], [1, {}]);
});

for (const mode of ["7777", "6755", "1666"]) {
  Deno.test(`a copy of a file with mode ${mode} has no setuid, setgid or sticky bit, and not everybody may write it`, async () => {
    await using world = await makeHostileWorld();
    world.production.write({ "a": "x", "large": "x".repeat(400_000) });
    world.production.list(
      { seq: 1, path: "a", text: "x", mode },
      { seq: 2, path: "large", text: "x".repeat(400_000), mode },
    );

    const { exit } = await world.pass();

    const expected = Number.parseInt(mode, 8) & 0o775 & ~Deno.umask();
    const modes = ["a", "large"].map((name) =>
      Deno.statSync(`${world.into}/${name}`).mode! & 0o7777
    );
    assertEquals([exit, modes], [0, [expected, expected]]);
  });
}

Deno.test("a copy whose mode the server does not tell gets what the umask leaves of 0644", async () => {
  await using world = await makeHostileWorld();
  world.production.write({ "a": "x" });
  world.production.list({ seq: 1, path: "a", text: "x", mode: "-" });

  const { exit } = await world.pass();

  const mode = Deno.statSync(`${world.into}/a`).mode! & 0o7777;
  assertEquals([exit, mode], [0, 0o644 & ~Deno.umask()]);
});

Deno.test("a copy belongs to whoever runs relais, whoever it belongs to on the server", async () => {
  await using world = await makeHostileWorld();
  world.production.publish({ "a": "x" });
  if (Deno.uid() === 0) {
    Deno.chownSync(`${world.production.root}/a`, 1234, 1234);
  }

  await world.pass();

  assertEquals(Deno.statSync(`${world.into}/a`).uid, Deno.uid());
});
