/**
 * A tree that is followed: only directories that have changed are read again,
 * and nothing is passed over for ever.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { dirname } from "@std/path/posix";
import type { DatabaseSync } from "node:sqlite";
import { deceive, type Script } from "../../fixtures/hostile-server.ts";
import { openEmbeddedStage, type Stage } from "../../fixtures/ssh/stage.ts";
import type { LinkRule } from "../../lib/config/config.ts";
import { UnusableError } from "../../lib/errors.ts";
import { openState } from "../../lib/state/database.ts";
import { SynchronisedList } from "../../lib/state/synchronised-list.ts";
import { followTree } from "../../lib/synchro-list/tree-changes.ts";

const hour = 3_600_000;

/** A tree on a server, whose clock and ours go by what the test says. */
class Tree implements AsyncDisposable {
  readonly #stage: Stage;
  readonly #state: string;
  readonly #db: DatabaseSync;
  readonly #opened: string[];
  #list: SynchronisedList;
  /** The clock of the server, in seconds. */
  clock = 1_700_000_000;
  /** Whether symbolic links are followed. */
  links: LinkRule = "skip";
  /** Whether each change takes a second. */
  ticks = false;

  constructor(stage: Stage, state: string, opened: string[]) {
    this.#stage = stage;
    this.#state = state;
    this.#opened = opened;
    this.#db = openState(state);
    this.#list = this.#reopened("");
  }

  #reopened(fingerprint: string): SynchronisedList {
    const filter = { wants: () => true, fingerprint };
    return this.#list = new SynchronisedList(this.#db, filter);
  }

  /** Changes the filters. */
  refilter(): void {
    this.#reopened("others");
  }

  /** Lets seconds go by, here and there. */
  wait(seconds: number): void {
    this.clock += seconds;
    this.#db.exec(`UPDATE directory SET seen = seen - ${seconds}`);
    this.#db.exec(`UPDATE walk SET at = at - ${seconds}`);
  }

  /** Writes files; those that are new change their directory. */
  write(...paths: string[]): void {
    for (const path of paths) {
      const full = this.#path(path);
      const isNew = !exists(full);
      if (!exists(dirname(full))) this.#makeDirectory(dirname(path));
      Deno.writeTextFileSync(full, String(Math.random()));
      Deno.utimeSync(full, this.clock, this.clock);
      if (isNew) this.#touch(dirname(path));
    }
  }

  remove(path: string): void {
    Deno.removeSync(this.#path(path), { recursive: true });
    this.#touch(dirname(path));
  }

  /** Makes a link to what is there by another path. */
  link(path: string, to: string): void {
    if (!exists(dirname(this.#path(path)))) this.#makeDirectory(dirname(path));
    Deno.symlinkSync(this.#path(to), this.#path(path));
    this.#touch(dirname(path));
  }

  move(from: string, to: string): void {
    Deno.renameSync(this.#path(from), this.#path(to));
    this.#touch(dirname(from));
    this.#touch(dirname(to));
  }

  /** Follows the tree; returns the directories that were read. */
  async follow(rescanMs = hour): Promise<string[]> {
    this.#opened.length = 0;
    const { session } = this.#stage;
    const { links } = this;
    await followTree(this.#list, session, "/", { rescanMs, links });
    // As if all of it had arrived.
    this.#db.exec("UPDATE entry SET standing = 'here' WHERE op = '+'");
    return this.#opened.map((path) => path.replace(/^\/+/, "")).toSorted();
  }

  /** The files that the state names. */
  get named(): string[] {
    const rows = this.#db.prepare(
      "SELECT path FROM entry WHERE op = '+' ORDER BY path",
    ).all() as { path: string }[];
    return rows.map(({ path }) => path);
  }

  /** What the state names a file to have been written at. */
  dateOf(path: string): number {
    const row = this.#db.prepare("SELECT mtime FROM entry WHERE path = ?")
      .get(path) as { mtime: string };
    return Number(row.mtime);
  }

  /** The files that are there, also those that links lead to, if they are followed. */
  get there(): string[] {
    const { directory } = this.#stage;
    const files = this.links === "skip"
      ? filesIn(directory, "")
      : filesBehind(Deno.realPathSync(directory), "", []);
    return [...files].toSorted();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#db.close();
    await this.#stage[Symbol.asyncDispose]();
    await Deno.remove(this.#state, { recursive: true });
  }

  #path(path: string): string {
    return `${this.#stage.directory}/${path}`;
  }

  #makeDirectory(path: string): void {
    if (path !== "." && !exists(this.#path(dirname(path)))) {
      this.#makeDirectory(dirname(path));
    }
    Deno.mkdirSync(this.#path(path));
    this.#touch(path);
    this.#touch(dirname(path));
  }

  #touch(directory: string): void {
    // No two directories have one date: only a full walk could tell them apart.
    if (this.ticks) this.wait(1);
    Deno.utimeSync(this.#path(directory), this.clock, this.clock);
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function* filesIn(root: string, below: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(`${root}/${below}`)) {
    if (isDirectory) yield* filesIn(root, `${below}${name}/`);
    else yield below + name;
  }
}

/** The same through all links but those that lead outside, or to what holds a directory on the way. */
function* filesBehind(
  root: string,
  below: string,
  way: readonly string[],
): Generator<string> {
  const on = [...way, Deno.realPathSync(`${root}/${below}`)];
  for (const { name, isSymlink } of Deno.readDirSync(`${root}/${below}`)) {
    const path = below + name;
    let real: string;
    try {
      real = Deno.realPathSync(`${root}/${path}`);
    } catch {
      // It leads nowhere.
      continue;
    }
    const isBelow = real.startsWith(`${root}/`);
    const isCircle = on.some((each) => `${each}/`.startsWith(`${real}/`));
    if (isSymlink && (!isBelow || isCircle)) continue;
    if (Deno.statSync(real).isFile) yield path;
    else yield* filesBehind(root, `${path}/`, on);
  }
}

async function plant(script: Script = {}): Promise<Tree> {
  const opened: string[] = [];
  const stage = await openEmbeddedStage({
    serve: deceive({
      OPENDIR: (asked) => {
        opened.push(asked.path);
        return (script.OPENDIR ?? (() => asked.honest()))(asked);
      },
    }),
  });
  return new Tree(stage, await Deno.makeTempDir(), opened);
}

/** A tree that has been followed until nothing of it is read any more. */
async function settled(script?: Script): Promise<Tree> {
  const tree = await plant(script);
  tree.write("a/1", "a/b/2", "c/3", "4");
  assertEquals(await tree.follow(), ["", "a", "a/b", "c"]);
  tree.wait(60);
  // What was read in the second in which it changed, perhaps.
  assertEquals(await tree.follow(), ["", "a", "a/b", "c"]);
  tree.wait(60);
  assertEquals(await tree.follow(), []);
  assertEquals(tree.named, tree.there);
  return tree;
}

Deno.test("a tree that has not changed is not read again, and of one that has, only what has", async () => {
  await using tree = await settled();

  tree.write("a/b/new");
  assertEquals(await tree.follow(), ["a/b"]);
  assertEquals(tree.named, tree.there);
  tree.write("c/d/e/deep");
  assertEquals(await tree.follow(), ["a/b", "c", "c/d", "c/d/e"]);
  assertEquals(tree.named, tree.there);
  tree.wait(60);
  await tree.follow();
  tree.wait(60);
  assertEquals(await tree.follow(), []);
});

Deno.test("a file that came in the second in which its directory was read is found by the next walk", async () => {
  await using tree = await settled();

  tree.write("a/first");
  await tree.follow();
  // The date of the directory stays as it is.
  tree.write("a/second");
  tree.wait(60);

  assertEquals(await tree.follow(), ["a"]);
  assertEquals(tree.named, tree.there);
});

Deno.test("what was moved in or away with old dates is followed, with all below it", async () => {
  await using tree = await settled();

  tree.move("a", "c/moved");
  assertEquals(await tree.follow(), ["", "c", "c/moved", "c/moved/b"]);
  assertEquals(tree.named, ["4", "c/3", "c/moved/1", "c/moved/b/2"]);
  tree.wait(60);
  tree.remove("c");
  tree.write("c");
  await tree.follow();
  assertEquals(tree.named, ["4", "c"]);
});

Deno.test("a file that was written in place is found by the full walk", async () => {
  await using tree = await settled();
  const { clock } = tree;
  tree.wait(10);

  tree.write("a/1");
  assertEquals(await tree.follow(), []);
  assertEquals(tree.dateOf("a/1"), clock - 120);
  tree.wait(3_600);
  assertEquals(await tree.follow(), ["", "a", "a/b", "c"]);

  assertEquals(tree.dateOf("a/1"), clock + 10);
  // Now it is known for a directory whose files are written in place.
  tree.write("a/1");
  tree.wait(60);
  await tree.follow();
  assertEquals(tree.dateOf("a/1"), tree.clock - 60);
  assertEquals(await tree.follow(0), ["", "a", "a/b", "c"]);
});

Deno.test("a walk that was cut off loses nothing of what it had found", async () => {
  let broken = "";
  await using tree = await settled({
    OPENDIR: ({ path, honest, sftp, id }) =>
      path.endsWith(broken) && broken !== "" ? sftp.status(id, 3) : honest(),
  });

  tree.write("a/n/1", "a/n/broken/2", "c/5");
  broken = "broken";
  await assertRejects(() => tree.follow(), UnusableError, "Cannot walk");
  broken = "";
  tree.wait(60);
  await tree.follow();

  assertEquals(tree.named, tree.there);
});

Deno.test("other filters, and a state that is gone, have the tree read whole", async () => {
  await using tree = await settled();

  tree.refilter();
  assertEquals(await tree.follow(), ["", "a", "a/b", "c"]);
});

Deno.test("what links lead to is always looked at, and what they do not is not read", async () => {
  await using tree = await settled();
  tree.links = "follow";
  tree.write("l/own", "far/deep/x", "other/deep/y");
  tree.link("l/directory", "far");
  tree.link("l/file", "c/3");
  tree.link("l/chain", "l/directory/deep/x");
  tree.link("l/none", "nowhere");
  tree.link("l/round", "l");

  // Links had not been followed: all is read.
  const always = ["l", "l/directory", "l/directory/deep"];
  assertEquals((await tree.follow()).length, 11);
  assertEquals(tree.named, tree.there);
  for (const _ of [1, 2]) {
    tree.wait(60);
    await tree.follow();
  }
  assertEquals(await tree.follow(), always);

  // None of these changes the date of a directory with links.
  const { clock } = tree;
  tree.write("c/3", "nowhere", "far/deep/new");
  assertEquals(await tree.follow(), ["", "far/deep", ...always].toSorted());
  assertEquals(tree.dateOf("l/file"), clock);
  assertEquals(tree.named, tree.there);
  assert(tree.named.includes("l/none"));

  // Another directory of the same dates.
  tree.remove("l/directory");
  tree.link("l/directory", "other");
  await tree.follow();
  assertEquals(tree.named, tree.there);
  assert(tree.named.includes("l/directory/deep/y"));

  // One that was a link is a directory, and one that was a directory is a link.
  tree.remove("l/directory");
  tree.write("l/directory/deep/z");
  tree.remove("c");
  tree.link("c", "far/deep");
  await tree.follow();
  assertEquals(tree.named, tree.there);

  tree.links = "skip";
  await tree.follow();
  assert(!tree.named.includes("l/chain"));
});

for (const links of ["skip", "follow"] as const) {
  Deno.test(`whatever changes a tree, following it names what is there, links: ${links}`, async () => {
    await using tree = await plant();
    const random = (below: number) => Math.floor(Math.random() * below);
    const names = ["a", "b", "c"];
    const path = () =>
      Array.from({ length: 1 + random(3) }, () => names[random(3)]).join("/");
    tree.links = links;
    tree.ticks = true;
    tree.write("keep");
    const done: string[] = [];
    for (let round = 0; round < 60; round++) {
      for (let changes = random(4); changes > 0; changes--) {
        try {
          const [from, to] = [path(), path()];
          const kind = random(links === "skip" ? 3 : 4);
          const what = ["write", "remove", "move", "link"][kind];
          done.push(`${tree.clock} ${what} ${from} ${to}`);
          if (kind === 0) tree.write(`${from}/f${random(3)}`);
          if (kind === 1) tree.remove(from);
          if (kind === 2) tree.move(from, to);
          if (kind === 3) tree.link(from, random(4) === 0 ? `${to}/f1` : to);
        } catch {
          // There is no such file, or another one is in the way.
        }
      }
      await tree.follow();
      // What came in the same second is found by the next walk.
      tree.wait(3);
      await tree.follow();
      assertEquals(tree.named, tree.there, done.slice(-12).join("\n"));
    }
    assert(done.length > 0);
  });
}
