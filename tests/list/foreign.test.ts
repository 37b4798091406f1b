import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { readForeignLine } from "../../lib/list/foreign.ts";
import { ForeignFormat } from "../../lib/text/foreign-format.ts";
import { checkPath } from "../../lib/list/path.ts";
import { makeWorld, nimble, treeOf, type World } from "../../fixtures/world.ts";

function format(pattern: string): ForeignFormat {
  const parsed = ForeignFormat.parse(pattern);
  assert("value" in parsed, JSON.stringify(parsed));
  return parsed.value;
}

for (
  const [pattern, line, path, date, size] of [
    ["{date} {path}", "1700000000 a b.csv", "a b.csv", "1700000000", null],
    ["{date}\t{path}", "1700000000.25\ta.csv", "a.csv", "1700000000.25", null],
    [
      "{date:%d/%m/%Y %H:%M:%S};{size};{path}",
      "23/11/2026 10:04:05;17;d/a;b.csv",
      "d/a;b.csv",
      "1795428245",
      17,
    ],
    [
      "{path} | {_} | {date:%Y-%m-%dT%H:%M:%S%z}",
      "a.csv | who cares | 2026-11-23T10:04:05.5+0100",
      "a.csv",
      "1795424645.5",
      null,
    ],
    [
      "{date:%Y-%m-%d %H:%M:%S} {path}",
      "1969-12-31 23:59:58.5 a",
      "a",
      "-1.5",
      null,
    ],
    ["{_},{_},{date},{path}", "x,,1,a,b", "a,b", "1", null],
    [
      "{date:%Y%m%d} {path}",
      "20261123 /export/a.csv",
      "a.csv",
      "1795392000",
      null,
    ],
    [
      "{date:%Y-%m-%d} ({path})",
      "2026-1-2 (./a.csv)\r",
      "a.csv",
      "1767312000",
      null,
    ],
  ] as const
) {
  Deno.test(`ForeignFormat reads ${JSON.stringify(line)} by ${JSON.stringify(pattern)}`, () => {
    assertEquals(readForeignLine(format(pattern), line, "/export"), {
      value: { path, date, size },
    } as unknown as ReturnType<ForeignFormat["read"]>);
  });
}

for (
  const [pattern, line, why] of [
    ["{date} {path}", "yesterday a.csv", "not written as"],
    ["{date} {path}", "1 ", "not written as"],
    ["{date} {path}", "1 ../a", 'a part ".."'],
    ["{date} {path}", "1 /etc/passwd", "absolute"],
    ["{date} {path}", "1 a\uFFFDb", "not valid UTF-8"],
    ["{date} {path}", "1 .relais/list", "reserved for relais"],
    ["{date:%Y-%m-%d} {path}", "2026-02-31 a", "its date does not exist"],
    ["{date:%Y-%m-%d} {path}", "2026-13-01 a", "its date does not exist"],
    ["{date:%Y-%m-%d %H} {path}", "2026-12-01 25 a", "its date does not exist"],
  ] as const
) {
  Deno.test(`ForeignFormat refuses ${JSON.stringify(line)} by ${JSON.stringify(pattern)}`, () => {
    const read = readForeignLine(format(pattern), line, "/export");
    assert("reason" in read);
    assert(read.reason.includes(why), read.reason);
  });
}

for (
  const [pattern, why] of [
    ["{date}", "{path} must be there once"],
    ["{path}", "{date} must be there once"],
    ["{date} {path} {path}", "{path} must be there once"],
    ["{date} {path} {name}", "{name} is not a field"],
    ["{date} {path} {size} {size}", "{size} can be there once"],
    ["{date} {path} { size}", "a brace belongs to no field"],
    ["{date} {path} {size }", "a brace belongs to no field"],
    ["{date} {path:x}", "{path} takes nothing after a colon"],
    ["{_}{date} {path}", "nothing stands between two fields"],
    ["{date:%H:%M} {path}", 'a date cannot be written as "%H:%M"'],
    ["{date:%Y-%m-%d %Q} {path}", "a date cannot be written as"],
  ] as const
) {
  Deno.test(`ForeignFormat.parse() refuses ${pattern}`, () => {
    const parsed = ForeignFormat.parse(pattern);
    assert("reason" in parsed);
    assert(parsed.reason.includes(why), parsed.reason);
  });
}

Deno.test("ForeignFormat never fails, and reads back what was written", () => {
  const second = fc.integer({ min: 0, max: 4_102_444_799 });
  const path = fc.stringMatching(/^[a-z][a-z;0-9 ]{0,20}$/);
  const lines = format("{date:%Y-%m-%d %H:%M:%S};{size};{path}");
  fc.assert(fc.property(second, fc.nat(), path, (date, size, path) => {
    const text = new Date(date * 1_000).toISOString().replace("T", " ")
      .slice(0, 19);
    assertEquals(readForeignLine(lines, `${text};${size};${path}`, "/x"), {
      value: { path, date: String(date), size },
    } as unknown as ReturnType<ForeignFormat["read"]>);
  }));
  const pieces = fc.oneof(
    fc.constantFrom("{path}", "{date}", "{size}", "{_}", "{date:%Y-%m-%d}"),
    fc.constantFrom(
      "{date:%H%z}",
      "{",
      "}",
      "{x}",
      "{path:%s}",
      ".*",
      "\\",
      "(?",
    ),
    fc.string({ maxLength: 3 }),
  );
  const texts = fc.oneof(
    fc.string(),
    fc.stringMatching(/^[-0-9 :;.,a/]{0,60}$/),
  );
  fc.assert(fc.property(fc.array(pieces), fc.array(texts), (parts, some) => {
    const parsed = ForeignFormat.parse(parts.join(""));
    for (const format of ["value" in parsed ? parsed.value : lines, lines]) {
      for (const line of some) {
        const read = readForeignLine(format, line, "/x");
        if ("value" in read) {
          assertEquals(checkPath(read.value.path), undefined);
        }
      }
    }
  }));
  const long = `2026-01-01 00:00:00;1;${"a/".repeat(9_000)}`;
  assertEquals(readForeignLine(lines, long, "/"), { reason: "it is too long" });
});

/** A world whose servers keep a list of their own, `copied.txt` in the export. */
async function foreignWorld(listFormat: string): Promise<World> {
  const world = await makeWorld({
    servers: ["production", "backup"],
    replica: `delete = "remove"\nmax_delete = "60%"`,
    more: nimble,
    resident: true,
  });
  const text = Deno.readTextFileSync(world.config);
  Deno.writeTextFileSync(
    world.config,
    text.replaceAll(
      /^root = "(.*)"$/gm,
      (line, root) =>
        `${line}\nlist = "${root}/copied.txt"\nlist_format = "${listFormat}"`,
    ),
  );
  return world;
}

/** Puts files into an export, and their lines at the end of its list. */
function keep(world: World, files: Record<string, string>, date: string): void {
  kept++;
  for (const { root } of world.servers) {
    for (const [path, text] of Object.entries(files)) {
      Deno.writeTextFileSync(`${root}/${path}`, text);
      Deno.writeTextFileSync(
        `${root}/copied.txt`,
        `${date};${text.length};${path}\n`,
        { append: true },
      );
    }
    // A list that has just been changed would be read again in the next pass, too.
    Deno.utimeSync(`${root}/copied.txt`, kept, kept);
  }
}

/** The date of each list that is kept. */
let kept = 1_700_000_000;

function copied(world: World): Record<string, string> {
  return Object.fromEntries(
    Object.entries(treeOf(world.into)).map(([path, { text }]) => [path, text]),
  );
}

for (
  const pattern of [
    "{date:%Y-%m-%d %H:%M};{size};{path}",
    "{date:%Y-%m-%d %H:%M};{_};{path}",
  ]
) {
  Deno.test(`a replica follows the list a server keeps of its own: ${pattern}`, async () => {
    await using world = await foreignWorld(pattern);
    keep(world, { "a.csv": "one", "b.csv": "two" }, "2026-11-23 10:00");

    const first = await world.pass();
    const nothing = await world.pass();
    keep(world, { "c.csv": "three" }, "2026-11-23 11:00");
    keep(world, { "a.csv": "longer" }, "2026-11-23 11:00");
    const appended = await world.pass();

    assertEquals([first.exit, first.copied, first.seen], [0, 2, 2]);
    assertEquals([nothing.exit, nothing.seen], [0, 0]);
    assertEquals([appended.exit, appended.copied, appended.seen], [0, 2, 3]);
    const all: Record<string, string> = {
      "a.csv": "longer",
      "b.csv": "two",
      "c.csv": "three",
    };
    assertEquals(copied(world), all);

    if (pattern.includes("{_}")) {
      // Its file comes later: it is named, and found when its line is written again.
      const { root } = world.production;
      const line = "2026-11-23 11:30;1;late.csv\n";
      Deno.writeTextFileSync(`${root}/copied.txt`, line, { append: true });
      const missing = await world.relais("--once");
      Deno.writeTextFileSync(`${root}/late.csv`, "l");
      Deno.writeTextFileSync(`${root}/copied.txt`, line, { append: true });
      const later = await world.pass();
      const { stdout } = await world.relais("log", "late.csv");
      assertEquals(missing.code, 1);
      assertMatch(stdout, /line 5: .*late.csv.*: no such file/);
      assertEquals(later.copied, 1);
      all["late.csv"] = "l";
      assertEquals(copied(world), all);
    }

    await world.production.sshd.stop();
    keep(world, { "d.csv": "four" }, "2026-11-23 12:00");
    const failedOver = await world.pass();
    assertEquals([failedOver.server, failedOver.exit, failedOver.copied], [
      ...["backup", 0, 1],
    ]);

    // Written anew: b.csv, and what came late, are no longer in it, and one line makes no sense.
    await world.production.sshd.start();
    for (const { root } of world.servers) {
      Deno.writeTextFileSync(`${root}/copied.txt`, "what is this?\n");
    }
    keep(world, { "a.csv": "newest" }, "2026-11-24 09:00");
    keep(world, { "c.csv": "three" }, "2026-11-23 11:00");
    keep(world, { "d.csv": "four" }, "2026-11-23 12:00");
    const rewritten = await world.pass();
    const { stdout } = await world.relais("log", "-n", "100");

    assertEquals([rewritten.server, rewritten.removed], [
      "production",
      Object.keys(all).length - 2,
    ]);
    assertEquals(copied(world), {
      "a.csv": "newest",
      "c.csv": "three",
      "d.csv": "four",
    });
    assertMatch(stdout, /line 1: it is not written as server.list_format says/);
  });
}

Deno.test("a foreign list that is written anew with the same size and end is read again", async () => {
  await using world = await foreignWorld("{date:%Y-%m-%d %H:%M};{size};{path}");
  keep(world, { "a.csv": "one", "b.csv": "two" }, "2026-11-23 10:00");
  await world.pass();
  const { root } = world.production;
  const list = `${root}/copied.txt`;
  const text = Deno.readTextFileSync(list);
  Deno.writeTextFileSync(`${root}/a.csv`, "ONE");
  const anew = text.replace("10:00;3;a.csv", "11:00;3;a.csv");
  Deno.writeTextFileSync(list, anew);
  Deno.utimeSync(list, 1_700_001_000, 1_700_001_000);
  const changed = await world.pass();
  // More lines, and none of them where it was.
  Deno.writeTextFileSync(`${root}/c.csv`, "three");
  const lines = anew.trimEnd().split("\n").reverse();
  const more = ["2026-11-23 12:00;5;c.csv", ...lines].join("\n");
  Deno.writeTextFileSync(list, `${more}\n`);
  Deno.utimeSync(list, 1_700_002_000, 1_700_002_000);
  const longer = await world.pass();

  assertEquals(anew.length, text.length);
  assertEquals([changed.copied, changed.exit], [1, 0]);
  assertEquals([longer.copied, longer.exit], [1, 0]);
  assertEquals(copied(world), {
    "a.csv": "ONE",
    "b.csv": "two",
    "c.csv": "three",
  });
});

Deno.test("of two foreign lists the newer file comes, whatever its line", async () => {
  await using world = await foreignWorld("{date:%Y-%m-%d %H:%M};{size};{path}");
  keep(world, { "a.csv": "old" }, "2026-11-23 10:00");
  for (const path of ["b.csv", "c.csv", "a.csv"]) {
    keep(world, { [path]: "on line" }, "2026-11-23 10:01");
  }
  await world.pass();
  await world.production.sshd.stop();
  const { root } = world.backup;
  Deno.writeTextFileSync(`${root}/a.csv`, "newest, on line 1");
  Deno.writeTextFileSync(
    `${root}/copied.txt`,
    "2026-11-24 09:00;17;a.csv\n2026-11-23 10:01;7;b.csv\n2026-11-23 10:01;7;c.csv\n",
  );
  const failedOver = await world.pass();
  await world.production.sshd.start();
  const back = await world.pass();

  assertEquals([failedOver.server, failedOver.copied], ["backup", 1]);
  assertEquals([back.server, back.copied, back.exit], ["production", 0, 0]);
  assertEquals(copied(world)["a.csv"], "newest, on line 1");
});

Deno.test("a foreign list that is missing, or half configured, is told", async () => {
  await using world = await foreignWorld("{date} {path}");
  const { exit } = await world.pass();
  assertEquals(exit, 3);
  const text = Deno.readTextFileSync(world.config);
  Deno.writeTextFileSync(
    world.config,
    text.replace(/^list_format = .*$/m, "").replace("{date} {path}", "{date}"),
  );
  const { code, stderr } = await world.relais("--once");
  assertEquals(code, 2);
  assertMatch(stderr, /list and list_format belong together/);
  assertMatch(
    stderr,
    /list_format: expected a pattern, like .*\{path\} must be there once/,
  );
});
