import { assertEquals, assertMatch } from "@std/assert";
import { testEachPublisher as testEach } from "../../fixtures/publishers.ts";
import { Sources } from "../../fixtures/sources.ts";
import { noNotFiles } from "../../lib/list/not-files.ts";

testEach(
  "passes over links and devices, and withdraws what becomes one",
  async ({ publish }) => {
    using world = new Sources();
    world.write("a.csv", "1");
    world.write("b/c.csv", "1");
    await publish(world.config);
    world.sh(`cd data && ln -s /etc/passwd link.csv && mkfifo fifo.csv &&
    rm a.csv && ln -s /etc/passwd a.csv && mv b d && ln -s d b`);

    const { status, published, withdrawn } = await publish(world.config);

    assertEquals([status, published, withdrawn], [0, 1, 2]);
    assertEquals(world.sh("cd export && find . -name '*.csv'"), "./d/c.csv\n");
  },
);

testEach(
  "counts what is no file, and names it beside the list",
  async ({ publish }) => {
    using world = new Sources(["stock/**/*"]);
    world.write("stock/a", "1");
    world.write("stock/full/b", "1");
    world.sh(`cd data && mkdir -p stock/hollow/deep 'stock/two
lines' outside && ln -s a stock/link && ln -s nowhere outside/link &&
    mkfifo stock/fifo && ln -s hollow stock/%directory`);

    const { not_files, status } = await publish(world.config);
    const again = await publish(world.config);
    const named = Deno.readTextFileSync(`${world.into}/.relais/skipped`);
    world.sh("cd data/stock && rm link fifo && rmdir hollow/deep");
    const later = await publish(world.config);

    const counts = { ...noNotFiles, links: 2, special: 1, empty: 2 };
    assertEquals([status, not_files, again.not_files], [0, counts, counts]);
    assertEquals(named.trimEnd().split("\n").sort(), [
      "empty\tstock/hollow/deep",
      "empty\tstock/two%0Alines",
      "links\tstock/%25directory",
      "links\tstock/link",
      "special\tstock/fifo",
    ]);
    assertEquals(later.not_files, { ...noNotFiles, links: 1, empty: 2 });
  },
);

testEach("writes through no link in the export", async ({ publish }) => {
  using world = new Sources();
  world.sh("mkdir -p outside export && ln -s ../outside export/stock");
  world.write("stock/a.csv", "1");
  world.write("b.csv", "1");

  const { status, published, told } = await publish(world.config);

  assertEquals([status, published, told.length], [1, 1, 1]);
  assertMatch(told[0]!, /Cannot publish stock\/a.csv: /);
  assertEquals(world.sh("ls outside"), "");
});

testEach(
  "replaces a link of the name of a file, and no directory",
  async ({ publish }) => {
    using world = new Sources();
    world.sh("mkdir -p export/b.csv outside && ln -s ../outside export/a.csv");
    world.write("a.csv", "1");
    world.write("b.csv", "1");

    const { status, published } = await publish(world.config);

    assertEquals([status, published], [1, 1]);
    assertEquals(world.entries(), ["1 + a.csv"]);
    assertEquals(
      world.sh("cat export/a.csv; ls outside export/b.csv"),
      [
        "1export/b.csv:",
        "",
        "outside:",
        "",
      ].join("\n"),
    );
  },
);

testEach(
  "follows what becomes a directory, and what becomes a file, in the same run",
  async ({ publish }) => {
    using world = new Sources();
    for (const path of ["a", "d/e/f", "d/g", "same"]) world.write(path, path);
    await publish(world.config);
    world.sh("cd data && rm -r a d");
    world.write("a/b/c", "new");
    world.write("d", "new");

    const there = await publish(world.config);

    assertEquals([there.status, there.published, there.withdrawn], [0, 2, 3]);
    assertEquals(world.entries().slice(4), [
      "5 - a",
      "6 - d/e/f",
      "7 - d/g",
      "8 + a/b/c",
      "9 + d",
    ]);
    assertEquals(
      world.sh("cd export && find . -name .relais -prune -o -print | sort"),
      ".\n./a\n./a/b\n./a/b/c\n./d\n./same\n",
    );

    world.sh("cd data && rm -r a d");
    for (const path of ["a", "d/e/f", "d/g"]) world.write(path, path);
    const back = await publish(world.config);

    assertEquals([back.status, back.published, back.withdrawn], [0, 3, 2]);
    assertEquals(world.sh("cat export/a export/d/e/f export/d/g"), "ad/e/fd/g");
  },
);

testEach(
  "leaves a directory as it is when what it holds may not be withdrawn",
  async ({ publish }) => {
    using world = new Sources();
    for (const path of ["d/e", "d/f", "d/g"]) world.write(path, path);
    const config = { ...world.config, maxWithdraw: { files: 2 } };
    await publish(config);
    world.sh("cd data && rm -r d");
    world.write("d", "new");

    const { status, told } = await publish(config);

    assertEquals(status, 5);
    assertMatch(told.join("\n"), /Cannot withdraw 3 of 3 files/);
    assertEquals(world.entries().length, 3);
    assertEquals(world.sh("cat export/d/*"), "d/ed/fd/g");
  },
);

testEach(
  "takes away a directory that a withdrawal leaves empty, and no other",
  async ({ publish }) => {
    using world = new Sources();
    for (const path of ["deep/er/a", "deep/er/b", "kept/c", "x/y"]) {
      world.write(path, path);
    }
    await publish(world.config);
    world.sh(
      `rm -r data/deep data/kept data/x && echo 1 > export/kept/foreign &&
      mkdir -p export/empty outside/y && rm -r export/x && ln -s ../outside export/x`,
    );

    const { withdrawn } = await publish(world.config);

    assertEquals(withdrawn, 4);
    assertEquals(
      world.sh("ls export export/kept outside"),
      "export:\nempty\nkept\nx\n\nexport/kept:\nforeign\n\noutside:\ny\n",
    );
  },
);

testEach("leaves an export below its base out", async ({ publish }) => {
  using world = new Sources();
  const into = `${world.base}/deep/ex[p]ort *`;
  world.write("export/a.csv", "1");
  world.write("deep/a.csv", "1");
  Deno.mkdirSync(into);

  for (const expected of [2, 0]) {
    const { status, published } = await publish({ ...world.config, into });
    assertEquals([status, published], [0, expected]);
  }
  assertEquals(
    world.sh("cd data/deep/ex* && find . -name '*.csv' | sort"),
    [
      "./deep/a.csv",
      "./export/a.csv",
      "",
    ].join("\n"),
  );
});

testEach("takes only what its globs name", async ({ publish }) => {
  using world = new Sources(["stock/**/*.csv", "{x,y}/?[!0-9].txt"]);
  for (
    const path of [
      "a.csv",
      "stock/b.csv",
      "stock/deep/c.csv",
      "stock/d.pdf",
      "x/ab.txt",
      "x/éé.txt",
      "x/a1.txt",
      "y/abc.txt",
      "y/ab/cd.txt",
    ]
  ) world.write(path, path);
  await publish(world.config);
  assertEquals(world.entries(), [
    "1 + stock/b.csv",
    "2 + stock/deep/c.csv",
    "3 + x/ab.txt",
    "4 + x/éé.txt",
  ]);
});
