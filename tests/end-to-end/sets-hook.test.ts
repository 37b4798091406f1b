/**
 * hooks.on_new where files come in sets: it is run once a set, and gets all of it.
 */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { inSets, publish, shown } from "../../fixtures/sets.ts";
import { shownCode } from "../../fixtures/shown-code.ts";
import { makeWorld, type World } from "../../fixtures/world.ts";

/** One replica runs the passes of a test. */
const resident = true;

/** A world whose hook notes what it is told, and fails as long as a file says so. */
class ToldWorld implements AsyncDisposable {
  readonly world: World;
  readonly #directory: string;

  private constructor(world: World, directory: string) {
    this.world = world;
    this.#directory = directory;
  }

  static async make(replica = inSets): Promise<ToldWorld> {
    const directory = Deno.makeTempDirSync();
    const hook =
      `{ echo "$RELAIS_SET"; tr "\\0" " "; echo; } >> "$0/told"; test ! -e "$0/fail"`;
    const world = await makeWorld({
      ...{ replica, resident },
      more: `[hooks]\non_new = ["sh", "-c", '''${hook}''', "${directory}"]`,
    });
    return new ToldWorld(world, directory);
  }

  /** Whether the hook fails from now on. */
  set fails(fails: boolean) {
    const file = `${this.#directory}/fail`;
    if (fails) Deno.writeTextFileSync(file, "");
    else Deno.removeSync(file);
  }

  /** What the hook was told each time: the set, without its generation, and the files. */
  get told(): string[] {
    const lines = Deno.readTextFileSync(`${this.#directory}/told`).split("\n");
    return lines.slice(0, -1).flatMap((line, at) =>
      at % 2 === 0 ? [`${line.split(" ")[1]}: ${lines[at + 1]!.trim()}`] : []
    );
  }

  /** Generations that it was told. */
  get generations(): Set<string> {
    const lines = Deno.readTextFileSync(`${this.#directory}/told`).split("\n");
    return new Set(
      lines.slice(0, -1).filter((_, at) => at % 2 === 0)
        .map((line) => line.split(" ")[0]!),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.world[Symbol.asyncDispose]();
    Deno.removeSync(this.#directory, { recursive: true });
  }
}

Deno.test("hooks.on_new is run once a set, with all its files and its name", async () => {
  await using told = await ToldWorld.make();
  const { world } = told;
  await publish(world, { "a": "1", "b": "1" });
  await publish(world, { "c": "1" });
  const { generation } = await world.pass();
  await publish(world, { "a": "second" });
  await world.pass();
  await world.pass();

  assertEquals(told.told, ["1-2: a b", "3-3: c", "4-4: a"]);
  assertEquals(told.generations, new Set([generation!]));
});

Deno.test("a hook that fails is told the same set again, before those that follow it, even if nothing is new", async () => {
  await using told = await ToldWorld.make();
  const { world } = told;
  await publish(world, { "a": "1", "b": "1" });
  await publish(world, { "c": "1" });
  told.fails = true;
  const failed = await world.pass();
  const shownAtOnce = shown(world);
  const again = await world.pass();
  told.fails = false;
  // Another process knows no more of it than the state does.
  await world.end();
  const well = await world.pass();
  const after = await world.pass();

  assertEquals(shownAtOnce, { "a": "1", "b": "1", "c": "1" });
  assertMatch(failed.errors.join(), /hooks\.on_new failed/);
  assertEquals(failed.exit === 0 || again.exit === 0, false);
  assertEquals([well.exit, after.exit], [0, 0]);
  assertEquals(told.told, ["1-2: a b", "1-2: a b", "1-2: a b", "3-3: c"]);
});

Deno.test("a hook is told the whole set, and what was there before relais as well", async () => {
  await using told = await ToldWorld.make();
  const { world } = told;
  await publish(world, { "a": "1", "b": "1" });
  Deno.mkdirSync(world.into);
  const { mtime } = Deno.statSync(`${world.production.root}/a`);
  Deno.writeTextFileSync(`${world.into}/a`, "1");
  Deno.utimeSync(`${world.into}/a`, mtime!, mtime!);

  const { copied, exit } = await world.pass();

  assertEquals([copied, exit], [1, 0]);
  assertEquals(told.told, ["1-2: a b"]);
});

Deno.test("the set of a tree has no generation", async () => {
  await using told = await ToldWorld.make(`${inSets}\nsource = "tree"`);
  const { world } = told;
  Deno.writeTextFileSync(`${world.production.root}/a`, "1");
  Deno.writeTextFileSync(`${world.production.root}/b`, "1");

  await world.pass();

  assertEquals(told.generations, new Set(["-"]));
  assertEquals(told.told.map((line) => line.replace(/^\S+ /, "")), ["a b"]);
});

Deno.test("readers of the directories that the hook of docs/sets.md makes never see a mix", async () => {
  const ready = Deno.makeTempDirSync();
  await using world = await makeWorld({
    replica: `${inSets}\ndelete = "remove"\nmax_delete = "100%"`,
    resident,
    more: `[hooks]\non_new = ["${ready}/keep-set"]`,
  });
  const [script] = shownCode("docs/sets.md", "sh");
  Deno.writeTextFileSync(
    `${ready}/keep-set`,
    script!.replaceAll("/srv/ready", ready)
      .replaceAll("/srv/replica", world.into),
    { mode: 0o755 },
  );
  const current = () => {
    const directory = Deno.realPathSync(`${ready}/current`);
    return { directory, set: Deno.readTextFileSync(`${directory}/.set`) };
  };
  const seen = (directory: string) => {
    const { ".set": _, ...files } = shown({ into: directory });
    return files;
  };
  await publish(world, { "a": "1", "d/b": "1", "same": "1" });
  const { exit, errors } = await world.pass();
  const first = current();
  Deno.removeSync(`${world.production.data}/d`, { recursive: true });
  await publish(world, { "a": "second", "c": "1" });
  await world.pass();
  const second = current();

  assertEquals([exit, errors], [0, []]);
  assertMatch(first.set, /^[0-9a-z-]+ 1-3\n$/);
  assertMatch(second.set, /^[0-9a-z-]+ 4-6\n$/);
  assertEquals(seen(first.directory), { "a": "1", "d/b": "1", "same": "1" });
  assertEquals(seen(second.directory), {
    "a": "second",
    "c": "1",
    "same": "1",
  });
  // It takes no room for what has not changed.
  const [one, other] = [first, second].map(({ directory }) =>
    Deno.statSync(`${directory}/same`).ino
  );
  assertEquals(one, other);
  for (const text of ["third", "fourth"]) {
    await publish(world, { "a": text });
    await world.pass();
  }
  const kept = [...Deno.readDirSync(ready)].map(({ name }) => name)
    .filter((name) => name.startsWith("set."));
  assertEquals(kept.length, 3);
  assertEquals(seen(current().directory)["a"], "fourth");
  assertEquals(seen(second.directory)["a"], "second");

  const { stdout } = await world.relais("log", "--module", "copy-list");
  assertStringIncludes(stdout, "shown in ");
  Deno.removeSync(ready, { recursive: true });
});
