import { assertEquals, assertMatch } from "@std/assert";
import { testEachPublisher as testEach } from "../../fixtures/publishers.ts";
import { Sources } from "../../fixtures/sources.ts";

testEach(
  "appends nothing for files that did not change, and shows that it lives",
  async ({ publish }) => {
    using world = new Sources();
    world.write("a.csv", "1");
    await publish(world.config);
    const before = Deno.readTextFileSync(world.list);
    Deno.utimeSync(world.list, 1, 1);

    const { status, unchanged, published } = await publish(world.config);

    assertEquals([status, unchanged, published], [0, 1, 0]);
    assertEquals(Deno.readTextFileSync(world.list), before);
    assertEquals(Deno.statSync(world.list).mtime!.getTime() > 1_000, true);
  },
);

testEach(
  "adds a line for a change, and one for a withdrawal",
  async ({ publish }) => {
    using world = new Sources();
    for (const name of ["b", "c", "a", "d"]) {
      world.write(`${name}.csv`, name);
      await publish(world.config);
    }
    world.write("a.csv", "changed");
    world.sh("rm data/b.csv data/c.csv; touch -d '2001-01-01 UTC' data/d.csv");

    const { published, withdrawn } = await publish(world.config);

    assertEquals([published, withdrawn], [2, 2]);
    assertEquals(world.entries().slice(4), [
      "5 + a.csv",
      "6 + d.csv",
      "7 - b.csv",
      "8 - c.csv",
    ]);
    assertMatch(world.lines()[6]!, /^7\t-\t[\d.]+\t0\t-\t-\tb.csv$/);
    assertEquals(world.sh("ls export"), "a.csv\nd.csv\n");
  },
);

testEach(
  "takes up again what was withdrawn, and withdraws it again",
  async ({ publish }) => {
    using world = new Sources();
    world.write("b.csv", "2");
    for (const there of [true, false, true, false]) {
      if (there) world.write("a.csv", "1");
      else Deno.removeSync(`${world.base}/a.csv`);
      await publish(world.config);
    }
    assertEquals(world.entries().filter((entry) => entry.endsWith("a.csv")), [
      "1 + a.csv",
      "3 - a.csv",
      "4 + a.csv",
      "5 - a.csv",
    ]);
  },
);

testEach(
  "takes a torn last line away before it appends",
  async ({ publish }) => {
    for (const torn of ["2\t+\t17000", "2\t+\0\0\0"]) {
      using world = new Sources();
      world.write("a.csv", "1");
      await publish(world.config);
      const before = Deno.readTextFileSync(world.list);
      Deno.writeTextFileSync(world.list, torn, { append: true });
      world.write("b.csv", "2");

      const { status, told } = await publish(world.config);

      assertEquals([status, told], [0, [
        "removed a torn last line from the list",
      ]]);
      assertEquals(Deno.readTextFileSync(world.list).startsWith(before), true);
      assertEquals(world.entries(), ["1 + a.csv", "2 + b.csv"]);
    }
  },
);

testEach(
  "puts a list that is none aside, and begins a new one",
  async ({ publish }) => {
    for (const text of ["<html>\n", "", "relais-list\t1\tx", "\0\0\n"]) {
      using world = new Sources();
      world.write("a.csv", "1");
      await publish(world.config);
      Deno.writeTextFileSync(world.list, text);

      const { told } = await publish(world.config);

      assertEquals(told.length, 1, text);
      assertEquals(world.entries(), ["1 + a.csv"]);
      assertEquals(
        world.sh("cat export/.relais/list.damaged-*"),
        text,
      );
    }
  },
);

testEach(
  "passes over lines that break a rule, and is led nowhere by them",
  async ({ publish }) => {
    using world = new Sources();
    world.write("a.csv", "1");
    await publish(world.config);
    world.sh("echo precious > precious; ln -s .. export/up");
    const digest = `sha256:${"0".repeat(64)}`;
    const line = (seq: number, path: string) =>
      `${seq}\t+\t1\t1\t1\t0644\t${digest}\t${path}\n`;
    Deno.writeTextFileSync(
      world.list,
      [
        line(2, "../precious"),
        line(3, "up/precious"),
        line(4, "x/%2E%2E/%2e%2e/precious"),
        line(5, "%00"),
        line(6, "%ZZ"),
        line(7, "/precious"),
        line(8, "sound.csv").replace("1\t0644", "1e3\t0644"),
        "#signature\tof something\n",
        "9\t-\t1\t1\t1\t0644\t-\ta.csv\n",
        line(10, "%61 encoded%2dwithout%2Fneed.csv"),
      ].join(""),
      { append: true },
    );

    const { status, withdrawn } = await publish(world.config);

    assertEquals([status, withdrawn], [1, 2]);
    assertEquals(Deno.readTextFileSync(`${world.root}/precious`), "precious\n");
    assertEquals(
      Deno.readTextFileSync(world.list).split("\n").slice(-4, -2).map((text) =>
        text.replace(/^(\d+)\t(.)\t.*\t/, "$1 $2 ")
      ),
      ["11 - up/precious", "12 - a encoded-without/need.csv"],
    );
  },
);

testEach(
  "writes a list anew when most of it is no longer so",
  async ({ publish }) => {
    using world = new Sources();
    const config = { ...world.config, compaction: { size: 1_000, share: 0.5 } };
    world.write("kept\n%", "k");
    world.write("gone", "g");
    await publish(config);
    const first = world.generation();
    world.sh("rm data/gone");
    for (let version = 0; world.generation() === first; version++) {
      assertEquals(version < 30, true, "the list only grows");
      world.write("changing", "v".repeat(version));
      assertEquals((await publish(config)).status, 0);
    }
    const [seq, , published] = Deno.readTextFileSync(world.list)
      .split("\n")[4]!.split("\t");

    assertEquals(seq, "1");
    // It was published before the list was written anew.
    const created = Deno.readTextFileSync(world.list).split(/[\t\n]/)[3];
    assertEquals(Number(published) < Number(created), true);
    assertEquals(world.entries(), ["1 + kept%0A%25", "2 + changing"]);
    assertEquals((await publish(config)).unchanged, 2);
    world.write("new", "n");
    await publish(config);
    assertEquals(world.entries()[2], "3 + new");
  },
);

testEach(
  "keeps the order of lines when its clock is set back and the list is written anew",
  async ({ publish }) => {
    using world = new Sources();
    for (const name of ["a", "b", "a", "c"]) {
      world.write(name, `${world.root} ${performance.now()}`);
      await publish(world.config);
    }
    // It was ten years ahead, and ran backwards meanwhile.
    const ahead = (seq: number) => Math.floor(Date.now() / 1_000) + 3e8 - seq;
    const list = Deno.readTextFileSync(world.list);
    Deno.writeTextFileSync(
      world.list,
      list.replace(
        /^(\d+)\t\+\t[\d.]+/gm,
        (_, seq) => `${seq}\t+\t${ahead(Number(seq))}`,
      ),
    );
    world.write("b", "changed");
    world.write("d", "new");

    const { status } = await publish({
      ...world.config,
      compaction: { size: 1, share: 1 },
    });

    assertEquals(status, 0);
    assertEquals(world.entries(), ["1 + a", "2 + c", "3 + b", "4 + d"]);
    assertEquals(world.extensions().slice(1), [
      `#from ${list.split("\t")[2]} 6`,
      "#carried 4",
    ]);
  },
);
