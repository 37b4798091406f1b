import { assertEquals } from "@std/assert";
import {
  compareVersions,
  type Named,
  type Order,
  type Past,
  type Position,
  type State,
} from "../../lib/state/order.ts";
import type { Timestamp } from "../../lib/text/timestamp.ts";

/** A version by the letter of its contents and its date; `-` is a withdrawal. */
function state(letter: string, date = 1_000.5): State {
  const mtime = String(date) as Timestamp;
  return letter === "-"
    ? { op: "-", mtime, size: 0, digest: null }
    : { op: "+", mtime, size: 5, digest: `sha256:${letter.repeat(64)}` };
}

function at(generation: string | null, seq: number): Position {
  return { generation, seq };
}

interface Case {
  readonly candidate: State & Position;
  readonly here?: State & Position;
  /** What has been here before. */
  readonly before?: readonly State[];
  /** What the candidate's list has named before, and which of it is here. */
  readonly named?: Named;
  readonly others?: readonly Named[];
  readonly forks?: ReturnType<Past["fork"]>;
}

const here = { ...state("a"), ...at("g1", 10) };

/** Generation g2 took g1 over, up to line 12, with 3 lines. */
const fork = { parent: "g1", upTo: 12, carried: 3 };

const cases: [string, Case, Order][] = [
  ["a later line", { candidate: { ...state("b"), ...at("g1", 11) } }, "newer"],
  [
    "a later line that goes back to an older date",
    { candidate: { ...state("b", 900.5), ...at("g1", 11) } },
    "newer",
  ],
  [
    "an earlier line",
    { candidate: { ...state("b"), ...at("g1", 9) } },
    "older",
  ],
  [
    "a later withdrawal",
    { candidate: { ...state("-"), ...at("g1", 11) } },
    "newer",
  ],
  [
    "what the list went on to that had named what is here",
    {
      candidate: { ...state("b", 900.5), ...at("g9", 1) },
      others: [{ states: [state("a"), state("b")], here: 0 }],
    },
    "newer",
  ],
  [
    "a line of a generation that took over what is here, and has gone on",
    { candidate: { ...state("b", 900.5), ...at("g2", 4) }, forks: fork },
    "newer",
  ],
  [
    "a line that such a generation carried over",
    { candidate: { ...state("b", 900.5), ...at("g2", 2) }, forks: fork },
    "newer",
  ],
  [
    "a line that was carried over before what is here was written",
    {
      candidate: { ...state("b", 1_100.5), ...at("g2", 2) },
      here: { ...state("a"), ...at("g1", 13) },
      forks: fork,
    },
    "older",
  ],
  [
    "the same contents with another date",
    { candidate: { ...state("a", 1_100.5), ...at("g9", 1) } },
    "same",
  ],
  [
    "what the list had named before that has named what is here",
    {
      candidate: { ...state("b", 1_100.5), ...at("g9", 1) },
      others: [{ states: [state("b"), state("a")], here: 1 }],
    },
    "older",
  ],
  [
    "where the list ends and the replica went on",
    {
      candidate: { ...state("b", 1_100.5), ...at("g9", 1) },
      before: [state("b")],
    },
    "older",
  ],
  [
    "where the replica ends and the list goes on",
    {
      candidate: { ...state("b", 900.5), ...at("g9", 2) },
      named: { states: [state("a"), state("b", 900.5)], here: null },
    },
    "newer",
  ],
  [
    "a later date",
    { candidate: { ...state("b", 1_100.5), ...at("g9", 1) } },
    "newer",
  ],
  [
    "an earlier date",
    { candidate: { ...state("b", 900.5), ...at("g9", 1) } },
    "older",
  ],
  [
    "the same date",
    { candidate: { ...state("b"), ...at("g9", 1) } },
    "conflict",
  ],
  [
    "the same second, where SFTP gives no finer",
    { candidate: { ...state("b", 1_000), ...at(null, 1) } },
    "conflict",
  ],
  [
    "a later date, after dates went back here",
    {
      candidate: { ...state("b", 1_100.5), ...at("g9", 1) },
      before: [state("c", 2_000.5)],
    },
    "conflict",
  ],
  [
    "a withdrawal by a list that never named what is here",
    { candidate: { ...state("-"), ...at("g9", 2) } },
    "conflict",
  ],
  [
    "a line of a generation that this one says it descends from, and that says the same",
    {
      candidate: { ...state("b"), ...at("g2", 4) },
      forks: { ...fork, parent: "g2" },
    },
    "conflict",
  ],
];

for (const [what, given, order] of cases) {
  Deno.test(`compareVersions() finds ${what} ${order}`, () => {
    const { candidate, before = [], others = [], forks } = given;
    const own = given.named ?? { states: [candidate], here: null };
    const is = given.here ?? here;
    const past: Past = {
      fork: (generation) => generation === "g2" ? forks : undefined,
      here: () => [...before, is],
      named: () => [own, ...others],
      candidate: () => own,
    };
    assertEquals(compareVersions(candidate, is, past), order);
  });
}
