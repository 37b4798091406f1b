import { assertEquals, assertMatch } from "@std/assert";
import {
  relaisPublisher,
  shellPublishers,
  testEachPublisher as testEach,
} from "../../fixtures/publishers.ts";
import { hostileNames, Sources } from "../../fixtures/sources.ts";

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
      /Cannot publish a.csv: it changes while it is copied/,
    );
    assertEquals([atRest.status, atRest.published], [0, 1]);
    assertEquals(world.sh("cmp data/a.csv export/a.csv"), "");
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
