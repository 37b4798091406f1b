import { assertEquals, assertThrows } from "@std/assert";
import { ClaimDirectories } from "../../lib/files/claim-directories.ts";
import { Destination } from "../../lib/files/destination.ts";
import { stagedName } from "../../lib/files/staged-name.ts";
import { Staging } from "../../lib/files/staging.ts";
import type { Timestamp } from "../../lib/text/timestamp.ts";

const entry = {
  path: "a.csv",
  size: 4,
  mtime: "1700000000" as Timestamp,
  mode: 0o644,
  digest: null,
};

/** A directory that nodes share. */
class Shared implements Disposable {
  readonly into = Deno.makeTempDirSync({ prefix: "relais-claims-" });
  readonly destination = new Destination(this.into);
  readonly directories = new ClaimDirectories(this.destination);

  constructor() {
    this.destination.prepare();
  }

  /** Makes the directory of a claim, and stages `text` there. */
  stage(claim: number, text: string): string {
    this.directories.make(claim);
    const path = `${this.directories.of(claim)}/${stagedName(entry)}`;
    Deno.writeTextFileSync(path, text);
    return path;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.into, { recursive: true });
  }
}

Deno.test("takeOver() leaves the node that held the claim before nothing to put in place", () => {
  using shared = new Shared();
  const { destination, directories } = shared;
  const staged = shared.stage(1, "1111");

  directories.make(2);
  directories.takeOver(2, 1);

  assertThrows(
    () => destination.place(staged, "a.csv"),
    Deno.errors.NotFound,
  );
  assertThrows(() => Deno.writeTextFileSync(staged, "2"), Deno.errors.NotFound);
  assertEquals(destination.look("a.csv"), undefined);
});

Deno.test("end() leaves a claim that nobody knows of nothing to put in place, and keeps what it has staged", async () => {
  using shared = new Shared();
  const { destination, directories } = shared;
  const staged = shared.stage(7, "1111");

  directories.end(directories.claims);
  const placed = () => destination.place(staged, "a.csv");

  assertThrows(placed, Deno.errors.NotFound);
  assertEquals(directories.claims, []);
  directories.make(8);
  await directories.fetch(8, [entry]);
  const text = Deno.readTextFileSync(
    `${directories.of(8)}/${stagedName(entry)}`,
  );
  assertEquals(text, "1111");
});

Deno.test("takeOver() ends where its own claim was taken over, too", () => {
  using shared = new Shared();
  const staged = shared.stage(1, "1111");

  shared.directories.takeOver(2, 1);

  assertEquals(Deno.readTextFileSync(staged), "1111");
});

Deno.test("fetch() copies what another node may still have open", async () => {
  using shared = new Shared();
  const { directories } = shared;
  const old = Deno.openSync(shared.stage(1, "11"), { write: true });
  directories.make(2);
  directories.takeOver(2, 1);

  await directories.fetch(2, [entry]);
  const now = `${directories.of(2)}/${stagedName(entry)}`;
  old.writeSync(new TextEncoder().encode("xxxx"));
  old.close();

  assertEquals(Deno.readTextFileSync(now), "11");
  assertEquals(new Staging(directories.of(2)).held(entry), 2);
});

Deno.test("what a claim leaves, a later one goes on with", async () => {
  using shared = new Shared();
  const { directories } = shared;
  shared.stage(1, "11");

  directories.leave(1);
  directories.make(2);
  await directories.fetch(2, [entry]);

  assertEquals(new Staging(directories.of(2)).held(entry), 2);
  assertThrows(() => Deno.lstatSync(directories.of(1)), Deno.errors.NotFound);
});

Deno.test("what was taken over and left is copied by whoever goes on with it", async () => {
  using shared = new Shared();
  const { directories } = shared;
  const old = Deno.openSync(shared.stage(1, "11"), { write: true });
  directories.make(2);
  directories.takeOver(2, 1);
  directories.leave(2);

  directories.make(3);
  await directories.fetch(3, [entry]);
  old.writeSync(new TextEncoder().encode("xx"));
  old.close();

  const now = `${directories.of(3)}/${stagedName(entry)}`;
  assertEquals(Deno.readTextFileSync(now), "11");
});

Deno.test("tidy() removes what nobody wants any more", () => {
  using shared = new Shared();
  const { directories } = shared;
  shared.stage(1, "11");
  directories.leave(1);

  const kept = directories.tidy(new Set([stagedName(entry)]));
  const removed = directories.tidy(new Set());

  assertEquals([kept, removed, directories.isTidy], [0, 1, true]);
});
