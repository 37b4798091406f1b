/**
 * What a list can say, and what comes of it: nothing but files below `into`,
 * whatever its bytes are.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Buffer } from "node:buffer";
import { generated, only, type Trick } from "../../fixtures/hostile-server.ts";
import {
  brief,
  exportPath,
  headerOf,
  type HostileOptions,
  type HostileWorld,
  type Line,
  lineOf,
  makeHostileWorld,
} from "../../fixtures/hostile-world.ts";
import { encodePath } from "../../lib/list/path.ts";

const listPath = `${exportPath}/.relais/list`;

/** What must come whatever else the list says. */
const good = { "a.csv": "first\n", "z.csv": "last\n" };
const first: Line = { seq: 1, path: "a.csv", text: "first\n" };

function last(seq: number): Line {
  return { seq, path: "z.csv", text: "last\n" };
}

/** A test in a world whose production has the files that the list names well. */
function listTest(
  name: string,
  options: HostileOptions,
  run: (world: HostileWorld) => Promise<void>,
): void {
  Deno.test(name, async () => {
    await using world = await makeHostileWorld(options);
    world.production.write(good);
    await run(world);
    assertEquals(world.outside(), []);
  });
}

const refused: [what: string, line: Partial<Line>][] = [
  ["the size -1", { size: "-1" }],
  ["the size 1e999", { size: "1e999" }],
  ["the size NaN", { size: "NaN" }],
  ["the size 2^53+1", { size: "9007199254740993" }],
  ["the size 2^63", { size: "9223372036854775808" }],
  ["the date NaN", { mtime: "NaN" }],
  ["the date 1e999", { mtime: "1e999" }],
  ["the date 2^63", { mtime: "9223372036854775808" }],
  ["ten decimals", { mtime: "1.0123456789" }],
  ["the mode 99999", { mode: "99999" }],
  ["a digest of another length", { digest: "sha256:abcd" }],
  ["an absolute path", { path: "/etc/relais-test" }],
  ["the path ..", { path: ".." }],
  ["the path a/../../b", { path: "a/../../b" }],
  ["the path a/%2E%2E/b", { path: "a/%2E%2E/%2E%2E/b" }],
  ["the path ./a", { path: "./a" }],
  ["the path a//b", { path: "a//b" }],
  ["the path a/", { path: "a/" }],
  ["an empty path", { path: "" }],
  ["the path .", { path: "." }],
  ["NUL in its path", { path: "a%00b" }],
  ["bytes that are not UTF-8", { path: "caf%E9" }],
  ["a path of relais's own", { path: ".relais/staging/x" }],
  ["the path of relais's journal", { path: ".relais/journal" }],
  ["a path of relais's own in capitals", { path: ".RELAIS/journal" }],
  ["a path of relais's own, hidden", { path: ".re\u200dlais/journal" }],
  ["a part of 256 bytes", { path: `${"é".repeat(128)}/b` }],
  ["a path of 4097 bytes", { path: `${"ab/".repeat(1_365)}ab` }],
  ["a line of 20 KiB", { path: "x".repeat(20_000) }],
];
listTest(
  "a line that breaks a rule is refused, and the others are copied",
  { resident: true },
  async (world) => {
    let seq = 0;
    for (const [at, [what, line]] of refused.entries()) {
      const texts = { "a.csv": `first, ${what}`, "z.csv": `last, ${what}` };
      world.production.write(texts);
      const [before, after] = Object.entries(texts);
      const added = [
        { seq: ++seq, path: before![0], text: before![1] },
        { seq: ++seq, path: `bad ${at}`, ...line },
        { seq: ++seq, path: after![0], text: after![1] },
      ];
      if (at === 0) world.production.list(...added);
      else world.production.append(...added);

      const report = await world.pass() as
        & Awaited<ReturnType<HostileWorld["pass"]>>
        & { refused: number };

      const { exit, seen, copied } = report;
      // Those of earlier passes are told again.
      assertEquals(
        [what, exit, seen, copied, report.refused, world.here()],
        [what, 1, 2, 2, at + 1, brief(texts)],
      );
    }
  },
);

listTest(
  "a line whose number is not after the one before is refused",
  {},
  async (world) => {
    world.production.list(first, { seq: 1, path: "bad", text: "x" }, last(2));

    const { exit } = await world.pass();

    assertEquals([exit, world.here()], [1, good]);
  },
);

const dates = [
  "-2177452800", // 1901
  "-1",
  "0",
  "2147483648", // after 2038-01-19
  "4294967296.5", // after 2106
  "253402300799", // the end of 9999
  "-62167219201", // before year 0
  "999999999999",
  "-999999999999",
];
listTest(
  "dates from long ago and far ahead are taken, and nothing is copied twice for them, even without a state",
  {},
  async (world) => {
    const texts = Object.fromEntries(
      dates.map((date) => [`${date}.csv`, date]),
    );
    world.production.write(texts);
    world.production.list(
      ...dates.map((mtime, index) => ({
        seq: index + 1,
        path: `${mtime}.csv`,
        text: mtime,
        mtime,
        published: mtime,
      })),
    );

    const once = await world.pass();
    const twice = await world.pass();
    await Deno.remove(world.state, { recursive: true });
    const again = await world.pass();

    assertEquals([once.exit, once.copied], [0, dates.length]);
    assertEquals([twice.exit, twice.copied], [0, 0]);
    assertEquals([again.exit, again.copied], [0, 0]);
    assertEquals(world.here(), texts);
  },
);

listTest(
  "a file and a directory of one name: the second is named, and nothing is taken away for it",
  {},
  async (world) => {
    world.production.list(
      first,
      { seq: 2, path: "z.csv/below", text: "x" },
      last(3),
      { seq: 4, path: "a.csv/below", text: "x" },
    );

    const { exit, failed } = await world.pass();

    assertEquals(failed.map(({ path }) => path), [
      "z.csv/below",
      "a.csv/below",
    ]);
    assertEquals([exit, world.here()], [1, good]);
  },
);

listTest(
  "a path that is named twice comes once, as it was named last",
  {},
  async (world) => {
    world.production.list(
      { seq: 1, path: "a.csv", text: "an earlier one\n" },
      { ...first, seq: 2 },
      last(3),
    );

    const { exit, copied } = await world.pass();

    assertEquals([exit, copied, world.here()], [0, 2, good]);
  },
);

listTest(
  "names that differ by case or Unicode form alone are different files",
  {},
  async (world) => {
    const texts = {
      "stock.csv": "1",
      "Stock.csv": "2",
      "caf\u00e9": "3",
      "cafe\u0301": "4",
    };
    world.production.publish(texts);

    const { exit } = await world.pass();

    assertEquals([exit, world.here()], [0, texts]);
  },
);

listTest(
  "long and strange names are copied as they are",
  {},
  async (world) => {
    const paths = [
      "x".repeat(255),
      `${"d/".repeat(200)}deep`,
      "-rf",
      "trailing ",
      "new\nline",
      "\x1b[2J",
      "a\u202eb",
      "~",
      "$(touch x)",
      "%41",
    ];
    const texts = Object.fromEntries(paths.map((path) => [path, "x"]));
    world.production.write(texts);
    world.production.list(
      ...paths.map((path, index) => ({
        seq: index + 1,
        path: encodePath(path),
        text: "x",
      })),
    );

    const { exit } = await world.pass();

    assertEquals([exit, world.here()], [0, texts]);
  },
);

listTest(
  "an empty file is copied",
  {},
  async (world) => {
    world.production.publish({ "empty": "" });

    const { exit } = await world.pass();

    assertEquals([exit, world.here()], [0, { "empty": "" }]);
  },
);

listTest(
  "a file larger than the disk is named, and the others are copied",
  {},
  async (world) => {
    const size = Number.MAX_SAFE_INTEGER;
    world.production.list(first, { seq: 2, path: "huge", size }, last(3));

    const { exit, failed } = await world.pass();

    assertEquals(failed.map(({ path }) => path), ["huge"]);
    assertStringIncludes(failed[0]!.error, "the whole disk is smaller");
    assertEquals([exit, world.here()], [1, good]);
  },
);

listTest(
  "a last line that is not whole is left for the next pass",
  {},
  async (world) => {
    const whole = lineOf(last(2));
    world.production.list(first, whole.slice(0, 30));

    const torn = await world.pass();
    world.production.append(whole.slice(30));
    const mended = await world.pass();

    assertEquals([torn.exit, torn.copied], [0, 1]);
    assertEquals([mended.exit, mended.copied], [0, 1]);
    assertEquals(world.here(), good);
  },
);

listTest(
  "a list that is made anew under another generation is read, and nothing is copied twice",
  {},
  async (world) => {
    const { production } = world;
    production.list(first, last(2));
    await world.pass();
    production.generation = "anew";
    production.list(first, last(2));

    const { exit, copied, generation } = await world.pass();

    assertEquals([exit, copied, generation], [0, 0, "anew"]);
  },
);

Deno.test("a list that grows faster than it is read ends where it ended when it was opened", async () => {
  let grow = () => {};
  const growing: Trick = (asked) => {
    grow();
    asked.honest();
  };
  await using world = await makeHostileWorld({
    script: { READ: only(listPath, growing) },
  });
  let seq = 2;
  world.production.write(good);
  world.production.list(first, last(2));
  grow = () => {
    for (let line = 0; line < 2_000; line++) {
      world.production.append({
        seq: ++seq,
        path: "none",
        op: "-",
        size: 0,
        mode: "-",
        digest: "-",
      });
    }
  };

  const { exit } = await world.pass("--max-time", "60s");

  assertEquals([exit, world.here()], [0, good]);
});

Deno.test("a line of 1 GiB ends with exit 3, and takes no memory", async () => {
  const size = 2 ** 30;
  let sent = 0;
  await using world = await makeHostileWorld({
    script: generated(listPath, {
      size,
      at(position, length) {
        const header = Buffer.from(headerOf("g1"));
        if (position < header.length) return header.subarray(position);
        sent += length;
        return Buffer.alloc(Math.min(length, size - position), "x");
      },
    }),
  });
  world.production.list();

  const { code, peakBytes } = await world.measuredPass();

  assertEquals(code, 3);
  assert(peakBytes < 400 * 2 ** 20, `${peakBytes} bytes`);
  assert(sent < 2 ** 28, `${sent} bytes`);
});

Deno.test("lines that break a rule, for ever, end with exit 3, and take no memory", async () => {
  const size = Number.MAX_SAFE_INTEGER;
  await using world = await makeHostileWorld({
    script: generated(listPath, {
      size,
      at(position, length) {
        const header = Buffer.from(headerOf("g1"));
        if (position < header.length) return header.subarray(position);
        return Buffer.alloc(length, "x\n");
      },
    }),
  });
  world.production.list();

  const { code, peakBytes } = await world.measuredPass();

  assertEquals(code, 3);
  assert(peakBytes < 400 * 2 ** 20, `${peakBytes} bytes`);
});

Deno.test("a list that ends before its size is no list, and nothing is taken for withdrawn", async () => {
  let lies = false;
  await using world = await makeHostileWorld({
    script: {
      READ: only(listPath, (asked) => {
        // A header, and nothing of what comes after it.
        if (!lies || asked.length === 256) asked.honest();
        else asked.sftp.status(asked.id, 1);
      }),
    },
    replica: `delete = "remove"\nmax_delete = "100%"`,
  });
  world.production.publish(good);
  await world.pass();
  world.production.generation = "anew";
  world.production.list(first, last(2));
  lies = true;

  const { exit } = await world.pass();

  assertEquals([exit, world.here()], [3, good]);
});
