import { assertEquals, assertMatch } from "@std/assert";
import { textsBelow } from "../../fixtures/hostile-world.ts";
import { makeWorld } from "../../fixtures/world.ts";
import { noNotFiles } from "../../lib/list/not-files.ts";

Deno.test("what is no file in a tree is counted in each full walk, named by list --skipped, and logged once", async () => {
  await using world = await makeWorld({
    replica: `tree_rescan = "0s"`,
    level: "info",
  });
  new Deno.Command("sh", {
    args: [
      "-ec",
      `echo 1 > file; ln -s file link; ln -s / up; mkfifo pipe
       mkdir -p deep/hollow; ln -s . deep/link`,
    ],
    cwd: world.production.root,
  }).outputSync();
  const counts = { ...noNotFiles, links: 3, special: 1, empty: 1 };

  const dry = await world.pass("--dry-run");
  const first = await world.pass();
  const second = await world.relais("--once");

  const logged = Deno.readTextFileSync(
    `${world.directory}/replica/log/relais.log`,
  ).split("\n").filter((line) => line.includes("skipped the"));
  const status = await world.relais("status");
  const listed = await world.relais("list", "--skipped", "--json", "deep/**");
  assertEquals(dry.not_files, counts);
  assertEquals([first.not_files, first.exit, first.copied], [counts, 0, 1]);
  const told = "3 symbolic links, 1 special file and 1 empty directory skipped";
  assertMatch(
    second.stdout,
    new RegExp(`${told}: "relais list --skipped --config `),
  );
  assertMatch(status.stdout, new RegExp(`Not copied +${told}`));
  assertEquals(logged.length, 5);
  assertEquals(
    listed.stdout.trimEnd().split("\n").map((line) => JSON.parse(line)),
    [
      { server: "production", path: "deep/hollow", kind: "empty" },
      { server: "production", path: "deep/link", kind: "links" },
    ],
  );

  // What is gone is forgotten, and what appears is logged.
  new Deno.Command("sh", {
    args: ["-ec", "rm link up; ln -s file another"],
    cwd: world.production.root,
  }).outputSync();
  const third = await world.pass();
  const all = await world.relais("list", "--skipped");

  assertEquals(third.not_files, { ...counts, links: 2 });
  assertEquals(all.stdout.split("\n"), [
    "symbolic link    production  another",
    "empty directory  production  deep/hollow",
    "symbolic link    production  deep/link",
    "special file     production  pipe",
    "",
  ]);

  // Where a list names the files, nothing is known of what else there is.
  await world.publish();
  assertEquals((await world.pass()).not_files, noNotFiles);
  assertEquals((await world.relais("list", "--skipped")).stdout, "");
});

Deno.test("links of a tree are followed where that is asked for, and those that lead outside, nowhere or back are named", async () => {
  await using world = await makeWorld({ replica: `links = "follow"` });
  const sh = (script: string) =>
    new Deno.Command("sh", {
      args: ["-ec", script],
      cwd: world.production.root,
    }).outputSync();
  sh(`mkdir -p far/deep in .relais ../outside
    echo 1 > far/one; echo 2 > 'far/deep/two
lines'; echo secret > ../outside/secret
    ln -s far/one file; ln -s file chain; ln -s "$PWD/far" in/directory
    ln -s ../outside/secret secret; ln -s ../outside all; ln -s .relais own
    ln -s / top; ln -s nowhere dangling; ln -s ring ring; ln -s .. far/deep/up`);

  const first = await world.pass();
  const again = await world.pass();
  sh(
    "echo changed > far/new; mv far/new far/one; echo 3 > nowhere; ln -sfn far all",
  );
  const third = await world.pass();
  const listed = await world.relais("list", "--skipped");

  const counts = { ...noNotFiles, outside: 4, dangling: 2, circular: 2 };
  assertEquals([first.exit, first.copied, first.not_files], [0, 6, counts]);
  assertEquals([again.exit, again.copied], [0, 0]);
  // The original, three by links, and all/one, all/deep/two and dangling.
  assertEquals([third.exit, third.copied], [0, 8]);
  assertEquals(
    Object.entries(textsBelow(world.into)).toSorted(),
    [
      ["all/deep/two\nlines", "2\n"],
      ["all/one", "changed\n"],
      ["chain", "changed\n"],
      ["dangling", "3\n"],
      ["far/deep/two\nlines", "2\n"],
      ["far/one", "changed\n"],
      ["file", "changed\n"],
      ["in/directory/deep/two\nlines", "2\n"],
      ["in/directory/one", "changed\n"],
      ["nowhere", "3\n"],
    ],
  );
  assertEquals(listed.stdout.split("\n").slice(0, 3), [
    "symbolic link to the outside  production  all",
    "dangling symbolic link        production  dangling",
    "circular symbolic link        production  far/deep/up",
  ]);
});
