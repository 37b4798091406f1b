import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Entry } from "../../lib/list/entry.ts";
import {
  type Extension,
  formatExtension,
  formatHeader,
  formatLine,
  isExtension,
  parseExtension,
  parseHeader,
  parseLine,
} from "../../lib/list/format.ts";
import { checkPath, decodePath, encodePath } from "../../lib/list/path.ts";
import { parseTimestamp, type Timestamp } from "../../lib/text/timestamp.ts";

const timestamps = fc.tuple(
  fc.bigInt({ min: -(10n ** 11n), max: 10n ** 11n }),
  fc.nat(999_999_999),
).map(([seconds, nanoseconds]) =>
  parseTimestamp(`${seconds}.${String(nanoseconds).padStart(9, "0")}`)!
);

const parts = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 });
const paths = fc.array(parts, { minLength: 1, maxLength: 5 })
  .map((some) => some.join("/"))
  .filter((path) => checkPath(path) === undefined);

const digests = fc.oneof(
  fc.constant(null),
  fc.stringMatching(/^[0-9a-f]{64}$/).map((hex) => `sha256:${hex}` as const),
  fc.nat(2 ** 31).map((number) => `cksum:${number}` as const),
);

const entries: fc.Arbitrary<Entry> = fc.record({
  seq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  op: fc.constant("+" as const),
  published: timestamps,
  mtime: timestamps,
  size: fc.nat(Number.MAX_SAFE_INTEGER),
  mode: fc.option(fc.nat(0o7777)),
  digest: digests,
  path: paths,
});

Deno.test("parseLine() reads back what formatLine() wrote", () => {
  fc.assert(fc.property(entries, (entry) => {
    const line = formatLine(entry);
    assertEquals(line.indexOf("\n"), line.length - 1);
    assertEquals(parseLine(line.slice(0, -1)), { value: entry });
  }));
});

Deno.test("parseLine(), parseHeader() and parseExtension() never throw, whatever they are given", () => {
  const anything = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(fc.string({ unit: "binary" }), { maxLength: 10 }).map((fields) =>
      fields.join("\t")
    ),
  );
  fc.assert(fc.property(anything, (line) => {
    assert("value" in parseLine(line) || "reason" in parseLine(line));
    assert("value" in parseHeader(line) || "reason" in parseHeader(line));
    parseExtension(line);
    parseExtension(`#writer ${line}`);
    parseExtension(`#from ${line}`);
    parseExtension(`#carried ${line}`);
  }));
});

Deno.test("parseLine() lets through only paths that stay where they belong", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const parsed = parseLine(`1\t+\t1\t1\t1\t0644\t-\t${text}`);
    if ("reason" in parsed) return;
    const names = parsed.value.path.split("/");
    assert(!names.some((name) => ["", ".", ".."].includes(name)));
    assert(names[0] !== ".relais" && !parsed.value.path.includes("\0"));
  }));
});

Deno.test("decodePath() reads back what encodePath() wrote", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (path) => {
    assertEquals(decodePath(encodePath(path)), path);
  }));
});

Deno.test("encodePath() leaves nothing that would break a line", () => {
  assertEquals(encodePath("a\tb\nc%d\x7f\x00é"), "a%09b%0Ac%25d%7F%00é");
});

Deno.test("decodePath() gives a source name that was not UTF-8 its ASCII form", () => {
  assertEquals(
    decodePath("inventaire_%25E9t%25E9.csv"),
    "inventaire_%E9t%E9.csv",
  );
  assertEquals(decodePath("%E9t%E9.csv"), undefined);
});

const digest = `sha256:${"0".repeat(64)}`;
const refused: [string, string][] = [
  ["", "fields, not 8"],
  ["1\t+\t1\t1\t1\t0644\t-", "fields, not 8"],
  ["1\t+\t1\t1\t1\t0644\t-\ta\tb", "fields, not 8"],
  ["0\t+\t1\t1\t1\t0644\t-\ta", "number"],
  ["01\t+\t1\t1\t1\t0644\t-\ta", "number"],
  ["9007199254740993\t+\t1\t1\t1\t0644\t-\ta", "number"],
  ["1\t*\t1\t1\t1\t0644\t-\ta", "operation"],
  ["1\t+\tx\t1\t1\t0644\t-\ta", "publication"],
  ["1\t+\t1\t1e9\t1\t0644\t-\ta", "date"],
  ["1\t+\t1\tNaN\t1\t0644\t-\ta", "date"],
  ["1\t+\t1\t1.0000000001\t1\t0644\t-\ta", "date"],
  ["1\t+\t1\t1\t-1\t0644\t-\ta", "size"],
  ["1\t+\t1\t1\t1e999\t0644\t-\ta", "size"],
  ["1\t+\t1\t1\t1\t644\t-\ta", "mode"],
  ["1\t+\t1\t1\t1\t0844\t-\ta", "mode"],
  ["1\t+\t1\t1\t1\t0644\tmd5:0\ta", "digest"],
  [`1\t+\t1\t1\t1\t0644\t${digest}0\ta`, "digest"],
  ["1\t-\t1\t1\t5\t-\t-\ta", "withdrawal"],
  ["1\t+\t1\t1\t1\t0644\t-\t", "empty"],
  ["1\t+\t1\t1\t1\t0644\t-\t/etc/passwd", "absolute"],
  ["1\t+\t1\t1\t1\t0644\t-\ta/../b", '".."'],
  ["1\t+\t1\t1\t1\t0644\t-\t./a", '"."'],
  ["1\t+\t1\t1\t1\t0644\t-\ta//b", "empty part"],
  ["1\t+\t1\t1\t1\t0644\t-\ta/", "empty part"],
  ["1\t+\t1\t1\t1\t0644\t-\ta%00b", "NUL"],
  ["1\t+\t1\t1\t1\t0644\t-\t%2E%2E/a", '".."'],
  ["1\t+\t1\t1\t1\t0644\t-\t%2Fetc", "absolute"],
  ["1\t+\t1\t1\t1\t0644\t-\t.relais/list", ".relais"],
  ["1\t+\t1\t1\t1\t0644\t-\ta%zz", "%XX form"],
  ["1\t+\t1\t1\t1\t0644\t-\tcaf\uFFFD", "UTF-8"],
  [`1\t+\t1\t1\t1\t0644\t-\t${"é".repeat(128)}`, "255"],
  [`1\t+\t1\t1\t1\t0644\t-\t${"a/".repeat(2_048)}a`, "4096"],
];

for (const [line, reason] of refused) {
  Deno.test(`parseLine() refuses ${JSON.stringify(line).slice(0, 60)}`, () => {
    const parsed = parseLine(line);
    assert(
      "reason" in parsed && parsed.reason.includes(reason),
      JSON.stringify(parsed),
    );
  });
}

Deno.test("parseLine() takes dates before 1970 and far ahead", () => {
  const line = (date: string) => parseLine(`1\t+\t1\t${date}\t1\t0644\t-\ta`);
  const dates = ["-1", "-0.5", "0", "253402300799", "4294967296.123456789"].map(
    (date) => {
      const parsed = line(date);
      return "value" in parsed ? parsed.value.mtime : parsed.reason;
    },
  );
  assertEquals<string[]>(dates, [
    "-1",
    "-0.5",
    "0",
    "253402300799",
    "4294967296.123456789",
  ]);
});

Deno.test("parseHeader() reads back what formatHeader() wrote", () => {
  const header = { generation: "2026-a", created: "1700000000.5" as Timestamp };
  assertEquals(parseHeader(formatHeader(header).slice(0, -1)), {
    value: header,
  });
});

Deno.test("isExtension() tells lines that a reader may pass over", () => {
  assertEquals(["# signed", "1\t+", ""].map(isExtension), [true, false, false]);
});

Deno.test("parseExtension() reads back what formatExtension() wrote", () => {
  const extensions: Extension[] = [
    { writer: "4294967295" },
    { writer: "site-2.example.NET" },
    { from: { generation: "2026-a", seq: 0 } },
    { from: { generation: "x", seq: Number.MAX_SAFE_INTEGER } },
    { carried: 0 },
    { carried: 130_000 },
  ];
  assertEquals(
    extensions.map((one) => parseExtension(formatExtension(one).slice(0, -1))),
    extensions,
  );
});

for (
  const line of [
    "",
    "#",
    "#writer",
    "#writer ",
    "#writer  a",
    "#writer a b",
    "#writer a_b",
    `#writer ${"a".repeat(65)}`,
    "#writer a\r",
    "#writer\ta",
    "#writers a",
    " #writer a",
    "writer a",
    "#from",
    "#from a",
    "#from a ",
    "#from a 01",
    "#from a -1",
    "#from a 1 2",
    "#from a_b 1",
    "#from a 9007199254740993",
    "#carried",
    "#carried ",
    "#carried 1 2",
    "#carried 1e3",
    "#carried -1",
    "#set 1-5",
  ]
) {
  Deno.test(`parseExtension() knows no ${JSON.stringify(line).slice(0, 40)}`, () => {
    assertEquals(parseExtension(line), undefined);
  });
}
