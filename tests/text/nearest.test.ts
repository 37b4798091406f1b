import { assertEquals } from "@std/assert";
import { nearest } from "../../lib/text/nearest.ts";

const candidates = ["into", "state", "include", "exclude", "known_hosts"];

Deno.test("nearest() finds a word with a swap, a gap, a slip or one letter too many", () => {
  assertEquals(
    ["inot", "stae", "inclide", "exxclude"].map((word) =>
      nearest(word, candidates)
    ),
    ["into", "state", "include", "exclude"],
  );
});

Deno.test("nearest() overlooks case, and other ways to join words", () => {
  assertEquals(
    ["INTO", "knownHosts", "known-hosts"].map((word) =>
      nearest(word, candidates)
    ),
    ["into", "known_hosts", "known_hosts"],
  );
});

Deno.test("nearest() finds nothing for a word that is like no other", () => {
  assertEquals(
    ["", "password", "in", "xx"].map((word) => nearest(word, candidates)),
    Array(4).fill(undefined),
  );
});

Deno.test("nearest() finds nothing where there is nothing", () => {
  assertEquals(nearest("into", []), undefined);
});

Deno.test("nearest() takes the word that a letter was added to before one that lacks a letter", () => {
  assertEquals(nearest("stats", ["status", "stat"]), "stat");
});
