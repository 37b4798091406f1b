import { assertEquals, assertMatch } from "@std/assert";
import { relaisPath } from "../../fixtures/relais.ts";
import { makeWorld, type World } from "../../fixtures/world.ts";

/** Numbers that belong to nobody here. */
const [owner, group] = [54_321, 65_432];

/** Mode, owner and group of each thing below a directory, relais's own but for its first level left out. */
function rightsBelow(directory: string): Record<string, string> {
  const { stdout } = new Deno.Command("find", {
    args: [
      ...[".", "-path", "./.relais/*", "-prune", "-o"],
      ...["-printf", "%P %m %U:%G\n"],
    ],
    cwd: directory,
  }).outputSync();
  const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
  return Object.fromEntries(
    lines.map((line) => line.split(/ (.*)/).slice(0, 2)).sort(),
  );
}

async function publishSome(world: World): Promise<void> {
  world.write({ "plain.csv": "1", "deep/er/small.csv": "2" });
  // One that comes in pieces.
  world.write({ "deep/large.bin": "x".repeat(3_000_000) });
  for (const path of ["plain.csv", "deep/er/small.csv", "deep/large.bin"]) {
    Deno.chmodSync(`${world.production.data}/${path}`, 0o640);
  }
  await world.publish();
}

Deno.test("a pass gives files the modes of their server, and directories 0755, whatever the umask", async () => {
  await using world = await makeWorld();
  await publishSome(world);
  const before = Deno.umask(0o027);
  try {
    const { exit } = await world.pass();
    assertEquals(exit, 0);
  } finally {
    Deno.umask(before);
  }
  const own = `${Deno.uid()}:${Deno.gid()}`;
  assertEquals(rightsBelow(world.into), {
    "": `755 ${own}`,
    ".relais": `700 ${own}`,
    "deep": `755 ${own}`,
    "deep/er": `755 ${own}`,
    "deep/er/small.csv": `640 ${own}`,
    "deep/large.bin": `640 ${own}`,
    "plain.csv": `640 ${own}`,
  });
});

Deno.test({
  name:
    "a pass gives what arrives, what it adopts and what is here already to whom the configuration says",
  ignore: Deno.uid() !== 0,
  fn: async () => {
    await using world = await makeWorld({
      replica: `directory_mode = "0750"`,
      resident: true,
    });
    await publishSome(world);
    await world.pass();
    // A directory of somebody else's, with a copy in it.
    Deno.mkdirSync(`${world.into}/theirs`, { mode: 0o700 });
    world.write({ "theirs/adopted.csv": "3", "theirs/new.csv": "4" });
    await world.publish();
    Deno.copyFileSync(
      `${world.production.root}/theirs/adopted.csv`,
      `${world.into}/theirs/adopted.csv`,
    );
    await world.pass();

    world.configure({
      replica: `file_mode = "0664"\nowner = "${owner}"\ngroup = "${group}"`,
    });
    world.write({ "made/later.csv": "5" });
    await world.publish();
    const first = await world.pass();
    const second = await world.pass();

    assertEquals([first.exit, first.copied, second.exit], [0, 1, 0]);
    const given = `${owner}:${group}`;
    const own = `${Deno.uid()}:${Deno.gid()}`;
    assertEquals(rightsBelow(world.into), {
      "": `750 ${own}`,
      ".relais": `700 ${own}`,
      "deep": `750 ${given}`,
      "deep/er": `750 ${given}`,
      "deep/er/small.csv": `664 ${given}`,
      "deep/large.bin": `664 ${given}`,
      "made": `750 ${given}`,
      "made/later.csv": `664 ${given}`,
      "plain.csv": `664 ${given}`,
      "theirs": `700 ${own}`,
      "theirs/adopted.csv": `664 ${given}`,
      "theirs/new.csv": `664 ${given}`,
    });

    // Back again: to the modes of the server; nothing says whose they were.
    world.configure();
    await world.pass();
    assertEquals(rightsBelow(world.into)["plain.csv"], `640 ${given}`);
  },
});

Deno.test({
  name:
    "a change of rights goes through no link, and to no file but the copies",
  ignore: Deno.uid() !== 0,
  fn: async () => {
    await using world = await makeWorld();
    await publishSome(world);
    await world.pass();
    const outside = `${world.directory}/outside`;
    Deno.mkdirSync(`${outside}/er`, { recursive: true });
    for (const path of ["er/small.csv", "precious"]) {
      Deno.writeTextFileSync(`${outside}/${path}`, "precious", { mode: 0o600 });
    }
    Deno.renameSync(`${world.into}/deep`, `${world.directory}/moved`);
    Deno.symlinkSync(outside, `${world.into}/deep`);
    Deno.removeSync(`${world.into}/plain.csv`);
    Deno.linkSync(`${outside}/precious`, `${world.into}/plain.csv`);
    const before = rightsBelow(outside);

    world.configure({ replica: `group = "${group}"` });
    const { exit } = await world.pass();

    assertEquals(rightsBelow(outside), before);
    // What a link is in the way of is named.
    assertEquals(exit, 1);
  },
});

Deno.test({
  name:
    "a pass that may give files to nobody else copies none, and says why; so does check",
  ignore: Deno.uid() !== 0,
  fn: async () => {
    await using world = await makeWorld({ replica: `group = "${group}"` });
    await publishSome(world);
    const [program, ...args] = [
      ...["setpriv", "--bounding-set=-chown", "--inh-caps=-chown"],
      ...["--", "env", "PATH=/usr/bin:/bin"],
    ];
    const run = async (...command: string[]) => {
      const { code, stdout, stderr } = await new Deno.Command(program!, {
        args: [...args, relaisPath, ...command, "--config", world.config],
      }).output();
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
      return { code, told: text(stdout) + text(stderr) };
    };

    const pass = await run("--once");
    const check = await run("check");

    assertEquals([pass.code, check.code], [4, 4]);
    assertMatch(pass.told, /Cannot change the group of files: /);
    assertMatch(
      check.told,
      /FAILED +owner of the copies: Cannot change the group of files/,
    );
    assertEquals(
      Object.keys(rightsBelow(world.into)).sort(),
      ["", ".relais"],
    );
  },
});
