import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { cutUtf8, escapeVisible } from "../../lib/text/escape.ts";

/** Any sequence of UTF-16 units, lone surrogates and control characters included. */
const anyText = fc.array(fc.integer({ min: 0, max: 0xffff }))
  .map((units) => String.fromCharCode(...units));

const awkwardText = fc.oneof(
  anyText,
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.constantFrom("\\", "x", "1", "b", "\x1b", "\n", "n") }),
);

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

Deno.test("escapeVisible() leaves ordinary text as it is", () => {
  const text = "état/année 2024 – 世界 👩‍🚀 'q' \"d\" 100%";

  assertEquals(escapeVisible(text), text);
});

Deno.test("escapeVisible() shows line ends, escape sequences and C1 codes", () => {
  assertEquals(
    escapeVisible("a\nb\tc\rd\x1b[31m\x7f\x9b2J\0"),
    "a\\nb\\tc\\x0dd\\x1b[31m\\x7f\\x9b2J\\x00",
  );
});

Deno.test("escapeVisible() shows what turns the direction of writing", () => {
  assertEquals(
    escapeVisible("\u202egnp.exe\u2066\u200f\u061c"),
    "\\u{202e}gnp.exe\\u{2066}\\u{200f}\\u{61c}",
  );
});

Deno.test("escapeVisible() shows line ends that only Unicode knows", () => {
  assertEquals(escapeVisible("a\u2028b\u2029"), "a\\u{2028}b\\u{2029}");
});

Deno.test("escapeVisible() shows lone surrogates, and leaves pairs", () => {
  assertEquals(escapeVisible("\ud800 \udc00 😀"), "\\u{d800} \\u{dc00} 😀");
});

Deno.test("escapeVisible() tells a backslash from an escape", () => {
  assertEquals(escapeVisible("a\\nb"), "a\\\\nb");
});

Deno.test("escapeVisible() leaves nothing invisible in any text", () => {
  fc.assert(fc.property(awkwardText, (text) => {
    const visible = escapeVisible(text);
    assert(!/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u.test(visible));
    assert(visible.isWellFormed());
  }));
});

Deno.test("escapeVisible() gives different texts different forms", () => {
  fc.assert(fc.property(awkwardText, (text) => {
    assertEquals(unescape(escapeVisible(text)), text);
  }));
});

/** The way back, to show that there is one. */
function unescape(visible: string): string {
  return visible.replace(
    /\\(?:([\\nt])|x([0-9a-f]{2})|u\{([0-9a-f]+)\})/g,
    (_, short?: string, byte?: string, code?: string) => {
      if (short === "n") return "\n";
      if (short === "t") return "\t";
      if (short === "\\") return "\\";
      return String.fromCodePoint(parseInt(byte ?? code!, 16));
    },
  );
}

Deno.test("cutUtf8() leaves a text that fits", () => {
  assertEquals(cutUtf8("été", 5), { text: "été", cut: false });
});

Deno.test("cutUtf8() does not cut within a character", () => {
  assertEquals(cutUtf8("été", 4), { text: "ét", cut: true });
});

Deno.test("cutUtf8() cuts any text to the longest beginning that fits", () => {
  const whole = fc.string({ unit: "grapheme" });
  fc.assert(fc.property(whole, fc.nat(40), (text, maxBytes) => {
    const { text: beginning, cut } = cutUtf8(text, maxBytes);
    assert(text.startsWith(beginning) && beginning.isWellFormed());
    assertEquals(cut, beginning !== text);
    const next = [...text.slice(beginning.length)][0] ?? "";
    assert(bytesOf(beginning) <= maxBytes);
    assert(!cut || bytesOf(beginning + next) > maxBytes);
  }));
});
