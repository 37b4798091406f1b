/**
 * Order of two versions of a path: the promise that nothing here is
 * replaced by something older, and nothing newer is passed over.
 *
 * Dates alone cannot keep it: files are restored with old dates, and clocks are
 * set back. Line numbers keep it only where one writer wrote both lines. So a
 * candidate, the version that a server's list names now, is compared with what is
 * here by the first of these rules that applies:
 *
 * 1. Both come from one generation of one list: the later line is newer.
 * 2. A list that has named what is here has gone on to the candidate: newer.
 * 3. One generation descends from the other: what the descendant wrote is newer
 *    than what its ancestor had written up to the fork.
 * 4. The contents are the same: the same version.
 * 5. A list that has named what is here had named the candidate before: older.
 * 6. The longest common subsequence of what has been here and of what the
 *    candidate's list has named; of equally long ones the one that ends latest. The
 *    list ends where the replica went on: older. The list goes on where the replica
 *    ends: newer.
 * 7. The dates of the files, unless in one of the two histories, from where they
 *    part, a date goes back: dates that lied once say nothing. Equal, unknown and
 *    distrusted dates are a conflict, which an administrator decides.
 *
 * A withdrawal is a version like any other: one without contents, of an unknown
 * date. tests/model/ searches all short histories for one that these rules get
 * wrong, and shows for each rule a history that needs it.
 *
 * @module
 */

import type { Entry, Version } from "../list/entry.ts";
import { compareDates, sameContents } from "../list/version.ts";

/** A version of a file, or with `-` its absence. */
export type State = Version & Pick<Entry, "op">;

/** Origin of a version: a line of one generation of a list. */
export interface Position {
  /** `null`: not in a generation, as for a tree, or a list that is rewritten each time. */
  readonly generation: string | null;
  /** 0: on no line of its own; a generation that took over another one left it out. */
  readonly seq: number;
}

/** Beginning of a generation that continues another one. */
export interface Fork {
  readonly parent: string;
  /** The last line of the parent that was taken over. */
  readonly upTo: number;
  /** The number of lines that were carried over; the generation's own lines follow. */
  readonly carried: number;
}

/** Versions that one server's list has named for a path. */
export interface Named {
  /** In the order in which it named them; the last one is what it names now. */
  readonly states: readonly State[];
  /** Index of the one that is here; -1 if it came before all of these, `null` if the list never named it. */
  readonly here: number | null;
}

/** Access to the past of a path, which the rules read only when they need it. */
export interface Past {
  fork(generation: string): Fork | undefined;
  /** Versions that have been on the replica, in order; the last one is here. */
  here(): readonly State[];
  /** Versions that the lists of all servers have named. */
  named(): readonly Named[];
  /** Versions that the candidate's list has named; the last one is the candidate. */
  candidate(): Named;
}

/** Result of comparing a candidate with the version here. */
export type Order = "newer" | "same" | "older" | "conflict";

/** Numbers of the rules, as in the description of this file. */
export type Rule = 1 | 2 | 3 | 4 | 5 | 6 | 7;

/** Compares `candidate` with `here`; `without` leaves rules out, to show what each is for. */
export function compareVersions(
  candidate: State & Position,
  here: State & Position,
  past: Past,
  without: readonly Rule[] = [],
): Order {
  for (const [index, rule] of rules.entries()) {
    if (without.includes(index + 1 as Rule)) continue;
    const order = rule(candidate, here, past);
    if (order !== undefined) return order;
  }
  return "conflict";
}

type Judgement = (
  candidate: State & Position,
  here: State & Position,
  past: Past,
) => Order | undefined;

const rules: readonly Judgement[] = [
  byLine,
  byWhatFollowed,
  byDescent,
  byContents,
  byWhatPreceded,
  byAlignment,
  byDate,
];

/** Tells whether two versions have the same contents, or are both withdrawals. */
export function sameState(a: State, b: State): boolean {
  return a.op === b.op && (a.op === "-" || sameContents(a, b));
}

/** Rule 1. */
function byLine(a: Position, b: Position): Order | undefined {
  if (a.generation === null || a.generation !== b.generation) return undefined;
  // A path that a generation left out has no line there.
  if (a.seq === 0 || b.seq === 0 || a.seq === b.seq) return undefined;
  return a.seq > b.seq ? "newer" : "older";
}

/** Rule 2. */
function byWhatFollowed(
  candidate: State,
  here: State,
  past: Past,
): Order | undefined {
  if (sameState(candidate, here)) return undefined;
  const followed = past.named().some(({ states, here: at }) =>
    at !== null && contains(states.slice(at + 1), candidate)
  );
  return followed ? "newer" : undefined;
}

/** Rule 3. */
function byDescent(
  candidate: Position,
  here: Position,
  past: Past,
): Order | undefined {
  const places = placesOf(here, past);
  for (const [generation, place] of placesOf(candidate, past)) {
    const other = places.get(generation);
    if (other === undefined) continue;
    if (isLater(place, other)) return "newer";
    return isLater(other, place) ? "older" : undefined;
  }
  return undefined;
}

/** Rule 4. */
function byContents(candidate: State, here: State): Order | undefined {
  return sameState(candidate, here) ? "same" : undefined;
}

/** Rule 5. */
function byWhatPreceded(
  candidate: State,
  _: State,
  past: Past,
): Order | undefined {
  const preceded = past.named().some(({ states, here: at }) =>
    at !== null && contains(states.slice(0, Math.max(0, at)), candidate)
  );
  return preceded ? "older" : undefined;
}

/** Rule 6. */
function byAlignment(_: State, __: State, past: Past): Order | undefined {
  const here = past.here();
  const { states: named } = past.candidate();
  const aligned = align(here, named);
  if (aligned === undefined) return undefined;
  const hereEnds = aligned.here === here.length - 1;
  const namedEnds = aligned.named === named.length - 1;
  if (hereEnds === namedEnds) return undefined;
  return hereEnds ? "newer" : "older";
}

/** Rule 7. */
function byDate(candidate: State, here: State, past: Past): Order | undefined {
  if (candidate.op === "-" || here.op === "-") return undefined;
  const was = past.here();
  const { states: named } = past.candidate();
  const { here: i, named: j } = align(was, named) ?? { here: 0, named: 0 };
  if (goesBack(was.slice(i)) || goesBack(named.slice(j))) return undefined;
  const order = compareDates(candidate.mtime, here.mtime);
  if (order === 0) return undefined;
  return order > 0 ? "newer" : "older";
}

/**
 * Known bounds of a version's place in a generation: written `at` a line; what
 * was so `asOf` a line; written `after` all up to a line.
 */
interface Place {
  readonly kind: "at" | "asOf" | "after";
  readonly seq: number;
}

/** Places a version in its generation and in those that it descends from. */
function placesOf({ generation, seq }: Position, past: Past) {
  const places = new Map<string, Place>();
  if (generation === null) return places;
  if (seq > 0) places.set(generation, { kind: "at", seq });
  let fork = past.fork(generation);
  let carried = fork !== undefined && seq <= fork.carried;
  // Files that an administrator has mixed up might name each other.
  while (fork !== undefined && !places.has(fork.parent)) {
    const kind = carried ? "asOf" : "after";
    places.set(fork.parent, { kind, seq: fork.upTo });
    // Where in the parent it was written is not known: carried over there, too, or not.
    carried = false;
    fork = past.fork(fork.parent);
  }
  return places;
}

/** Tells whether what is known of two places in one generation tells that `a` is the later one. */
function isLater(a: Place, b: Place): boolean {
  if (b.kind === "after") return false;
  switch (a.kind) {
    case "at":
      return a.seq > b.seq;
    case "asOf":
      return b.kind === "at" ? b.seq <= a.seq : b.seq < a.seq;
    case "after":
      return b.seq <= a.seq;
  }
}

function contains(states: readonly State[], state: State): boolean {
  return states.some((other) => sameState(other, state));
}

/** Tells whether the date of a version is before that of the one that it replaced. */
function goesBack(states: readonly State[]): boolean {
  const dates = states.filter(({ op }) => op === "+").map(({ mtime }) => mtime);
  return dates.some((date, index) =>
    index > 0 && compareDates(date, dates[index - 1]!) < 0
  );
}

/** A longest common subsequence: its length, and where it ends in each of two histories. */
interface Alignment {
  readonly length: number;
  readonly here: number;
  readonly named: number;
}

/**
 * Finds the longest common subsequence of two histories, and of equally long ones
 * the one that ends latest, by dynamic programming; `undefined` if they share nothing.
 */
function align(
  here: readonly State[],
  named: readonly State[],
): Alignment | undefined {
  const none: Alignment = { length: 0, here: -1, named: -1 };
  let above = new Array<Alignment>(named.length + 1).fill(none);
  for (const [i, state] of here.entries()) {
    const row = [none];
    for (const [j, other] of named.entries()) {
      let best = later(above[j + 1]!, row[j]!);
      if (sameState(state, other)) {
        const length = above[j]!.length + 1;
        best = later(best, { length, here: i, named: j });
      }
      row.push(best);
    }
    above = row;
  }
  const last = above.at(-1)!;
  return last.length === 0 ? undefined : last;
}

function later(a: Alignment, b: Alignment): Alignment {
  const order = a.length - b.length || a.here - b.here || a.named - b.named;
  return order >= 0 ? a : b;
}
