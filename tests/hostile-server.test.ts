/**
 * What a server that was taken over, or is out of its mind, can do to a whole
 * pass: keep it neither from ending nor from the backup, and delete nothing.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Buffer } from "node:buffer";
import {
  attributes,
  emptyData,
  emptyFile,
  entry,
  generated,
  hangUp,
  names,
  only,
  type Script,
  shortReads,
  type Trick,
} from "../fixtures/hostile-server.ts";
import {
  exportPath,
  headerOf,
  makeHostileWorld,
} from "../fixtures/hostile-world.ts";

const listPath = `${exportPath}/.relais/list`;

/** More than SFTP sends in one answer. */
const longestAnswer = 2 ** 19;

/** A list that begins with a header and goes on with `text`, again and again. */
function endlessList(text: string): Script {
  const header = Buffer.from(headerOf("g1"));
  const repeated = Buffer.from(
    text.repeat(Math.ceil(longestAnswer / text.length) + 1),
  );
  return generated(listPath, {
    size: Number.MAX_SAFE_INTEGER,
    at(position, length) {
      if (position < header.length) return header.subarray(position);
      const from = (position - header.length) % text.length;
      return repeated.subarray(from, from + length);
    },
  });
}

Deno.test("extension lines for ever end with exit 3, and take no memory", async () => {
  await using world = await makeHostileWorld({
    script: endlessList("# signed\n"),
  });
  world.production.list();

  const { code, peakBytes } = await world.measuredPass();

  assertEquals([code, world.here(), world.outside()], [3, {}, []]);
  assert(peakBytes < 400 * 2 ** 20, `${peakBytes} bytes`);
});

Deno.test("a server whose list cannot be used to its end is left for its backup, in the same pass", async () => {
  await using world = await makeHostileWorld({
    script: endlessList("x"),
    backup: true,
  });
  world.production.publish({ "a.csv": "of production\n" });
  world.backup.publish({ "b.csv": "of backup\n" });

  const { exit, server } = await world.pass();

  assertEquals([exit, server], [0, "backup"]);
  assertEquals(world.here(), { "b.csv": "of backup\n" });
});

const unusable: [what: string, script: Script, why: string][] = [
  [
    "has a size that cannot be",
    // The largest below 2^64 that a double holds.
    { FSTAT: only(listPath, attributes({ size: 2 ** 64 - 2_048 })) },
    "the server says it has 18446744073709550000 bytes",
  ],
  [
    "is answered for with data without bytes, for ever,",
    { READ: only(listPath, emptyData) },
    "the list is empty",
  ],
  [
    "is cut off by a hang-up each time",
    { READ: only(listPath, hangUp) },
    "connection was lost",
  ],
];
for (const [what, script, why] of unusable) {
  Deno.test(`a server whose list ${what} is no server, and tells why, with exit 3`, async () => {
    await using world = await makeHostileWorld({ script });
    world.production.publish({ "a.csv": "a\n" });

    const { code, stderr } = await world.relais("--once");

    assertEquals([code, world.here()], [3, {}]);
    assertStringIncludes(stderr, why);
  });
}

Deno.test("a file whose size suddenly cannot be is named, and not taken for withdrawn", async () => {
  await using world = await makeHostileWorld({
    script: { READDIR: sizeThatCannotBeLater() },
    replica: `source = "tree"\ndelete = "remove"\nmax_delete = 10`,
  });
  const files = { "a.csv": "aaaa\n", "b.csv": "bbbb\n" };
  world.production.write(files);
  await world.pass();

  const { exit, removed } = await world.pass();

  assertEquals([exit, removed, world.here()], [1, 0, files]);
});

/** Names two files to the first session that asks, and to the next ones says of one what cannot be. */
function sizeThatCannotBeLater(): Trick {
  const five = { ...emptyFile, size: 5 };
  const good = [entry("a.csv", five), entry("b.csv", five)];
  const bad = [entry("a.csv", { ...five, size: 2 ** 60 }), good[1]!];
  const told = new WeakSet();
  let sessions = 0;
  return names((_path, sftp) => {
    if (told.has(sftp)) return [];
    told.add(sftp);
    return sessions++ === 0 ? good : bad;
  });
}

Deno.test("short answers that take longer than any limit, together, end no module", async () => {
  const patiently: Trick = (asked) =>
    setTimeout(() => asked.honest(Math.min(2_100, asked.length)), 450);
  await using world = await makeHostileWorld({
    script: { READ: only(`${exportPath}/a.csv`, patiently) },
    request: "1500ms",
  });
  world.production.publish({ "a.csv": "0123456789".repeat(3_100) });

  const { exit, errors, copied } = await world.pass();

  assertEquals([exit, errors, copied], [0, [], 1]);
});

Deno.test("answers of 7 bytes bring whole files, and take no memory", async () => {
  await using world = await makeHostileWorld({
    script: { READ: shortReads(7) },
  });
  world.production.publish({ "large.csv": "0123456789".repeat(30_000) });

  const { code, peakBytes } = await world.measuredPass();

  assertEquals([code, Object.keys(world.here())], [0, ["large.csv"]]);
  assert(peakBytes < 400 * 2 ** 20, `${peakBytes} bytes`);
});
