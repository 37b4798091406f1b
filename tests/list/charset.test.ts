import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  listedPath,
  pathInTree,
  readableName,
} from "../../lib/list/charset.ts";
import { fromWire, toWire } from "../../lib/sftp/wire-path.ts";
import { isCharset } from "../../lib/text/charset.ts";
import { checkPath } from "../../lib/list/path.ts";

for (
  const [path, charset, readable] of [
    ["inventaire_%E9t%E9.csv", "latin1", "inventaire_été.csv"],
    ["%E9t%E9/%80.csv", "windows-1252", "été/€.csv"],
    ["%A4.csv", "iso-8859-15", "€.csv"],
    ["%93%FA%95\\.csv", "shift_jis", "日表.csv"],
    ["%F0%D2%C9%D7%C5%D4", "koi8-r", "Привет"],
    // A part that is UTF-8 is nobody's business.
    ["été%20/100%/caf%E9", "latin1", "été%20/100%/café"],
    ["50%25 %E9", "latin1", "50% é"],
    ["line%0Abreak %E9", "latin1", "line\nbreak é"],
  ] as const
) {
  Deno.test(`readableName() reads ${path} in ${charset}`, () => {
    assertEquals(readableName(path, charset), readable);
  });
}

for (
  const [what, path, charset] of [
    ["a name without escapes", "café", "latin1"],
    ["an escaped name that is UTF-8", "caf%C3%A9", "latin1"],
    ["escapes that no publisher writes", "caf%e9", "latin1"],
    ["escapes of what needs none", "%41%E9", "latin1"],
    ["a percent sign that escapes nothing", "100% %E9", "latin1"],
    ["what is no character of the charset", "%81%FF", "shift_jis"],
    ["a name that would lead elsewhere", "%E9/..", "latin1"],
    ["a name with NUL", "%00%E9", "latin1"],
  ] as const
) {
  Deno.test(`readableName() leaves ${what} alone`, () => {
    assertEquals(readableName(path, charset), undefined);
  });
}

Deno.test("readableName() reads every name in Latin-1, and no two as one", () => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 40 });
  const escape = (name: Uint8Array) =>
    [...name].map((byte) =>
      byte < 0x20 || byte === 0x25 || byte > 0x7e
        ? `%${byte.toString(16).toUpperCase().padStart(2, "0")}`
        : String.fromCharCode(byte)
    ).join("");
  fc.assert(fc.property(bytes, bytes, (one, other) => {
    const [a, b] = [escape(one), escape(other)];
    const [readA, readB] = [a, b].map((path) => readableName(path, "latin1"));
    if (readA !== undefined) assertEquals(checkPath(readA), undefined);
    if (a !== b && readA !== undefined) assert(readA !== readB);
  }));
});

Deno.test("isCharset() knows what names can be in", () => {
  for (const label of ["latin1", "ISO-8859-15", "windows-1252", "gbk"]) {
    assert(isCharset(label), label);
  }
  for (const label of ["", "latin", "utf-8", "utf-16le", "hz-gb-2312"]) {
    assert(!isCharset(label), label);
  }
});

for (
  const [what, bytes, listed] of [
    ["ASCII", "cafe 100%", "cafe 100%"],
    ["UTF-8", "caf\xC3\xA9", "café"],
    ["Latin-1", "caf\xE9", "caf%E9"],
    [
      "both, a percent sign and a control byte",
      "\xE9\xC3\xA9%\n",
      "%E9é%25%0A",
    ],
    ["a name that looks like an escaped one", "caf%E9", "caf%25E9"],
    ["and one that looks like that", "caf%25E9", "caf%2525E9"],
    ["percent signs of somebody else", "caf%e9 a%20b", "caf%e9 a%20b"],
  ] as const
) {
  Deno.test(`listedPath() lists ${what} as ${listed}`, () => {
    const latin1 = (text: string) =>
      Uint8Array.from(text, (character) => character.charCodeAt(0));
    const path = fromWire(latin1(bytes));

    assertEquals(listedPath(path), listed);
    assertEquals(pathInTree(listed), path);
  });
}

Deno.test("every path of a tree is listed in UTF-8, and found again by its bytes", () => {
  const some = fc.constantFrom(...[
    0x25,
    0x45,
    0x39,
    0x32,
    0x35,
    0xc3,
    0xa9,
    0xe9,
  ]);
  const byte = fc.oneof(some, fc.integer({ min: 0, max: 255 }));
  const spelt = fc.array(byte, { maxLength: 30 }).map((bytes) =>
    Uint8Array.from(bytes)
  );
  const listings = new Map<string, string>();
  fc.assert(
    fc.property(spelt, (bytes) => {
      const path = fromWire(bytes);
      const listed = listedPath(path);
      assert(listed.isWellFormed());
      assertEquals(new Uint8Array(bytesOf(toWire(pathInTree(listed)))), bytes);
      // No two paths share one name.
      assertEquals(listings.get(listed) ?? path, path);
      listings.set(listed, path);
    }),
    { numRuns: 5_000 },
  );
});

function bytesOf(path: string | Uint8Array): Uint8Array {
  return typeof path === "string" ? new TextEncoder().encode(path) : path;
}
