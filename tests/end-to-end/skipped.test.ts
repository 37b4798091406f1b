import { assertEquals, assertMatch } from "@std/assert";
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
  ).split("\n").filter((line) => line.includes("passed over"));
  const status = await world.relais("status");
  const listed = await world.relais("list", "--skipped", "--json", "deep/**");
  assertEquals(dry.not_files, counts);
  assertEquals([first.not_files, first.exit, first.copied], [counts, 0, 1]);
  const told = "3 symbolic links, 1 special file and 1 empty directory skipped";
  assertMatch(second.stdout, new RegExp(`${told}: relais list --skipped`));
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
