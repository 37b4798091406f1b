import { delay } from "@std/async/delay";
import { assert, assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { statfsSync } from "node:fs";
import { BtrfsDisk, canShareBlocks } from "../../fixtures/disk.ts";
import { joined } from "../../fixtures/delta.ts";
import { noise } from "../../fixtures/noise.ts";
import { canTrace, resultOf, trace } from "../../fixtures/strace.ts";
import { until } from "../../fixtures/until.ts";
import { makeWorld, nimble, treeOf, type World } from "../../fixtures/world.ts";
import { formatSignature, SignatureMaker } from "../../lib/delta/signature.ts";
import type { Digest } from "../../lib/list/entry.ts";

const MiB = 2 ** 20;

/** What a pass says to the server and a list that hardly changed cost. */
const overhead = 96 * 1024;

/** Whatever time it takes: what pays is another matter, and differs from run to run. */
const always = `[copy]\ndelta = "always"`;

/** Makes a world in which `old` is published as `file`, and copied. */
async function worldWith(
  old: Uint8Array,
  options: Parameters<typeof makeWorld>[0] = { more: always },
): Promise<World> {
  const world = await makeWorld({ ...options, resident: true });
  for (const server of world.servers) await publish(world, old, server);
  assertEquals((await world.pass()).copied, 1);
  return world;
}

async function publish(
  world: World,
  bytes: Uint8Array,
  server = world.production,
): Promise<void> {
  Deno.writeFileSync(`${server.data}/file`, bytes);
  // To the server that comes second the file must be the same.
  const date = 1_700_000_000 + ++published;
  Deno.utimeSync(`${server.data}/file`, date, date);
  await world.publish(server);
}

let published = 0;

/** Where the signature of some contents lies. */
function signatureOf(world: World, bytes: Uint8Array): string {
  const hex = createHash("sha256").update(bytes).digest("hex");
  return `${world.production.root}/.relais/signatures/${hex}`;
}

function logOf({ directory }: World): string {
  return Deno.readTextFileSync(`${directory}/replica/log/relais.log`);
}

/** Waits until something is logged: a replica that goes on writes its log when it has the time. */
async function assertLogged(
  world: World,
  text: string,
  after = 0,
): Promise<void> {
  await until(() => logOf(world).slice(after).includes(text));
}

/** Changes one byte in each block of 4 KiB named. */
function changedAt(bytes: Uint8Array, blocks: readonly number[]): Uint8Array {
  const changed = bytes.slice();
  for (const block of blocks) changed[block * 4_096 + 11]! ^= 1;
  return changed;
}

/** Publishes a new version, has it copied, and expects at most so many bytes of it on the wire. */
async function assertCost(
  world: World,
  fresh: Uint8Array,
  most: number,
): Promise<void> {
  await publish(world, fresh);

  const report = await world.pass();

  assertEquals([report.copied, report.failed, report.exit], [1, [], 0]);
  assertEquals(treeOf(world.into), treeOf(world.production.root));
  assert(
    report.wire_bytes < most + overhead,
    `${report.wire_bytes} bytes on the wire`,
  );
  assert(report.reused >= fresh.length - most, `${report.reused} reused`);
}

Deno.test("of a file changed in some blocks those are fetched, and its signature", async () => {
  const old = noise(8 * MiB);
  await using world = await worldWith(old);
  await assertCost(world, changedAt(old, [0, 7, 700, 2_047]), 4 * 4_096);
});

Deno.test("of a file that something was put in front of that is fetched", async () => {
  const old = noise(8 * MiB);
  await using world = await worldWith(old);
  await assertCost(world, joined(noise(100_003), old), 100_003 + 2 * 4_096);
});

Deno.test("of a file that was appended to what was appended is fetched", async () => {
  const old = noise(8 * MiB + 100);
  await using world = await worldWith(old);
  await assertCost(world, joined(old, noise(50_000)), 50_000 + 4_096);
});

Deno.test("of a file that was cut nothing is fetched", async () => {
  const old = noise(8 * MiB);
  await using world = await worldWith(old);
  await assertCost(world, old.slice(0, 5 * MiB + 1), 0);
});

Deno.test("a file that was appended to is recognised without a signature", async () => {
  const old = noise(MiB);
  await using world = await worldWith(old);
  // Too small for one.
  const fresh = joined(old, noise(10_000));
  await assertCost(world, fresh, 10_000 + MiB / 32);
});

Deno.test("a file that only seems to be appended to comes whole", async () => {
  const old = noise(MiB);
  await using world = await worldWith(old);
  const fresh = joined(old, noise(10_000));
  // Between two samples.
  fresh[100_000]! ^= 1;
  await publish(world, fresh);

  assertEquals((await world.pass()).exit, 0);

  await assertLogged(world, "fetching file whole: Cannot copy file");
  assertEquals(treeOf(world.into), treeOf(world.production.root));
});

Deno.test("a file that was renamed, or copied, is not fetched", async () => {
  await using world = await worldWith(noise(2 * MiB));
  const { data } = world.production;
  Deno.copyFileSync(`${data}/file`, `${data}/copy`);
  Deno.renameSync(`${data}/file`, `${data}/renamed`);
  await world.publish();

  const report = await world.pass();

  assertEquals([report.copied, report.reused], [2, 4 * MiB]);
  assert(report.wire_bytes < overhead, `${report.wire_bytes}`);
  const { file: _, ...tree } = treeOf(world.into);
  assertEquals(tree, treeOf(world.production.root));
});

Deno.test({
  name:
    "what a file begins with takes no second room, where the file system can share blocks",
  ignore: !canShareBlocks(),
  async fn() {
    await using world = await makeWorld({ more: always });
    Deno.mkdirSync(world.into);
    using disk = new BtrfsDisk(world.into);
    const used = () => {
      disk.sync();
      const { blocks, bfree, bsize } = statfsSync(world.into);
      return (blocks - bfree) * bsize;
    };
    const old = noise(32 * MiB + 100);
    await publish(world, old);
    assertEquals((await world.pass()).copied, 1);
    const before = used();
    const { data } = world.production;
    // One is found by its digest, and one by a signature.
    Deno.copyFileSync(`${data}/file`, `${data}/copy`);
    Deno.chmodSync(`${data}/copy`, 0o600);
    Deno.linkSync(`${world.into}/file`, `${world.into}/kept`);
    await publish(world, joined(old, noise(2 * MiB)));

    const report = await world.pass();

    assertEquals([report.copied, report.failed, report.exit], [2, [], 0]);
    assert(report.reused >= 2 * 32 * MiB, `${report.reused} reused`);
    assert(used() - before < 8 * MiB, `${used() - before} bytes of the disk`);
    const { kept: _, ...tree } = treeOf(world.into);
    assertEquals(tree, treeOf(world.production.root));
    assertEquals(Deno.statSync(`${world.into}/copy`).mode! & 0o777, 0o600);
  },
});

/** Runs a pass, and returns how many bytes were read of the copy, and of what is staged. */
async function bytesRead(
  world: World,
): Promise<{ ofCopy: number; ofStaged: number }> {
  await world.end();
  const { end, calls } = await trace(
    ["--once", "--config", world.config],
    ["read", "pread64"],
  );
  assertEquals(end.code, 0, end.stderr);
  const of = (path: string) =>
    calls.filter(({ text }) => text.includes(`<${world.into}/${path}`))
      .reduce((sum, call) => sum + resultOf(call), 0);
  return { ofCopy: of("file"), ofStaged: of(".relais/staging/") };
}

Deno.test({
  name: "the old version of a changed file is read once, and the new one never",
  ignore: !canTrace(),
  async fn() {
    const old = noise(7 * MiB);
    await using world = await worldWith(old);
    const fresh = joined(noise(1_000), changedAt(old, [100, 900]));
    await publish(world, fresh);

    const { ofCopy, ofStaged } = await bytesRead(world);

    assertEquals(treeOf(world.into), treeOf(world.production.root));
    assert(ofCopy >= old.length, `${ofCopy}`);
    // Samples, and what is needed to measure the disk.
    assert(ofCopy < 1.1 * old.length, `${ofCopy}`);
    assertEquals(ofStaged, 0);
  },
});

Deno.test({
  name:
    "what a file begins with is read once, in its clone, where the file system can share blocks",
  ignore: !canShareBlocks() || !canTrace(),
  async fn() {
    await using world = await makeWorld({ more: always });
    Deno.mkdirSync(world.into);
    using _disk = new BtrfsDisk(world.into);
    const old = noise(7 * MiB);
    await publish(world, old);
    assertEquals((await world.pass()).copied, 1);
    // Behind what is looked at to see whether a clone pays.
    const fresh = joined(changedAt(old, [1_200]), noise(100_000));
    await publish(world, fresh);

    const { ofCopy, ofStaged } = await bytesRead(world);

    assertEquals(treeOf(world.into), treeOf(world.production.root));
    assert(ofStaged >= 1_200 * 4_096, `${ofStaged}`);
    assert(ofCopy + ofStaged < 1.2 * old.length, `${ofCopy}, ${ofStaged}`);
  },
});

Deno.test("a copy that is no longer what it was is not taken for another one", async () => {
  await using world = await worldWith(noise(2 * MiB));
  const { data } = world.production;
  Deno.renameSync(`${data}/file`, `${data}/renamed`);
  await world.publish();
  Deno.writeFileSync(`${world.into}/file`, noise(2 * MiB));

  const report = await world.pass();

  assertEquals([report.copied, report.reused, report.exit], [1, 0, 0]);
  assertEquals(
    treeOf(world.into)["renamed"],
    treeOf(world.production.root)["renamed"],
  );
});

Deno.test("a file that is another one altogether costs its signature more", async () => {
  await using world = await worldWith(noise(8 * MiB), {});
  const fresh = noise(8 * MiB);
  await publish(world, fresh);

  const report = await world.pass();

  assertEquals([report.copied, report.reused], [1, 0]);
  assert(report.wire_bytes < 1.02 * fresh.length, `${report.wire_bytes}`);
  assertEquals(treeOf(world.into), treeOf(world.production.root));
});

Deno.test("copy.delta = never fetches a changed file whole", async () => {
  const old = noise(5 * MiB);
  await using world = await worldWith(old, { more: `[copy]\ndelta = "never"` });
  await publish(world, changedAt(old, [1]));

  const report = await world.pass();

  assertEquals([report.copied, report.reused], [1, 0]);
  assert(report.wire_bytes > 5 * MiB);
});

Deno.test("copy.delta = auto makes use of what is here when the server is slow", async () => {
  const old = noise(8 * MiB);
  await using world = await worldWith(old, { more: "" });
  // So slow that to search pays on a busy machine as well.
  world.configure({ more: `[copy]\nbandwidth = "500KB/s"` });
  await assertCost(world, changedAt(old, [0, 7, 700]), 3 * 4_096);
});

Deno.test("copy.delta = always makes use of the least that is here", async () => {
  const old = noise(8 * MiB);
  await using world = await worldWith(old);
  const fresh = noise(8 * MiB);
  fresh.set(old.subarray(MiB, MiB + 8_192), 5_000);
  await assertCost(world, fresh, 8 * MiB - 4_096);
});

/** What can be wrong with a signature, and what is said of it. */
const unsound: [
  name: string,
  damage: (bytes: Uint8Array) => Uint8Array,
  told: string,
][] = [
  ["cut", (bytes) => bytes.subarray(0, 1_000), "it is cut"],
  ["empty", (bytes) => bytes.subarray(0, 0), "it is cut"],
  ["too long", (bytes) => joined(bytes, bytes), "it is too long"],
  ["damaged", (bytes) => bytes.with(500, bytes[500]! ^ 1), "it is damaged"],
  ["of another version", (bytes) => bytes.with(8, 9), "it is of version 9"],
  [
    "of another file",
    (bytes) => bytes.with(40, bytes[40]! ^ 1),
    "it is of another file",
  ],
  ["of huge blocks", (bytes) => bytes.with(15, 0x7f), "its blocks have 21"],
  ["of many blocks", (bytes) => bytes.with(30, 1), "it tells of 2814749767"],
];

Deno.test("a signature that is unsound is refused, and the file fetched whole", async (test) => {
  let here: Uint8Array = noise(5 * MiB);
  await using world = await worldWith(here);
  for (const [name, damage, told] of unsound) {
    await test.step(name, async () => {
      const fresh = changedAt(here, [1]);
      fresh[0] = 1 + here[0]! % 254;
      await publish(world, fresh);
      const path = signatureOf(world, fresh);
      Deno.writeFileSync(path, damage(Deno.readFileSync(path)));
      const before = logOf(world).length;

      assertEquals((await world.pass()).exit, 0);

      await assertLogged(
        world,
        `fetching file whole: Cannot use the signature of file: ${told}`,
        before,
      );
      assertEquals(treeOf(world.into), treeOf(world.production.root));
      here = fresh;
    });
  }
});

Deno.test("a signature that lies costs its file once more, and nothing is wrong in the end", async () => {
  const old = noise(5 * MiB);
  await using world = await worldWith(old);
  const fresh = changedAt(old, [1, 2, 3]);
  await publish(world, fresh);
  const digest = createHash("sha256").update(fresh).digest("hex");
  // It has the sums of the old version, and says that they are those of the new one.
  const maker = new SignatureMaker(old.length, 4_096);
  maker.update(old);
  const lying = maker.finish(`sha256:${digest}` as Digest);
  Deno.writeFileSync(signatureOf(world, fresh), formatSignature(lying));

  assertEquals((await world.pass()).exit, 0);

  await assertLogged(world, "fetching file whole: Cannot copy file: its");
  assertEquals(treeOf(world.into), treeOf(world.production.root));
});

Deno.test("a file that is made of its older version, and cut off, goes on on another server", async () => {
  const old = noise(24 * MiB);
  await using world = await worldWith(old, {
    servers: ["production", "backup"],
    more: `${nimble}\n${always}`,
  });
  const fresh = joined(old.subarray(0, 10 * MiB), noise(12 * MiB));
  await publish(world, fresh);
  published--;
  await publish(world, fresh, world.backup);
  const links = world.servers.map((server) => world.link(server));

  links[0]!.downAfter(5 * MiB);
  links[1]!.downAfter(5 * MiB);
  assertEquals((await world.pass()).exit, 3);
  const before = links.reduce((sum, link) => sum + link.carried.down, 0);
  for (const link of links) link.mend();
  const report = await world.pass();

  assertEquals([report.copied, report.exit], [1, 0]);
  assertEquals(treeOf(world.into), treeOf(world.production.root));
  const carried = links.reduce((sum, link) => sum + link.carried.down, 0);
  assert(before > 5 * MiB, `${before}`);
  // Each cut costs what was under way.
  assert(carried < 12 * MiB + 9 * MiB, `${carried}`);
});

/** Waits until the first bytes of a file are staged: by then the search of its older version has begun. */
async function untilBegun({ into }: World): Promise<void> {
  const staging = `${into}/.relais/staging`;
  for (;;) {
    const sizes = [...Deno.readDirSync(staging)]
      .map(({ name }) => Deno.statSync(`${staging}/${name}`).size);
    if (sizes.some((size) => size > 0)) return;
    await delay(20);
  }
}

for (
  const [how, change] of [
    ["is written to", (path: string) => {
      using file = Deno.openSync(path, { write: true });
      file.writeSync(noise(20 * MiB));
    }],
    ["becomes shorter", (path: string) => Deno.truncateSync(path, 5 * MiB)],
  ] as const
) {
  Deno.test(`an older version that ${how} while it is read spoils nothing`, async () => {
    // More than is kept of it while the server sends what comes before.
    const old = noise(20 * MiB);
    const options = { more: `${always}\nbandwidth = "4MB/s"` };
    await using world = await worldWith(old, options);
    const fresh = joined(noise(4 * MiB), old);
    await publish(world, fresh);

    const pass = world.pass();
    await untilBegun(world);
    change(`${world.into}/file`);
    const report = await pass;

    assertEquals([report.copied, report.failed, report.exit], [1, [], 0]);
    assertEquals(treeOf(world.into), treeOf(world.production.root));
  });
}

Deno.test("what was begun of a version is of use to the next one", async () => {
  await using world = await makeWorld({ more: always });
  const old = noise(12 * MiB);
  await publish(world, old);
  await world.pass("--max-transfer", "8MiB");
  const fresh = joined(noise(10_000), old);
  await publish(world, fresh);

  const report = await world.pass();

  assertEquals([report.copied, report.exit], [1, 0]);
  assert(report.reused > 7 * MiB, `${report.reused}`);
  assert(report.wire_bytes < 5.5 * MiB, `${report.wire_bytes}`);
  assertEquals(treeOf(world.into), treeOf(world.production.root));
});

Deno.test("a file of a tree without a list is fetched whole", async () => {
  const old = noise(5 * MiB);
  await using world = await makeWorld({
    replica: `source = "tree"`,
    resident: true,
  });
  const path = `${world.production.root}/file`;
  Deno.writeFileSync(path, old);
  await world.pass();
  Deno.writeFileSync(path, changedAt(old, [1]));
  Deno.utimeSync(path, 2_000_000_000, 2_000_000_000);
  const report = await world.pass();
  assertEquals([report.copied, report.reused], [1, 0]);
  assertEquals(treeOf(world.into), treeOf(world.production.root));
});
