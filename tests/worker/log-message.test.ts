import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  formatForJournal,
  formatForPerson,
  formatLine,
  maxLineBytes,
  parseLine,
} from "../../lib/log/line.ts";
import {
  isAtLeast,
  type LogMessage,
  makeMessage,
  maxTextBytes,
} from "../../lib/worker/log-message.ts";

/** Text of any kind: graphemes, any code points, any UTF-16 units; short and long. */
const anyText = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 200 }),
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 200 })
    .map((units) => String.fromCharCode(...units)),
);

const message: LogMessage = {
  time: Date.UTC(2026, 2, 1, 10, 0, 0, 7),
  module: "copy-list",
  level: "warning",
  text: "retrying stock/a.csv",
  pass: "7f3a90c1",
};

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

Deno.test("makeMessage() keeps a text of 128 bytes whole", () => {
  const text = "é".repeat(64);

  const { message, cut } = makeMessage("copy-list", "info", text);

  assertEquals([message.text, cut], [text, false]);
});

Deno.test("makeMessage() cuts and marks a text of 129 bytes", () => {
  const { message, cut } = makeMessage("log", "info", "é".repeat(64) + "e");

  assertEquals([message.text, cut], ["é".repeat(62) + "…", true]);
});

Deno.test("makeMessage() counts bytes after escaping", () => {
  const { message, cut } = makeMessage("log", "info", "\n".repeat(65));

  assertEquals([message.text, cut], ["\\n".repeat(62) + "\\…", true]);
});

Deno.test("makeMessage() fits any text into 128 bytes of visible UTF-8", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const { message, cut } = makeMessage("publish", "debug", text);
      assert(bytesOf(message.text) <= maxTextBytes);
      assert(message.text.isWellFormed());
      assert(!/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u.test(message.text));
      assertEquals(cut && !message.text.endsWith("…"), false);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("makeMessage() names the pass only within one", () => {
  const outside = makeMessage("stat", "info", "x").message;
  const within = makeMessage("stat", "info", "x", "7f3a90c1").message;

  assertEquals("pass" in outside, false);
  assertEquals(within.pass, "7f3a90c1");
});

Deno.test("isAtLeast() orders the levels by gravity", () => {
  assert(isAtLeast("error", "warning"));
  assert(isAtLeast("info", "info"));
  assert(!isAtLeast("debug", "info"));
});

Deno.test("formatLine() says when, how grave, who, in which pass, and what", () => {
  assertEquals(
    formatLine(message),
    "2026-03-01T10:00:00.007Z warning copy-list 7f3a90c1 retrying stock/a.csv",
  );
});

Deno.test("formatLine() makes one short line of whatever a name contains", () => {
  const evil = "a\n2026-03-01T10:00:00.000Z error log - forged\r\x1b[2J\x9b1m";

  const { message } = makeMessage("synchro-list", "warning", evil, "7f3a90c1");
  const line = formatLine(message);

  assert(!/[\p{Cc}]/u.test(line));
  assert(line.includes("a\\n2026-03-01T10:00:00.000Z error log - forged\\x0d"));
});

Deno.test("parseLine() reads back what formatLine() wrote", () => {
  fc.assert(fc.property(anyText, fc.boolean(), (text, within) => {
    const pass = within ? "7f3a90c1" : "";
    const { message } = makeMessage("test-server", "error", text, pass);
    const line = formatLine(message);
    assertEquals(parseLine(line), message);
    assert(bytesOf(line) < maxLineBytes);
  }));
});

Deno.test("parseLine() takes nothing for a message that is none", () => {
  const whole = formatLine(message);
  const lines = [
    "",
    "free text",
    whole.slice(5),
    whole.replace("warning", "notice"),
    whole.replace("copy-list", "kernel"),
    whole + "\x1b[31m",
  ];

  assertEquals(lines.map(parseLine), lines.map(() => undefined));
});

Deno.test("formatForPerson() names the gravity only of what is unusual", () => {
  assertEquals(
    [message, { ...message, level: "info" } as const].map(formatForPerson),
    [
      "relais: copy-list: warning: retrying stock/a.csv",
      "relais: copy-list: retrying stock/a.csv",
    ],
  );
});

Deno.test("formatForJournal() gives each level its priority", () => {
  const levels = ["debug", "info", "warning", "error"] as const;

  assertEquals(
    levels.map((level) => formatForJournal({ ...message, level, text: "x" })),
    [
      "<7>copy-list: x",
      "<6>copy-list: x",
      "<4>copy-list: x",
      "<3>copy-list: x",
    ],
  );
});
