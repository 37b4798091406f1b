/**
 * Trouble with the local disk: full, failing, read-only, slow, or withheld by a
 * limit. relais ends with exit 4 and says what to do; nothing is lost, and what
 * is here is not fetched again.
 */

import { basename } from "@std/path";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { canMount, TmpfsDisk } from "../../fixtures/disk.ts";
import { Doomed, type End } from "../../fixtures/kill/process.ts";
import { noise } from "../../fixtures/noise.ts";
import { which } from "../../fixtures/programs.ts";
import { toolbox } from "../../fixtures/publishers.ts";
import { canTrace, injecting } from "../../fixtures/strace.ts";
import { until } from "../../fixtures/until.ts";
import { makeWorld, treeOf, type World } from "../../fixtures/world.ts";
import { stagedName } from "../../lib/files/staged-name.ts";
import { parseLine } from "../../lib/list/format.ts";

/** Declares a test that needs disks of its own. */
function testWithDisks(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !canMount(), fn });
}

/** Declares a test that needs system calls to fail. */
function testWithFaults(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !canTrace(), fn });
}

/** Mounts a small disk at a directory of the replica. */
function mountAt(directory: string, options: string): TmpfsDisk {
  Deno.mkdirSync(directory);
  return new TmpfsDisk(directory, options);
}

/** Publishes files of random contents. */
async function publish(
  world: World,
  sizes: Record<string, number>,
): Promise<void> {
  for (const [path, size] of Object.entries(sizes)) {
    Deno.writeFileSync(`${world.production.data}/${path}`, noise(size));
  }
  await world.publish();
}

/** `count` files of `size` bytes. */
function many(count: number, size: number): Record<string, number> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`${index}.bin`, size]),
  );
}

/** Fills what is left of a disk, but for `bytes`. */
function fill(disk: TmpfsDisk, bytes = 0): string {
  const path = `${disk.directory}/filler`;
  using file = Deno.openSync(path, { create: true, write: true });
  const block = new Uint8Array(4_096);
  let filled = 0;
  try {
    for (;; filled += block.length) file.writeSync(block);
  } catch {
    // It is full: that is what was wanted.
    file.truncateSync(filled - bytes);
  }
  return path;
}

/** Runs a pass under a program that makes something fail. */
async function passUnder(
  world: World,
  under: readonly string[],
): Promise<End> {
  const args = ["--once", "--config", world.config];
  return await Doomed.start(args, under).ended();
}

/** Runs a pass with another `sync`, in place of the barrier. */
async function passWithSync(world: World, script: string): Promise<End> {
  using tools = toolbox([["sync", `#!/bin/sh\n${script}\n`]]);
  const path = `PATH=${tools.PATH}:${Deno.env.get("PATH")}`;
  return await passUnder(world, ["env", path]);
}

/** Where a published file is staged. */
function stagedPath({ into, production }: World, path: string): string {
  const lines = Deno.readTextFileSync(`${production.root}/.relais/list`);
  for (const line of lines.split("\n")) {
    const parsed = parseLine(line);
    if (!("value" in parsed) || parsed.value.path !== path) continue;
    return `${into}/.relais/staging/${stagedName(parsed.value)}`;
  }
  throw new Error(`${path} is not listed`);
}

/** The names by which a pass may reach a staged file: the staging directory is held open. */
function staging(world: World, path: string): string[] {
  const name = basename(stagedPath(world, path));
  return Array.from(
    { length: 100 },
    (_, descriptor) => `${world.state}/fd/${descriptor}/${name}`,
  );
}

function staged(world: World): string[] {
  return [...Deno.readDirSync(`${world.into}/.relais/staging`)]
    .map(({ name }) => name);
}

/** A pass makes all good; returns the bytes that went over the wire for it. */
async function assertMakesGood(world: World): Promise<number> {
  const { exit, errors, wire_bytes } = await world.pass() as
    & Awaited<ReturnType<World["pass"]>>
    & { errors: string[] };
  assertEquals([exit, errors], [0, []]);
  assertEquals(treeOf(world.into), treeOf(world.production.root));
  return wire_bytes;
}

testWithDisks(
  "a disk that somebody else fills during a copy ends the pass with exit 4, and the next one goes on",
  async () => {
    await using world = await makeWorld();
    using disk = mountAt(world.into, "size=8m");
    await publish(world, { "big.bin": 4_000_000 });
    world.link(world.production, { bytesPerSecond: 4_000_000 });
    const pass = world.relais("--once");
    await until(() => staged(world).length > 0);
    const filler = fill(disk, 500_000);

    const { code, stderr } = await pass;

    assertEquals(code, 4, stderr);
    assertMatch(
      stderr,
      /Cannot write big.bin: .*No space left.*; check the owner, permissions and free space/,
    );
    Deno.removeSync(filler);
    assert(await assertMakesGood(world) < 3_900_000);
  },
);

for (
  const [count, size, least] of [[30, 1024 * 1024, 18], [
    1_000,
    30_000,
    550,
  ]] as const
) {
  testWithDisks(
    `a disk that is a little too small holds as many of ${count} files of ${size} bytes as fit, and the next passes fetch nothing again`,
    async () => {
      await using world = await makeWorld();
      using disk = mountAt(world.into, "size=20m");
      await publish(world, many(count, size));

      const first = await world.pass();
      const second = await world.pass();

      const here = Object.keys(treeOf(world.into)).length;
      assert(here >= least, `${here} files are here`);
      assertEquals([first.copied, first.exit], [here, 4]);
      assert(first.wire_bytes < (here + 2) * size + 300_000);
      assertEquals([second.copied, second.exit], [0, 4]);
      assert(second.wire_bytes < 100_000, `${second.wire_bytes} bytes`);
      disk.remount("size=60m");
      const wire = await assertMakesGood(world);
      assert(wire < (count - here) * size + 300_000, `${wire} bytes`);
    },
  );
}

testWithDisks(
  "a file that does not fit keeps none away that does",
  async () => {
    await using world = await makeWorld({ more: `[copy]\nparallel = 1` });
    using _disk = mountAt(world.into, "size=8m");
    await publish(world, { "big.bin": 8_300_000 });
    await publish(world, many(10, 50_000));

    const { copied, exit } = await world.pass();

    assertEquals([copied, exit], [10, 4]);
    assertEquals(staged(world), []);
  },
);

testWithDisks(
  "a disk without inodes ends the pass with exit 4, and what is here is not fetched again",
  async () => {
    await using world = await makeWorld({ more: `[copy]\nparallel = 4` });
    using disk = mountAt(world.into, "size=8m,nr_inodes=20");
    await publish(world, many(30, 50_000));

    const { code, stderr } = await world.relais("--once");

    assertEquals(code, 4, stderr);
    assertMatch(stderr, /no inodes left; remove files there/);
    const here = Object.keys(treeOf(world.into)).length + staged(world).length;
    assert(here > 5, `${here} files are here`);
    disk.remount("nr_inodes=100");
    const wire = await assertMakesGood(world);
    assert(wire < (30 - here) * 50_000 + 100_000, `${wire} bytes`);
  },
);

testWithDisks(
  "a state on a full disk ends the pass with exit 4, and what is here is not fetched again",
  async () => {
    await using world = await makeWorld();
    using disk = mountAt(world.state, "size=2m");
    await publish(world, { "a.bin": 1_000 });
    assertEquals((await world.pass()).exit, 0);
    await publish(world, many(20, 50_000));
    const filler = fill(disk);

    const { code, stderr } = await world.relais("--once");

    assertEquals(code, 4, stderr);
    // Whichever module is first to find out.
    assertMatch(stderr, /the state|replica\.state/);
    Deno.removeSync(filler);
    await assertMakesGood(world);
  },
);

testWithDisks(
  "a state whose disk fills before the commit ends the pass with exit 4, and adopts what is in place",
  async () => {
    await using world = await makeWorld();
    using disk = mountAt(world.state, "size=2m");
    await publish(world, many(20, 50_000));
    const filler = `${disk.directory}/filler`;
    const { code, stderr } = await passWithSync(
      world,
      `dd if=/dev/zero of=${filler} bs=4k 2>/dev/null
exec ${which("sync")} "$@"`,
    );

    assertEquals(code, 4, stderr);
    assertMatch(stderr, /replica.state/);
    assertEquals(Object.keys(treeOf(world.into)).length, 20);
    Deno.removeSync(filler);
    assert(await assertMakesGood(world) < 100_000);
  },
);

for (const where of ["into", "state"] as const) {
  testWithDisks(
    `a read-only disk of replica.${where} is told with exit 4`,
    async () => {
      await using world = await makeWorld();
      using disk = mountAt(world[where], "size=8m");
      await publish(world, { "a.bin": 1_000 });
      assertEquals((await world.pass()).exit, 0);
      await publish(world, { "b.bin": 1_000 });
      disk.remount("ro");

      const { code, stderr } = await world.relais("--once");

      assertEquals(code, 4, stderr);
      assertMatch(stderr, /[Rr]ead-only|readonly/);
      disk.remount("rw");
      await assertMakesGood(world);
    },
  );
}

testWithFaults(
  "a disk that cannot keep what was staged ends the pass with exit 4, and nothing staged is trusted again",
  async () => {
    await using world = await makeWorld();
    await publish(world, many(10, 50_000));

    const { code, stderr } = await passUnder(
      world,
      injecting("syncfs", "error=EIO"),
    );

    assertEquals(code, 4, stderr);
    assertMatch(stderr, /Cannot make .* durable: .*Input\/output error/);
    assertEquals([staged(world), treeOf(world.into)], [[], {}]);
    assert(await assertMakesGood(world) > 500_000);
  },
);

Deno.test("a disk that fails after the files are in place ends the pass with exit 4, and the next one adopts them", async () => {
  await using world = await makeWorld();
  await publish(world, many(10, 50_000));

  const { code, stderr } = await passWithSync(
    world,
    `[ ! -e ${world.into}/1.bin ] && exec ${which("sync")} "$@"
echo 'sync: error syncing: Input/output error' >&2; exit 1`,
  );

  assertEquals(code, 4, stderr);
  assertMatch(stderr, /Cannot make .* durable: .*Input\/output error/);
  assert(await assertMakesGood(world) < 100_000);
});

for (const error of ["EROFS", "EIO"]) {
  testWithFaults(
    `a rename that fails with ${error} ends the pass with exit 4, and the next one puts the file in place`,
    async () => {
      await using world = await makeWorld();
      await publish(world, many(3, 200_000));

      const { code, stderr } = await passUnder(
        world,
        injecting("rename", `error=${error}`, staging(world, "1.bin")),
      );

      assertEquals(code, 4, stderr);
      assertMatch(stderr, /Cannot write 1.bin: .*free space of replica.into/);
      assert(await assertMakesGood(world) < 200_000);
    },
  );
}

testWithFaults(
  "a slow disk is not taken for a server that fell silent",
  async () => {
    await using world = await makeWorld({ servers: ["production", "backup"] });
    await publish(world, many(10, 50_000));
    await world.publish(world.backup);
    const args = ["--once", "--json", "--config", world.config];

    const { code, stderr } = await Doomed.start(
      args,
      injecting("syncfs", "delay_enter=4000000"),
    ).ended();

    assertEquals([code, stderr], [0, ""]);
    assertEquals(treeOf(world.into), treeOf(world.production.root));
  },
);

Deno.test("a limit on the size of files kills relais, and the next pass without it recovers", async () => {
  await using world = await makeWorld();
  await publish(world, { "big.bin": 3_000_000, "small.bin": 1_000 });

  // In blocks of 512 bytes, or of 1024 where the shell counts so.
  const limited = ["sh", "-c", 'ulimit -f 2000; exec "$@"', "sh"];
  const { code } = await passUnder(world, limited);

  assert(code !== 0);
  await assertMakesGood(world);
});

Deno.test("a limit on open files ends the pass with exit 4, and the next pass without it recovers", async () => {
  await using world = await makeWorld();
  await publish(world, many(100, 300_000));

  const limited = ["sh", "-c", 'ulimit -n 100; exec "$@"', "sh"];
  const { code, stderr } = await passUnder(world, limited);

  // 1: there were not even enough to load a module.
  assert(code === 4 || code === 1, `exit ${code}: ${stderr}`);
  assertMatch(stderr, /Too many open files/);
  await assertMakesGood(world);
});

for (
  const [what, calls, words] of [
    [
      "cannot be read",
      ["pread64:error=EIO:when=4+", "read:error=EIO"],
      /dmesg/,
    ],
    ["cannot be read when its rows are", [
      "pread64:error=EIO:when=9+",
      "read:error=EIO",
    ], /dmesg/],
    ["cannot be written", ["pwrite64:error=EIO"], /dmesg/],
    ["is full", ["pwrite64:error=ENOSPC"], /free some space|dmesg/],
    ["is read-only", ["openat:error=EROFS"], /read-only/],
    ["cannot be looked at", ["lstat,statx,newfstatat:error=EIO"], /dmesg/],
  ] as const
) {
  testWithFaults(
    `a disk of the state that ${what} ends the pass with exit 4, and the state stays where it is`,
    async () => {
      await using world = await makeWorld();
      await publish(world, many(3, 100));
      await world.pass();
      await publish(world, { "late.bin": 100 });
      const path = `${world.state}/relais.db`;

      const { code, stderr } = await passUnder(world, [
        ...["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null"],
        ...["-P", path, "-P", `${path}-wal`],
        ...["-e", `trace=${calls.map((call) => call.split(":")[0]).join()}`],
        ...calls.flatMap((call) => ["-e", `inject=${call}`]),
      ]);

      assertEquals(code, 4);
      assertMatch(stderr, words);
      const names = [...Deno.readDirSync(world.state)].map(({ name }) => name);
      assertEquals(names.filter((name) => name.includes("damaged")), []);
      const { copied, exit } = await world.pass();
      assertEquals([copied, exit], [1, 0]);
    },
  );
}

testWithFaults(
  "a state that could not be begun on a full disk is begun by the next pass, and not taken for damaged",
  async () => {
    await using world = await makeWorld();
    await publish(world, many(1, 100));
    const path = `${world.state}/relais.db`;
    const { code } = await passUnder(
      world,
      injecting("pwrite64", "error=ENOSPC", [path]),
    );
    assertEquals(code, 4);

    const { copied, exit } = await world.pass();

    assertEquals([copied, exit], [1, 0]);
    const names = [...Deno.readDirSync(world.state)].map(({ name }) => name);
    assertEquals(names.filter((name) => name.includes("damaged")), []);
  },
);
