import { assertEquals } from "@std/assert";
import { judge, type Origin, type Standing } from "../lib/state/standing.ts";
import type { Timestamp } from "../lib/timestamp.ts";

const a = `sha256:${"a".repeat(64)}` as const;
const b = `sha256:${"b".repeat(64)}` as const;

const here: Origin = {
  server: "production",
  generation: "g1",
  seq: 10,
  published: "2000" as Timestamp,
  mtime: "1000.5" as Timestamp,
  size: 5,
  digest: a,
};

const older = "900.5" as Timestamp;
const newer = "1100.5" as Timestamp;

const cases: [string, Partial<Origin>, Standing][] = [
  ["the same line", {}, "here"],
  [
    "a later line of the same list with other contents",
    { seq: 11, digest: b },
    "wanted",
  ],
  ["a later line that goes back to an older date", {
    seq: 11,
    digest: b,
    mtime: older,
  }, "wanted"],
  [
    "a later line that changes the date alone",
    { seq: 11, mtime: newer },
    "wanted",
  ],
  ["an earlier line of the same list", { seq: 9, digest: b }, "older"],
  ["the same file in a new generation", { generation: "g2", seq: 1 }, "here"],
  ["a version published later in a new generation", {
    generation: "g2",
    seq: 1,
    digest: b,
    published: "2001" as Timestamp,
  }, "wanted"],
  ["a version published earlier in a new generation", {
    generation: "g2",
    seq: 1,
    digest: b,
    published: "1999" as Timestamp,
  }, "older"],
  ["the same contents on backup with another date", {
    server: "backup",
    generation: "b1",
    mtime: newer,
  }, "here"],
  ["a newer file on backup", {
    server: "backup",
    generation: "b1",
    digest: b,
    mtime: newer,
  }, "wanted"],
  ["an older file that a lagging backup published late", {
    server: "backup",
    generation: "b1",
    digest: b,
    mtime: older,
    published: "9000" as Timestamp,
  }, "older"],
  ["other contents of the same date on backup", {
    server: "backup",
    generation: "b1",
    digest: b,
  }, "conflict"],
  ["a copy of production's own list on backup", {
    server: "backup",
    seq: 12,
    digest: b,
  }, "wanted"],
  ["an older copy of production's own list on backup", {
    server: "backup",
    seq: 8,
    digest: b,
  }, "older"],
  ["a walked tree with the date to the second", {
    generation: null,
    digest: null,
    mtime: "1000" as Timestamp,
  }, "here"],
  ["a walked tree with another size and the same date", {
    generation: null,
    digest: null,
    mtime: "1000" as Timestamp,
    size: 6,
  }, "wanted"],
  ["a walked tree with an older date", {
    generation: null,
    digest: null,
    mtime: "900" as Timestamp,
  }, "older"],
];

for (const [what, offered, standing] of cases) {
  Deno.test(`judge() finds ${what} ${standing}`, () => {
    assertEquals(judge({ ...here, ...offered }, here), standing);
  });
}

Deno.test("judge() wants what is not here", () => {
  assertEquals(judge(here, undefined), "wanted");
});
