import { assertEquals } from "@std/assert";
import { lifeOf } from "../../fixtures/life.ts";
import type { ReplicaConfig } from "../../lib/config/config.ts";
import type { Entry } from "../../lib/list/entry.ts";
import { rehearseState } from "../../lib/state/database.ts";
import type { SetEnd } from "../../lib/state/intake.ts";
import { SynchronisedList } from "../../lib/state/synchronised-list.ts";
import type { Timestamp } from "../../lib/text/timestamp.ts";

const everything = { wants: () => true, fingerprint: "everything" };

/** Takes in lines such as `+a` and `-b`, from number 1 on; `|` ends a set. */
class Taken {
  readonly list: SynchronisedList;
  #life = lifeOf("g1");
  #reading;
  #seq = 0;

  constructor(mode: ReplicaConfig["sets"] = true) {
    const db = rehearseState("/nonexistent");
    this.list = new SynchronisedList(db, everything, { sets: mode });
    this.#reading = this.list.intake.begin("server", this.#life);
  }

  /** Reads the list from its start again. */
  again(generation = "g1"): void {
    this.#life = lifeOf(generation);
    this.#seq = 0;
    this.#reading = this.list.intake.begin("server", this.#life);
  }

  take(...lines: string[]): void {
    const entries: Entry[] = [];
    const ends: SetEnd[] = [];
    for (const line of lines) {
      if (line === "|") ends.push({ last: this.#seq, after: this.#seq });
      else entries.push(entry(++this.#seq, line));
    }
    this.list.intake.take(this.#reading, entries, undefined, [], ends);
  }

  async complete(): Promise<void> {
    await this.list.intake.complete(this.#reading);
  }

  /** The lines of each set that is not here. */
  pending(): string[] {
    return this.list.sets.pending("server").map(({ name }) =>
      name.split(" ")[1]!
    );
  }

  /** Shows a set. */
  show(index = 0): void {
    const { unit } = this.list.sets.pending("server")[index]!;
    const files = this.list.wantedOf("server", unit, null, 100)
      .map(({ path, seq }) => ({ path, seq, fetched: true }));
    const gone = this.list.sets.leaving("server", unit);
    const shown = { units: [unit], files, gone };
    this.list.shown("server", shown, { announce: true });
  }
}

function entry(seq: number, line: string): Entry {
  const isThere = line.startsWith("+");
  return {
    seq,
    op: isThere ? "+" : "-",
    published: String(1_000 + seq) as Timestamp,
    mtime: String(seq) as Timestamp,
    size: isThere ? seq : 0,
    mode: null,
    digest: null,
    path: line.slice(1),
  };
}

Deno.test("a set ends where its line is, and what follows is open", () => {
  const taken = new Taken();
  taken.take("+a", "+b", "|", "+c");
  assertEquals(taken.pending(), ["1-2"]);
  taken.take("|");
  assertEquals(taken.pending(), ["1-2", "3-3"]);
  taken.show(1);
  assertEquals(taken.pending(), ["1-2"]);
});

Deno.test("sets that share a file that is not here are one", () => {
  const taken = new Taken();
  taken.take("+a", "+b", "|", "+c", "|", "+b", "+d", "|", "+d", "|");
  assertEquals(taken.pending(), ["3-3", "1-2,4-6"]);
  taken.show(1);
  taken.take("+a", "|");
  assertEquals(taken.pending(), ["3-3", "7-7"]);
});

Deno.test("ordered, what lies between sets that share a file is one with them", () => {
  const taken = new Taken("ordered");
  taken.take("+a", "+b", "|", "+c", "|", "+b", "|", "+d", "|");
  assertEquals(taken.pending(), ["1-4", "5-5"]);
});

Deno.test("of sets of more than 16 parts the first and the last line are named", () => {
  const taken = new Taken();
  const lines = (part: number) => ["+shared", "|", `+alone ${part}`, "|"];
  for (let part = 1; part <= 16; part++) taken.take(...lines(part));
  const parts = Array.from({ length: 16 }, (_, at) => `${2 * at + 1}`);
  assertEquals(
    taken.pending().at(-2),
    parts.map((line) => `${line}-${line}`).join(),
  );

  taken.take(...lines(17));
  assertEquals(taken.pending().at(-2), "1-33");
});

Deno.test("a file that is named twice in a set is of its last version", () => {
  const taken = new Taken();
  taken.take("+a", "+a", "+b", "-b", "|");
  taken.show();
  assertEquals(taken.list.unannouncedSet()?.paths, ["a"]);
  assertEquals(taken.pending(), []);
});

Deno.test("a set that is here, or of which nothing is wanted, waits for nothing", () => {
  const taken = new Taken();
  taken.take("+a", "|");
  taken.show();
  taken.take("-x", "|");
  assertEquals(taken.pending(), ["2-2"]);
  taken.show();
  assertEquals(taken.pending(), []);
  // One that only takes away is not news of files.
  assertEquals(taken.list.unannouncedSet()?.name, "g1 1-1");
  taken.list.announcedSet(1);
  assertEquals(taken.list.unannouncedSet(), null);
});

Deno.test("a list that is read from its start again has its sets again, joined as before", async () => {
  const taken = new Taken();
  const lines = ["+a", "+b", "|", "+c", "|", "+b", "|"];
  taken.take(...lines);
  assertEquals(taken.pending(), ["3-3", "1-2,4-4"]);
  taken.again();
  taken.take(...lines);
  await taken.complete();
  // Now what lies between waits as well: a reader cannot tell which lines replaced which.
  assertEquals(taken.pending(), ["1-4"]);
});

Deno.test("what a compacted list no longer names belongs to its first set", async () => {
  const taken = new Taken();
  taken.take("+a", "+b", "|");
  taken.show();
  taken.take("+c", "|");
  taken.again("g2");
  taken.take("+a", "+c", "|", "+d");
  await taken.complete();
  assertEquals(taken.list.sets.leaving("server", 2), ["b"]);
  assertEquals(taken.pending(), ["1-2"]);
  taken.show();
  assertEquals(taken.pending(), []);
});

Deno.test("where a list has no sets, each reading is one", () => {
  const taken = new Taken();
  taken.take("+a", "+b");
  assertEquals(taken.pending(), []);
  taken.list.sets.endReading("server");
  taken.take("+c");
  taken.list.sets.endReading("server");
  assertEquals(taken.pending(), ["1-2", "3-3"]);
  // From now on it has.
  taken.take("+d", "|", "+e");
  taken.list.sets.endReading("server");
  assertEquals(taken.pending(), ["1-2", "3-3", "4-4"]);
});

Deno.test("a file that is here and wanted again belongs to its set", () => {
  const taken = new Taken();
  taken.take("+a", "+b", "|", "+c", "|");
  taken.show();
  taken.show();
  taken.list.refetch(["a"]);
  assertEquals(taken.pending(), ["1-2"]);
});

Deno.test("a list that was read without looking for sets is read from its start again", () => {
  const db = rehearseState("/nonexistent");
  const cursor = {
    generation: "g1",
    offset: 1,
    tail: new Uint8Array(1),
    seq: 1,
    modified: null,
  };
  for (
    const [sets, goesOn] of [
      ...[[false, false], [false, true], [true, false], [true, true]],
      ...[["ordered", true], [false, true], [true, false]],
    ] as const
  ) {
    const list = new SynchronisedList(db, everything, { sets });
    const known = list.intake.cursor("server");
    assertEquals(known !== undefined, goesOn, `${sets}`);
    const reading = list.intake.begin("server", lifeOf("g1"));
    list.intake.take(reading, [entry(1, "+a")], cursor);
  }
});
