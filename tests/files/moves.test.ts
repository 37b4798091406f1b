import { assertEquals, assertThrows } from "@std/assert";
import { Destination, journalOf } from "../../lib/files/destination.ts";
import { createHasher } from "../../lib/files/digest.ts";
import { Durability } from "../../lib/files/durability.ts";
import { Moves, type Told } from "../../lib/files/moves.ts";
import { stagedName } from "../../lib/files/staged-name.ts";
import { Staging } from "../../lib/files/staging.ts";
import type { Wanted } from "../../lib/files/wanted.ts";
import { LocalError } from "../../lib/errors.ts";
import type { Timestamp } from "../../lib/text/timestamp.ts";
import { treeOf } from "../../fixtures/world.ts";

/** A replica with `x` and `d/y`, on which a set of `a`, `b` and `x/c` is staged that withdraws these. */
class StagedSet implements Disposable {
  readonly into = Deno.makeTempDirSync({ prefix: "relais-moves-" });
  readonly arriving: Wanted[];
  readonly told: unknown[] = [];
  readonly #destination = new Destination(this.into);

  constructor() {
    this.#destination.prepare();
    Deno.mkdirSync(`${this.into}/d`);
    for (const path of ["x", "d/y"]) {
      Deno.writeTextFileSync(`${this.into}/${path}`, "old");
    }
    const staging = new Staging(this.#destination.staging);
    this.arriving = ["a", "b", "x/c"].map((path, index) => {
      const bytes = new TextEncoder().encode(`new ${path}`);
      const entry = entryOf(index + 1, path, bytes);
      staging.write(entry, bytes);
      return entry;
    });
  }

  note(): Moves {
    const moves = this.moves();
    const leaving = [{ gone: "x" }, { gone: "d/y" }];
    const { arriving } = this;
    moves.showing({ server: "s", sets: [3], arriving, leaving });
    return moves;
  }

  moves(): Moves {
    return new Moves(this.#destination, new Durability());
  }

  staged(index: number): string {
    return `${this.into}/.relais/staging/${stagedName(this.arriving[index]!)}`;
  }

  async recover(): Promise<void> {
    const told: Told = {
      arrived: (...what) => Promise.resolve(this.told.push(what)),
      removed: (...what) => Promise.resolve(this.told.push(what)),
      shown: (server, { units, files, gone }) =>
        Promise.resolve(
          this.told.push([server, units, files.map(({ path }) => path), gone]),
        ),
    };
    await this.moves().recover(told);
  }

  get shown(): string[] {
    return Object.keys(treeOf(this.into)).sort();
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.into, { recursive: true });
  }
}

function entryOf(seq: number, path: string, bytes: Uint8Array): Wanted {
  const hasher = createHasher(null);
  hasher.update(bytes);
  return {
    seq,
    path,
    remote: null,
    size: bytes.length,
    mode: 0o644,
    mtime: "1700000000" as Timestamp,
    digest: hasher.digest(),
    here: null,
    failedBefore: false,
    twin: null,
  };
}

const before = ["d/y", "x"];
const after = ["a", "b", "x/c"];
const all = ["s", [3], after, ["x", "d/y"]];

Deno.test("a set that was noted is completed, whether anything of it was moved or not", async () => {
  for (const moved of [0, 1, 2]) {
    using set = new StagedSet();
    set.note();
    for (let index = 0; index < moved; index++) {
      const { path } = set.arriving[index]!;
      Deno.renameSync(set.staged(index), `${set.into}/${path}`);
    }

    await set.recover();

    assertEquals([set.shown, set.told], [after, [all]]);
    await set.recover();
    assertEquals(set.told.length, 1);
  }
});

Deno.test("a set of which all was moved is told", async () => {
  using set = new StagedSet();
  set.note();
  Deno.removeSync(`${set.into}/x`);
  Deno.removeSync(`${set.into}/d/y`);
  Deno.mkdirSync(`${set.into}/x`);
  for (const [index, { path }] of set.arriving.entries()) {
    Deno.renameSync(set.staged(index), `${set.into}/${path}`);
  }

  await set.recover();

  assertEquals([set.shown, set.told], [after, [all]]);
});

Deno.test("nothing is moved of a set whose note or files a power cut has spoilt before its barrier", async () => {
  const spoil: ((set: StagedSet) => void)[] = [
    (set) => Deno.writeTextFileSync(set.staged(1), "new ?"),
    (set) => Deno.truncateSync(set.staged(2), 2),
    (set) => Deno.removeSync(set.staged(0)),
    (set) => Deno.truncateSync(journalOf(set.into), 200),
    (set) => Deno.truncateSync(journalOf(set.into), 0),
  ];
  for (const each of spoil) {
    using set = new StagedSet();
    set.note();
    each(set);

    await set.recover();

    assertEquals([set.shown, set.told], [before, []]);
  }
});

Deno.test("no other move is noted while a set is shown", () => {
  using set = new StagedSet();
  const moves = set.note();
  assertThrows(() => moves.leaving(["d/y"]), LocalError);
  moves.settled();
  moves.leaving(["d/y"]);
});
