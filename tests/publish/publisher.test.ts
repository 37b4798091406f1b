import { assert, assertEquals, assertRejects } from "@std/assert";
import { statfsSync } from "node:fs";
import { BtrfsDisk, canShareBlocks } from "../../fixtures/disk.ts";
import { noise } from "../../fixtures/noise.ts";
import { treeOf } from "../../fixtures/world.ts";
import { descriptors } from "../../lib/files/descriptors.ts";
import { Durability } from "../../lib/files/durability.ts";
import { LockedError, RefusedError, StoppedError } from "../../lib/errors.ts";
import { isExtension, parseHeader, parseLine } from "../../lib/list/format.ts";
import { Lock } from "../../lib/files/lock.ts";
import { publish } from "../../lib/publish/publisher.ts";
import type { PublishObserver } from "../../lib/publish/run.ts";

const silent: PublishObserver = {
  published() {},
  withdrawn() {},
  failed() {},
  passedOver() {},
  retried() {},
  mended() {},
};

/** A directory of sources, and an export beside it. */
function setUp(root = Deno.makeTempDirSync()) {
  const base = `${root}/data`;
  const into = `${root}/export`;
  Deno.mkdirSync(base);
  return {
    base,
    into,
    list: `${into}/.relais/list`,
    run: (
      observer: Partial<PublishObserver> = {},
      files = ["**/*"],
      signal = new AbortController().signal,
    ) =>
      publish(
        {
          base,
          into,
          links: "skip",
          files: files.map((glob) => `${base}/${glob}`),
          signatures: Infinity,
          maxWithdraw: { share: 1 },
          keepMs: 0,
          compaction: { size: Infinity, share: 0.5 },
          writer: "",
        },
        new Durability(),
        { ...silent, ...observer },
        { acceptShrink: false, verify: false, through: descriptors, signal },
      ),
    write(path: string, text: string) {
      const absolute = `${base}/${path}`;
      Deno.mkdirSync(absolute.slice(0, absolute.lastIndexOf("/")), {
        recursive: true,
      });
      Deno.writeTextFileSync(absolute, text);
    },
    lines() {
      const [header, ...lines] = Deno.readTextFileSync(this.list).trimEnd()
        .split("\n");
      const parsed = lines.filter((line) => !isExtension(line))
        .map((line) => parseLine(line));
      return {
        header: parseHeader(header!),
        entries: parsed.map((one) =>
          "value" in one
            ? `${one.value.seq} ${one.value.op} ${one.value.path}`
            : one.reason
        ),
      };
    },
    [Symbol.dispose]: () => Deno.removeSync(root, { recursive: true }),
  };
}

Deno.test("publish() that is stopped has listed what it copied, in no set, and withdrawn nothing", async () => {
  using world = setUp();
  world.write("z.csv", "0");
  await world.run();
  Deno.removeSync(`${world.base}/z.csv`);
  for (const name of ["a.csv", "c.csv"]) world.write(name, name);
  Deno.symlinkSync("a.csv", `${world.base}/b`);
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  const sets = () => Deno.readTextFileSync(world.list).match(/^#set .*$/gm);

  await assertRejects(
    () => world.run({ passedOver: stop }, ["**/*"], stopping.signal),
    StoppedError,
  );
  const { entries } = world.lines();
  const open = sets();
  await world.run();

  assertEquals(entries, ["1 + z.csv", "2 + a.csv"]);
  assertEquals(open, ["#set 0-0", "#set 1-1"]);
  assertEquals(world.lines().entries.slice(2), ["3 + c.csv", "4 - z.csv"]);
  assertEquals(sets(), ["#set 0-0", "#set 1-1", "#set 2-4"]);
});

Deno.test("publish() exports each file with its date and mode, and names it in the list", async () => {
  using world = setUp();
  world.write("stock/été 1.csv", "a;b\n");
  world.write("empty.csv", "");
  Deno.chmodSync(`${world.base}/empty.csv`, 0o640);
  Deno.utimeSync(`${world.base}/empty.csv`, 1, new Date(-1_500));

  const { published, failed } = await world.run();

  assertEquals([published, failed], [2, []]);
  assertEquals(treeOf(world.into), treeOf(world.base));
  assertEquals(world.lines().entries, ["1 + empty.csv", "2 + stock/été 1.csv"]);
});

Deno.test("publish() appends nothing for files that did not change, and shows that it lives", async () => {
  using world = setUp();
  world.write("a.csv", "1");
  await world.run();
  const before = Deno.readTextFileSync(world.list);
  Deno.utimeSync(world.list, 1, 1);

  const { unchanged, published } = await world.run();

  assertEquals([unchanged, published], [1, 0]);
  assertEquals(Deno.readTextFileSync(world.list), before);
  assertEquals(Deno.statSync(world.list).mtime!.getTime() > 1_000, true);
});

Deno.test("publish() adds a line for a change, and one for a withdrawal", async () => {
  using world = setUp();
  world.write("a.csv", "1");
  world.write("b.csv", "2");
  await world.run();
  world.write("a.csv", "changed");
  Deno.removeSync(`${world.base}/b.csv`);

  const { published, withdrawn } = await world.run();

  assertEquals([published, withdrawn], [1, 1]);
  assertEquals(world.lines().entries, [
    "1 + a.csv",
    "2 + b.csv",
    "3 + a.csv",
    "4 - b.csv",
  ]);
  assertEquals(treeOf(world.into), treeOf(world.base));
});

Deno.test("publish() takes a torn last line away before it appends", async () => {
  using world = setUp();
  world.write("a.csv", "1");
  await world.run();
  const { header } = world.lines();
  Deno.writeTextFileSync(world.list, "2\t+\t17000", { append: true });
  world.write("b.csv", "2");

  await world.run();

  assertEquals(world.lines(), { header, entries: ["1 + a.csv", "2 + b.csv"] });
});

Deno.test("publish() sets a list that is none aside, and begins a new one", async () => {
  using world = setUp();
  world.write("a.csv", "1");
  await world.run();
  Deno.writeTextFileSync(world.list, "<html>\n");
  const mended: string[] = [];

  await world.run({ mended: (what) => mended.push(what) });

  assertEquals(world.lines().entries, ["1 + a.csv"]);
  assertEquals(mended.length, 1);
  const names = [...Deno.readDirSync(`${world.into}/.relais`)].map(({ name }) =>
    name
  );
  assertEquals(
    names.filter((name) => name.startsWith("list.damaged-")).length,
    1,
  );
});

Deno.test("publish() never names a file that keeps changing, and takes it once it is left alone", async () => {
  using world = setUp();
  world.write("a.csv", "x".repeat(30_000_000));
  // It goes first, however busy the machine is: as root, at least.
  const writer = new Deno.Command("nice", {
    args: ["-n", "-20", "sh", "-c", "while :; do echo more >> a.csv; done"],
    cwd: world.base,
    stderr: "null",
  }).spawn();
  let retried = 0;

  const changing = await world.run({ retried: () => retried++ });
  writer.kill("SIGKILL");
  await writer.status;
  const atRest = await world.run();

  assertEquals([changing.published, changing.failed.length, retried], [
    0,
    1,
    3,
  ]);
  assertEquals(atRest.published, 1);
  assertEquals(treeOf(world.into), treeOf(world.base));
});

Deno.test("publish() names what it cannot publish, and goes on", async () => {
  using world = setUp();
  world.write("a.csv", "1");
  Deno.symlinkSync("/etc/passwd", `${world.base}/link.csv`);
  await new Deno.Command("sh", {
    args: ["-c", `mkfifo fifo.csv; printf x > "$(printf 'caf\\351.csv')"`],
    cwd: world.base,
  }).output();

  const passedOver: string[] = [];
  const { published, failed } = await world.run({
    passedOver: (path) => passedOver.push(path),
  });

  assertEquals(published, 1);
  assertEquals(passedOver.sort(), ["fifo.csv", "link.csv"]);
  assertEquals(failed.map(({ error }) => error.split(";")[0]), [
    "its name is not valid UTF-8",
  ]);
});

Deno.test("publish() withdraws nothing when its base is gone", async () => {
  using world = setUp();
  world.write("a.csv", "1");
  await world.run();
  const before = Deno.readTextFileSync(world.list);
  Deno.renameSync(world.base, `${world.base}.unmounted`);

  await assertRejects(() => world.run(), RefusedError, "it is not a directory");

  assertEquals(Deno.readTextFileSync(world.list), before);
});

Deno.test("publish() refuses to work beside another one", async () => {
  using world = setUp();
  using _lock = Lock.take(`${world.into}/.relais`);
  await assertRejects(() => world.run(), LockedError, "another relais");
});

Deno.test("publish() takes only what its globs name", async () => {
  using world = setUp();
  for (
    const path of ["a.csv", "stock/b.csv", "stock/deep/c.csv", "stock/d.pdf"]
  ) world.write(path, path);
  await world.run({}, ["stock/**/*.csv"]);
  assertEquals(Object.keys(treeOf(world.into)).sort(), [
    "stock/b.csv",
    "stock/deep/c.csv",
  ]);
});

Deno.test({
  name:
    "a large file takes no second room, where the file system can share blocks",
  ignore: !canShareBlocks(),
  async fn() {
    const directory = Deno.makeTempDirSync();
    {
      using disk = new BtrfsDisk(directory);
      const world = setUp(directory);
      const bytes = noise(32 * 1024 * 1024);
      Deno.writeFileSync(`${world.base}/large`, bytes);
      const used = () => {
        disk.sync();
        const { blocks, bfree, bsize } = statfsSync(directory);
        return (blocks - bfree) * bsize;
      };
      const before = used();

      const { published } = await world.run();

      assertEquals(published, 1);
      assert(used() - before < bytes.length / 4);
      assertEquals(Deno.readFileSync(`${world.into}/large`), bytes);
    }
    Deno.removeSync(directory);
  },
});
