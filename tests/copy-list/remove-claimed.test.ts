import { assertEquals, assertRejects } from "@std/assert";
import { removeClaimed } from "../../lib/copy-list/remove-claimed.ts";
import type { Removal } from "../../lib/copy-list/remove.ts";
import { ClaimDirectories } from "../../lib/files/claim-directories.ts";
import { Destination } from "../../lib/files/destination.ts";
import { dayOf } from "../../lib/text/timestamp.ts";

const day = dayOf(Date.now());
const files = ["a.csv", "b/b.csv", "c.csv"].map((path, index) => ({
  path,
  seq: index + 1,
  size: path.length,
}));

/** A copy that nodes share, with some files in it. */
class Shared implements Disposable {
  readonly into = Deno.makeTempDirSync({ prefix: "relais-removed-" });
  readonly destination = new Destination(this.into);
  readonly directories = new ClaimDirectories(this.destination);

  constructor() {
    this.destination.prepare();
    const staged = `${this.destination.staging}/staged`;
    for (const { path } of files) {
      Deno.writeTextFileSync(staged, path);
      this.destination.place(staged, path);
    }
    this.destination.release();
  }

  /** Has a node remove the files of a claim. */
  remove(
    id: number,
    behind: readonly number[],
    how: Removal["delete"],
    assertHeld = () => {},
  ): ReturnType<typeof removeClaimed> {
    const { destination, directories } = this;
    const removal = { delete: how, trashKeepMs: 0 };
    const means = { destination, directories, removal, assertHeld };
    return removeClaimed(means, { id, behind, files });
  }

  /** What is in a directory, and below it. */
  names(directory = this.into): string[] {
    return [...Deno.readDirSync(directory)].flatMap(({ name, isDirectory }) => {
      if (name === ".relais") return [];
      if (!isDirectory) return [name];
      const below = this.names(`${directory}/${name}`);
      return [name, ...below.map((each) => `${name}/${each}`)];
    }).sort();
  }

  get trash(): string[] {
    return this.names(`${this.into}/.relais/trash/${day}`);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.into, { recursive: true });
  }
}

const paths = files.map(({ path }) => path);

Deno.test("removeClaimed() moves files to the trash, and removes directories that relais made", async () => {
  using shared = new Shared();
  shared.directories.make(1);

  const outcome = await shared.remove(1, [], "trash");

  assertEquals(outcome, { gone: paths, failed: [] });
  assertEquals(shared.names(), []);
  assertEquals(shared.trash, ["a.csv", "b", "b/b.csv", "c.csv"]);
  assertEquals(shared.directories.holds(1), false);
});

Deno.test("removeClaimed() removes files for good", async () => {
  using shared = new Shared();
  shared.directories.make(1);

  const outcome = await shared.remove(1, [], "remove");

  assertEquals(outcome, { gone: paths, failed: [] });
  assertEquals(shared.names(), []);
  assertEquals(shared.directories.holds(1), false);
});

for (const how of ["trash", "remove", "keep"] as const) {
  Deno.test(`removeClaimed() ends what another node has begun, and begins nothing, with delete = "${how}"`, async () => {
    using shared = new Shared();
    const { destination, directories } = shared;
    directories.make(1);
    // Killed after it had taken one file away, and another one to the trash.
    destination.takeAway("b/b.csv", directories.removedFrom(1, "b/b.csv"));
    destination.trash("c.csv", day);

    directories.make(2);
    directories.takeOver(2, 1);
    const outcome = await shared.remove(2, [1], how);

    assertEquals(outcome, { gone: ["b/b.csv", "c.csv"], failed: [] });
    assertEquals(shared.names(), ["a.csv"]);
    const trashed = how === "remove" ? [] : ["b", "b/b.csv"];
    assertEquals(shared.trash, [...trashed, "c.csv"]);
    assertEquals(directories.holds(2), false);
  });
}

Deno.test("removeClaimed() removes nothing once another node has taken the claim over", async () => {
  using shared = new Shared();
  const { directories } = shared;
  directories.make(1);
  directories.make(2);
  directories.takeOver(2, 1);

  await assertRejects(
    () => shared.remove(1, [], "remove"),
    Deno.errors.NotFound,
  );

  assertEquals(shared.names(), ["a.csv", "b", "b/b.csv", "c.csv"]);
});

Deno.test("removeClaimed() leaves the directories to others if its claim ran out after the last file", async () => {
  using shared = new Shared();
  shared.directories.make(1);
  let asked = 0;
  const assertHeld = () => {
    if (++asked > files.length) throw new Error("ran out");
  };

  await assertRejects(
    () => shared.remove(1, [], "remove", assertHeld),
    Error,
    "ran out",
  );

  assertEquals(shared.names(), ["b"]);
});

Deno.test("removeClaimed() takes no file away if there can be no trash", async () => {
  using shared = new Shared();
  shared.directories.make(1);
  Deno.symlinkSync("/", `${shared.into}/.relais/trash`);

  const { gone, failed } = await shared.remove(1, [], "trash");

  assertEquals([gone, failed.map(({ path }) => path)], [[], paths]);
  assertEquals(shared.names(), ["a.csv", "b", "b/b.csv", "c.csv"]);
});

Deno.test("removeClaimed() names a file that cannot be removed, and removes the others", async () => {
  using shared = new Shared();
  shared.directories.make(1);
  Deno.removeSync(`${shared.into}/b`, { recursive: true });
  Deno.symlinkSync("/", `${shared.into}/b`);

  const { gone, failed } = await shared.remove(1, [], "remove");

  assertEquals(gone, ["a.csv", "c.csv"]);
  assertEquals(failed.map(({ path }) => path), ["b/b.csv"]);
});
