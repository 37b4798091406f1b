import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
} from "@std/assert";
import {
  relaisPublisher,
  shellPublishers,
  testEachPublisher as testEach,
} from "../../fixtures/publishers.ts";
import { relais } from "../../fixtures/relais.ts";
import { Sources } from "../../fixtures/sources.ts";

/** When each path was published, as its line says. */
function published(world: Sources): Record<string, string> {
  return Object.fromEntries(
    Deno.readTextFileSync(world.list).split("\n")
      .map((line) => line.split("\t"))
      .filter((fields) => fields.length === 8)
      .map((fields) => [fields[7]!, fields[2]!]),
  );
}

testEach("names itself once, and continues its list", async ({ publish }) => {
  using world = new Sources();
  world.write("a", "1");
  await publish(world.config);
  const first = world.generation();
  world.write("b", "2");
  await publish(world.config);
  const before = Deno.readTextFileSync(world.list);

  const { unchanged } = await publish(world.config);

  assertEquals([unchanged, world.generation()], [2, first]);
  assertEquals(Deno.readTextFileSync(world.list), before);
  assertEquals(world.extensions().length, 1);
  assertMatch(world.extensions()[0]!, /^#writer \d+$/);
  assertEquals(before.split("\n")[1], world.extensions()[0]);
});

testEach(
  "takes another writer's list over by a generation of its own",
  async ({ publish }) => {
    using production = new Sources();
    const config = { ...production.config, writer: "production" };
    for (const name of ["b", "gone", "changes", "a %"]) {
      production.write(name, name);
      await publish(config);
    }
    production.sh("rm data/gone");
    await publish(config);
    const from = production.generation();
    const dates = published(production);
    using backup = new Sources();
    backup.sh(`cp -a ${production.base} ${production.into} .`);
    backup.write("changes", "changed here");

    const { status, unchanged } = await publish({
      ...backup.config,
      writer: "backup",
    });

    assertEquals([status, unchanged], [0, 2]);
    assertNotEquals(backup.generation(), from);
    assertEquals(backup.extensions(), [
      "#writer backup",
      `#from ${from} 5`,
      "#carried 3",
    ]);
    assertEquals(backup.entries(), [
      "1 + b",
      "2 + changes",
      "3 + a %25",
      "4 + changes",
    ]);
    const { changes: _, ...kept } = published(backup);
    assertEquals(kept, { b: dates.b!, "a %25": dates["a %25"]! });
    // What is its own by now, it continues.
    const generation = backup.generation();
    backup.write("new", "n");
    await publish({ ...backup.config, writer: "backup" });
    assertEquals([backup.generation(), backup.entries().length], [
      generation,
      5,
    ]);
  },
);

testEach(
  "takes a list over that was copied with its export to another directory",
  async ({ publish }) => {
    using world = new Sources();
    world.write("a", "1");
    await publish(world.config);
    const from = world.generation();
    world.sh("cp -a export copy");

    await publish({ ...world.config, into: `${world.root}/copy` });

    world.sh("mv export original && mv copy export");
    assertEquals(world.extensions().slice(1), [
      `#from ${from} 1`,
      "#carried 1",
    ]);
  },
);

testEach(
  "continues its list when the export is reached through a link",
  async ({ publish }) => {
    using world = new Sources();
    world.write("a", "1");
    await publish(world.config);
    const first = world.generation();
    world.sh("ln -s export link");

    await publish({ ...world.config, into: `${world.root}/link` });

    assertEquals(world.generation(), first);
  },
);

testEach(
  "names all that its list descends from, the nearest first",
  async ({ publish }) => {
    using world = new Sources();
    world.write("a", "1");
    const generations = [];
    for (const writer of ["one", "two", "three"]) {
      await publish({ ...world.config, writer });
      generations.unshift(world.generation());
    }

    const [, second, first] = generations;
    assertEquals(world.extensions(), [
      "#writer three",
      `#from ${second} 1`,
      `#from ${first} 1`,
      "#carried 1",
    ]);
  },
);

testEach("takes over a list that names no writer", async ({ publish }) => {
  for (
    const second of [
      "",
      "#writer\n",
      "#writer \n",
      "#writer a_b\n",
      "# signed\n#writer mine\n",
      "#writer mine\0\n",
      "#writer mine \n",
      "#from x 3\n#writer mine\n",
    ]
  ) {
    using world = new Sources();
    world.write("a", "1");
    const config = { ...world.config, writer: "mine" };
    await publish(config);
    const from = world.generation();
    const list = Deno.readTextFileSync(world.list);
    Deno.writeTextFileSync(world.list, list.replace("#writer mine\n", second));

    const { status, unchanged } = await publish(config);

    assertEquals([status, unchanged], [0, 1], second);
    assertEquals(world.extensions(), [
      "#writer mine",
      `#from ${from} 1`,
      "#carried 1",
    ]);
    assertEquals(world.entries(), ["1 + a"]);
  }
});

testEach(
  "takes over a list whose #writer line is torn",
  async ({ publish }) => {
    using world = new Sources();
    world.write("a", "1");
    await publish(world.config);
    const from = world.generation();
    const list = Deno.readTextFileSync(world.list);
    Deno.writeTextFileSync(world.list, list.slice(0, list.indexOf("#wri") + 4));

    const { status, told } = await publish(world.config);

    assertEquals([status, told], [0, [
      "removed a torn last line from the list",
    ]]);
    assertEquals(world.extensions().slice(1), [
      `#from ${from} 0`,
      "#carried 0",
    ]);
    assertEquals(world.entries(), ["1 + a"]);
  },
);

testEach(
  "is not misled by a generation that was written aside and never took its place",
  async ({ publish }) => {
    using world = new Sources();
    world.write("a", "1");
    await publish({ ...world.config, writer: "one" });
    const from = world.generation();
    // The crash came between the write and the rename.
    world.sh(
      `printf 'relais-list\\t1\\tnever\\t1\\n#writer two\\n' > export/.relais/list.new`,
    );

    const { status } = await publish({ ...world.config, writer: "two" });

    assertEquals(status, 0);
    assertEquals(world.extensions(), [
      "#writer two",
      `#from ${from} 1`,
      "#carried 1",
    ]);
    assertEquals(world.sh("ls export/.relais | grep list"), "list\n");
  },
);

testEach("says what it took over when it compacts", async ({ publish }) => {
  using world = new Sources();
  const grows = { ...world.config, writer: "mine" };
  for (let version = 1; version < 10; version++) {
    world.write("changing", "v".repeat(version));
    await publish(grows);
  }
  world.write("last", "l");
  const from = world.generation();

  await publish({ ...grows, compaction: { size: 500, share: 0.5 } });

  assertEquals(world.extensions(), [
    "#writer mine",
    `#from ${from} 10`,
    "#carried 2",
  ]);
  assertEquals(world.entries(), ["1 + changing", "2 + last"]);
});

testEach(
  "numbers what a list holds by its lines, passing over numbers that go back",
  async ({ publish }) => {
    using world = new Sources();
    for (const name of ["a", "b", "c"]) {
      world.write(name, name);
      await publish({ ...world.config, writer: "one" });
    }
    const list = Deno.readTextFileSync(world.list);
    // Readers pass over the line: it names nothing.
    Deno.writeTextFileSync(world.list, list.replace("\n2\t+", "\n1\t+"));

    const { status, published } = await publish({
      ...world.config,
      writer: "two",
    });

    assertEquals([status, published], [0, 1]);
    assertEquals(world.entries(), ["1 + a", "2 + c", "3 + b"]);
  },
);

for (const { name, publish } of shellPublishers()) {
  Deno.test(`${name} and relais publish continue each other's list`, async () => {
    using world = new Sources();
    const publishers = [relaisPublisher.publish, publish];
    const generations = new Set<string>();
    for (let run = 0; run < 4; run++) {
      world.write(`file ${run}`, "x");
      const { status } = await publishers[run % 2]!(world.config);
      assertEquals(status, 0);
      generations.add(world.generation());
    }
    assertEquals([generations.size, world.entries().length], [1, 4]);
    assertEquals(world.extensions().length, 1);
  });
}

Deno.test("relais publish --once and the script it prints continue each other's list", async () => {
  using world = new Sources();
  const config = world.writeConfig();
  const { stdout } = await relais([
    "publish",
    "--print-sh",
    "--config",
    config,
  ]);
  Deno.writeTextFileSync(`${world.root}/publish.sh`, stdout);
  world.write("a", "1");
  await relais(["publish", "--once", "--config", config]);
  const generation = world.generation();
  world.write("b", "2");

  world.sh("sh publish.sh");
  await relais(["publish", "--once", "--config", config]);

  assertEquals(world.generation(), generation);
  assertEquals(world.entries(), ["1 + a", "2 + b"]);
});

Deno.test("publish.writer reaches the script", async () => {
  using world = new Sources();
  world.write("a", "1");
  const config = world.writeConfig();
  const text = Deno.readTextFileSync(config);
  Deno.writeTextFileSync(
    config,
    text.replace("[publish]\n", '[publish]\nwriter = "site-2.example"\n'),
  );
  const { stdout } = await relais([
    "publish",
    "--print-sh",
    "--config",
    config,
  ]);
  Deno.writeTextFileSync(`${world.root}/publish.sh`, stdout);

  world.sh("sh publish.sh");

  assertEquals(world.extensions(), ["#writer site-2.example"]);
});

Deno.test("a list does not tell the identity of its machine", async () => {
  using world = new Sources();
  await relaisPublisher.publish(world.config);

  const list = Deno.readTextFileSync(world.list);

  const id = world.sh("cat /etc/machine-id 2> /dev/null || uname -n").trim();
  assert(!list.includes(id), list);
});
