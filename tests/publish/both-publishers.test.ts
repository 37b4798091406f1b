import { assertEquals, assertMatch } from "@std/assert";
import {
  relaisPublisher,
  shellPublishers,
  testEachPublisher as testEach,
} from "../../fixtures/publishers.ts";
import { hostileNames, Sources } from "../../fixtures/sources.ts";
import { noNotFiles } from "../../lib/list/not-files.ts";

const shells = shellPublishers();

testEach("exports each file with its date and mode", async ({ publish }) => {
  using world = new Sources();
  world.write("stock/été 1.csv", "a;b\n");
  world.write("empty.csv", "");
  world.write("open.csv", "x");
  world.sh(`cd data && chmod 640 empty.csv && chmod 6777 open.csv &&
    touch -d '1969-12-31 23:59:58.25 UTC' empty.csv &&
    touch -d '2001-02-03 04:05:06.0789 UTC' open.csv`);

  const { status, published } = await publish(world.config);

  assertEquals([status, published], [0, 3]);
  assertEquals(world.lines().map((line) => line.split("\t").slice(2, 5)), [
    ["-1.75", "0", "0640"],
    ["981173106.078", "1", "6777"],
    world.lines()[2]!.split("\t").slice(2, 5),
  ]);
  assertEquals(world.entries(), [
    "1 + empty.csv",
    "2 + open.csv",
    "3 + stock/été 1.csv",
  ]);
  assertEquals(
    world.sh("cd export && stat -c '%Y %a' empty.csv open.csv"),
    "-2 640\n981173106 775\n",
  );
  assertEquals(
    world.sh("stat -c %a export/.relais export/.relais/list"),
    [
      755,
      644,
      "",
    ].join("\n"),
  );
});

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
  "publishes again what was deleted from the export",
  async ({ publish }) => {
    using world = new Sources();
    const names = [...hostileNames, "two", "a/.relais/b", "deep/er/c", "d"];
    for (const name of names) world.write(name, name);
    await publish(world.config);
    const before = world.tree();
    const { told: silence, ...nothing } = await publish(world.config);
    Deno.removeSync(`${world.into}/two\nlines`);
    Deno.removeSync(`${world.into}/a/.relais/b`);
    world.sh("cd export && rm -r deep && mkdir deep && rm d && mkdir d");
    Deno.removeSync(`${world.into}/d`);

    const { status, published, unchanged, told } = await publish(world.config);

    assertEquals(
      [nothing.published, nothing.unchanged, silence],
      [0, names.length, []],
    );
    assertEquals(
      [status, published, unchanged, told],
      [0, 4, names.length - 4, [
        "4 files of the export were missing or damaged; published them again",
      ]],
    );
    assertEquals(world.tree(), before);
    assertEquals((await publish(world.config)).unchanged, names.length);
  },
);

testEach(
  "publishes again what was damaged in the export, when it is asked to look",
  async ({ publish }) => {
    using world = new Sources();
    for (const name of ["sound", "damaged", "gone", "it's %"]) {
      world.write(name, name);
    }
    await publish(world.config);
    const before = world.tree();
    const { mtime } = Deno.statSync(`${world.into}/damaged`);
    Deno.writeTextFileSync(`${world.into}/damaged`, "DAMAGED");
    Deno.utimeSync(`${world.into}/damaged`, mtime!, mtime!);
    Deno.removeSync(`${world.into}/gone`);
    // Only what is asked for is read.
    Deno.writeTextFileSync(`${world.into}/it's %`, "IT'S %");
    Deno.utimeSync(`${world.into}/it's %`, mtime!, mtime!);

    const usual = await publish(world.config);
    const verified = await publish(world.config, { verify: true });
    const again = await publish(world.config, { verify: true });

    assertEquals([usual.published, usual.unchanged], [1, 3]);
    assertEquals(
      [verified.status, verified.published, verified.unchanged, verified.told],
      [0, 2, 2, [
        "2 files of the export were missing or damaged; published them again",
      ]],
    );
    assertEquals([again.published, again.unchanged, again.told], [0, 4, []]);
    assertEquals(world.tree(), before);
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
  "never names a file that keeps changing, and takes it once it is left alone",
  async ({ publish }) => {
    using world = new Sources();
    world.write("a.csv", "x".repeat(30_000_000));
    // It goes first, however busy the machine is: as root, at least.
    const writer = new Deno.Command("nice", {
      args: ["-n", "-20", "sh", "-c", "while :; do echo more >> a.csv; done"],
      cwd: world.base,
      stderr: "null",
    }).spawn();

    const changing = await publish(world.config);
    writer.kill("SIGKILL");
    await writer.status;
    const atRest = await publish(world.config);

    assertEquals([changing.status, changing.published], [1, 0]);
    assertMatch(
      changing.told.join("\n"),
      /skipped a.csv: it changes while it is copied/,
    );
    assertEquals([atRest.status, atRest.published], [0, 1]);
    assertEquals(world.sh("cmp data/a.csv export/a.csv"), "");
  },
);

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
  assertMatch(told[0]!, /skipped stock\/a.csv: /);
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

testEach("withdraws nothing when its base is gone", async ({ publish }) => {
  using world = new Sources();
  world.write("a.csv", "1");
  await publish(world.config);
  const before = Deno.readTextFileSync(world.list);
  Deno.renameSync(world.base, `${world.base}.unmounted`);

  const { status, told } = await publish(world.config);

  assertEquals(status, 5);
  assertMatch(told[0]!, /Cannot publish from .*: it is not a directory/);
  assertEquals(Deno.readTextFileSync(world.list), before);
});

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

for (const publisher of shells) {
  Deno.test(`${publisher.name} writes what relais writes`, async () => {
    using world = new Sources();
    for (const name of hostileNames) {
      world.write(name, name);
      world.write(`in/${name.slice(0, 200)}/${name}`, name);
    }
    for (const name of ["a", "a.d/x", "a/x".repeat(40), "b/x", "b-/x", "b.x"]) {
      world.write(`order/${name.replace(/^a$/, "a.csv")}`, name);
    }
    const other = { ...world.config, into: `${world.root}/other` };

    const results = [
      await publisher.publish(world.config),
      await relaisPublisher.publish(other),
    ].map(({ told: _, ...counts }) => ({
      status: counts.status,
      published: counts.published,
    }));

    assertEquals(results[0], results[1]);
    const lines = world.lines();
    const tree = world.tree();
    world.sh("mv export mine && mv other export");
    assertEquals(lines, world.lines());
    assertEquals(tree, world.tree());

    // And what one has published, the other need not publish again.
    const { published, unchanged, withdrawn } = await publisher.publish(
      world.config,
    );
    assertEquals([published, withdrawn], [0, 0]);
    assertEquals(unchanged, lines.length);
    world.sh("rm -r data/in");
    assertEquals((await publisher.publish(world.config)).status, 0);
    assertEquals(
      (await relaisPublisher.publish({
        ...world.config,
        into: `${world.root}/mine`,
      })).status,
      0,
    );
    const withdrawals = world.lines();
    world.sh("rm -r export && mv mine export");
    assertEquals(withdrawals, world.lines());
  });
}

testEach(
  "withdraws no more than max_withdraw allows, and publishes what is new",
  async ({ publish }) => {
    using world = new Sources();
    for (const path of ["a", "b", "c", "d"]) world.write(path, path);
    const half = { ...world.config, maxWithdraw: { share: 0.5 } };
    await publish(half);
    world.sh("cd data && rm a b c");
    world.write("e", "e");

    const refused = await publish(half);

    assertEquals(refused.status, 5);
    assertMatch(
      refused.told.join("\n"),
      /Cannot withdraw 3 of 4 files: publish.max_withdraw allows 2/,
    );
    assertEquals(world.entries().slice(4), ["5 + e"]);
    const counted = await publish({
      ...world.config,
      maxWithdraw: { files: 3 },
    });
    assertEquals([counted.status, counted.withdrawn], [0, 3]);
    assertEquals(world.entries().slice(5), ["6 - a", "7 - b", "8 - c"]);
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

testEach(
  "keeps what it withdraws and replaces, for publish.keep",
  async ({ publish }) => {
    using world = new Sources();
    const config = { ...world.config, keepMs: 2 * 86_400_000 };
    world.write("deep/gone", "g");
    world.write("changed", "first");
    await publish(config);
    for (const text of ["second", "third one"]) {
      world.write("changed", text);
      await publish(config);
    }
    world.sh("rm -r data/deep");

    const { status, withdrawn } = await publish(config);

    assertEquals([status, withdrawn], [0, 1]);
    const day = new Date().toISOString().slice(0, 10);
    const kept = world.sh(
      "cd export/.relais/trash && grep -r '' . | sort && stat -c %a .",
    ).replaceAll(day, "DAY");
    assertEquals(
      kept,
      [
        "./DAY.1/changed:second",
        "./DAY/changed:first",
        "./DAY/deep/gone:g",
        "700",
        "",
      ].join("\n"),
    );
    assertEquals(world.sh("cat export/changed"), "third one");
    assertEquals(
      world.sh("ls export/deep 2>&1 || true").includes("gone"),
      false,
    );

    // Thrown away long enough ago.
    world.sh(`cd export/.relais/trash && mv ${day} 2020-01-01 &&
      touch -d '2020-01-01' 2020-01-01`);
    await publish(config);
    assertEquals(world.sh("ls export/.relais/trash"), `${day}.1\n`);
  },
);

testEach(
  "publishes nothing where a replica republishes",
  async ({ publish }) => {
    using world = new Sources();
    world.write("a.csv", "1");
    Deno.mkdirSync(`${world.into}/.relais`, { recursive: true });
    const relays = `${world.into}/.relais/relays`;
    Deno.writeTextFileSync(relays, "1b4e28ba-2fa1-11d2-883f-0016d3cca427\n");

    const { status, told } = await publish(world.config);
    const left = world.sh("find export -type f");
    Deno.removeSync(relays);
    const after = await publish(world.config);

    assertEquals([status, told.length], [2, 1]);
    assertMatch(
      told[0]!,
      /^Cannot publish into \S+: a replica republishes there/,
    );
    assertEquals(left, "export/.relais/relays\n");
    assertEquals([after.status, after.published], [0, 1]);
  },
);
