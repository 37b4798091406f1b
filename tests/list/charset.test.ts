import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { readableName } from "../../lib/list/charset.ts";
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
