/** A tree whose names are not UTF-8, on a real server. */

import { assertEquals } from "@std/assert";
import { makeWorld, treeOf, type World } from "../../fixtures/world.ts";

/** Runs a script in the tree, with bytes as `printf` writes them. */
async function inTree(world: World, script: string): Promise<void> {
  const { success, stderr } = await new Deno.Command("bash", {
    args: ["-ec", script],
    cwd: world.production.root,
    env: { LC_ALL: "C" },
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** What is on the replica, by path. */
function textsOf(world: World): Record<string, string> {
  return Object.fromEntries(
    Object.entries(treeOf(world.into)).map(([path, { text }]) => [path, text]),
  );
}

const names =
  `mkdir $'caf\\xe9' $'caf\\xe9/\\xe0' && echo 1 >$'caf\\xe9/\\xe0/\\xe8'
  echo 2 >$'\\xe9t\\xe9 100%' && echo 3 >'caf%E9.csv' && echo 4 >'été'`;

Deno.test("a tree with names in Latin-1 is copied, and followed", async () => {
  await using world = await makeWorld({ resident: true });
  await inTree(world, names);

  const first = await world.pass();
  const again = await world.pass();
  await inTree(
    world,
    `echo 5 >$'caf\\xe9/\\xe0/new\\xff' && rm $'\\xe9t\\xe9 100%'`,
  );
  const changed = await world.pass();

  assertEquals([first.copied, first.exit], [4, 0]);
  assertEquals([again.copied, again.exit], [0, 0]);
  assertEquals([changed.copied, changed.exit], [1, 0]);
  assertEquals(textsOf(world), {
    "caf%E9/%E0/%E8": "1\n",
    "%E9t%E9 100%25": "2\n",
    "caf%25E9.csv": "3\n",
    "été": "4\n",
    "caf%E9/%E0/new%FF": "5\n",
  });
});

Deno.test("names of a tree are read in replica.filename_charset", async () => {
  await using world = await makeWorld({
    replica: `filename_charset = "latin1"\nlinks = "follow"`,
    resident: true,
  });
  await inTree(world, names);
  await inTree(world, `ln -s $'caf\\xe9/\\xe0' 'link'`);

  const first = await world.pass();
  const again = await world.pass();

  assertEquals([first.copied, first.exit], [5, 0]);
  assertEquals([again.copied, again.exit], [0, 0]);
  assertEquals(textsOf(world), {
    "café/à/è": "1\n",
    "été 100%": "2\n",
    "caf%25E9.csv": "3\n",
    "été": "4\n",
    "link/è": "1\n",
  });
});
