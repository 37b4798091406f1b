/**
 * What a server that was taken over, or is out of its mind, can do to a whole
 * pass: keep it neither from ending nor from the backup, and delete nothing.
 */

import {
  assert,
  assertEquals,
  assertNotMatch,
  assertStringIncludes,
} from "@std/assert";
import { Buffer } from "node:buffer";
import type { SFTPStream } from "ssh2";
import {
  answers,
  attributes,
  changeHostKey,
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
} from "../../fixtures/hostile-server.ts";
import {
  exportPath,
  headerOf,
  makeHostileWorld,
} from "../../fixtures/hostile-world.ts";

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
    "the server reports an impossible size, 18446744073709550000 bytes",
  ],
  [
    "is answered for with data without bytes, for ever,",
    { READ: only(listPath, emptyData) },
    "the list is empty",
  ],
  [
    "is cut off by a hang-up each time",
    { READ: only(listPath, hangUp) },
    "connection broke",
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
    // Names are told once in a session.
    replica:
      `source = "tree"\ntree_rescan = "0s"\ndelete = "remove"\nmax_delete = 10`,
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

Deno.test("a file that comes one byte at a time is given up, and had from the backup in the same pass", async () => {
  const drop: Trick = (asked) => setTimeout(() => asked.honest(1), 100);
  await using world = await makeHostileWorld({
    script: { READ: only(`${exportPath}/slow.csv`, drop) },
    request: "1s",
    backup: true,
  });
  const files = { "slow.csv": "0123456789".repeat(1_000), "b.csv": "b\n" };
  world.production.publish(files);
  world.backup.publish(files);

  const { exit, server, copied, failed } = await world.pass();

  assertEquals([exit, server, copied, failed], [0, "production", 2, []]);
  assertEquals(Object.keys(world.here()).sort(), ["b.csv", "slow.csv"]);
});

Deno.test("a file that comes one byte at a time is named where there is no other server, and the others come", async () => {
  const drop: Trick = (asked) => setTimeout(() => asked.honest(1), 100);
  await using world = await makeHostileWorld({
    script: { READ: only(`${exportPath}/slow.csv`, drop) },
    request: "1s",
  });
  world.production.publish({
    "slow.csv": "0123456789".repeat(1_000),
    "b.csv": "b\n",
  });

  const { exit, failed } = await world.pass();

  assertEquals([exit, world.here()], [1, { "b.csv": "b\n" }]);
  assertStringIncludes(failed[0]!.error, "slow.csv");
  assertStringIncludes(failed[0]!.error, "arrived in 1 s");
});

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
  world.production.publish({ "large.csv": "0123456789".repeat(12_000) });

  const { code, peakBytes } = await world.measuredPass();

  assertEquals([code, Object.keys(world.here())], [0, ["large.csv"]]);
  assert(peakBytes < 400 * 2 ** 20, `${peakBytes} bytes`);
});

Deno.test("a server that shows another host key in the middle of a copy is left for its backup, in the same pass, with exit 6", async () => {
  const changed = new WeakSet();
  await using world = await makeHostileWorld({
    script: {
      READ: only(`${exportPath}/c.csv`, (asked) => {
        if (!changed.has(asked.sftp)) changeHostKey(asked.sftp);
        changed.add(asked.sftp);
        asked.honest();
      }),
    },
    backup: true,
    more: `[probe]\nfall = 1`,
  });
  const files = Object.fromEntries(
    ["a.csv", "b.csv", "c.csv", "d.csv"].map((name) => [name, `${name}\n`]),
  );
  world.production.publish(files);
  world.backup.publish(files);

  const { exit, server, failed, errors } = await world.pass();

  assertEquals([exit, server, failed], [6, "backup", []]);
  assertEquals(world.here(), files);
  assertStringIncludes(errors.join("\n"), "Cannot trust production");
});

Deno.test("a host key that changed behind the open session of a loop is told with exit 6, and shown no key of ours", async () => {
  let session: SFTPStream | undefined;
  await using world = await makeHostileWorld({
    script: {
      FSTAT(asked) {
        session = asked.sftp;
        asked.honest();
      },
    },
    backup: true,
    more: `[probe]\nfall = 1`,
    resident: true,
  });
  world.production.publish({ "a.csv": "a\n" });
  world.backup.publish({ "a.csv": "a\n" });
  const before = await world.pass();
  const { logins } = world;

  changeHostKey(session!);
  const after = await world.pass();

  assertEquals([before.server, before.exit], ["production", 0]);
  assertEquals([after.server, after.exit], ["backup", 6]);
  assertEquals(world.logins, logins);
});

const untold: [what: string, answer: Trick][] = [
  ["tells no size of its list", answers["ATTRS without attributes"]!],
  ["says that its list has 0 bytes", attributes({ size: 0 })],
];
for (const [what, answer] of untold) {
  Deno.test(`a server that ${what} is read to the end of the list, and that is told`, async () => {
    await using world = await makeHostileWorld({
      script: { FSTAT: only(listPath, answer) },
      resident: true,
    });
    const { production } = world;
    const files = { "a.csv": "a\n", "b.csv": "b\n" };
    production.publish(files);
    const first = await world.pass();
    const unchanged = await world.pass();
    production.write({ "c.csv": "c\n" });
    production.append({ seq: 3, path: "c.csv", text: "c\n" });
    const grown = await world.pass();
    production.publish({ "a.csv": "a\n" });
    const shrunken = await world.pass();

    assertEquals(
      [first, unchanged, grown, shrunken].map(({ exit, copied, seen }) => ({
        exit,
        copied,
        seen,
      })),
      [
        { exit: 0, copied: 2, seen: 2 },
        { exit: 0, copied: 0, seen: 0 },
        { exit: 0, copied: 1, seen: 1 },
        { exit: 5, copied: 0, seen: 0 },
      ],
    );
    assertEquals(world.here(), { ...files, "c.csv": "c\n" });
    await world.end();
    assertStringIncludes(
      await Deno.readTextFile(world.log),
      "production does not report the size of its list",
    );
  });
}

Deno.test("a server that tells no date of its list is not fresh where probe.max_age asks for it", async () => {
  await using world = await makeHostileWorld({
    script: { FSTAT: only(listPath, answers["ATTRS without attributes"]!) },
    more: `[probe]\nmax_age = "1h"`,
  });
  world.production.publish({ "a.csv": "a\n" });

  const { code, stderr } = await world.relais("--once");

  assertEquals(code, 3);
  assertStringIncludes(stderr, "the server does not report its date");
});

/** Text of a program that no user can do anything with. */
const ofProgrammers =
  /internal error|TypeError|RangeError|undefined|is not a function|\bNaN\b|\.ts:\d|node:/;

const misfits: [request: "OPEN" | "READ" | "OPENDIR" | "READDIR", string[]][] =
  [
    ["OPEN", ["STATUS ok", "NAME", "ATTRS without attributes"]],
    ["READ", [
      ...["STATUS ok", "HANDLE", "STATUS no such file"],
      "DATA that nobody asked for",
    ]],
    ["OPENDIR", ["STATUS ok", "NAME", "HANDLE of 7 bytes"]],
    ["READDIR", [
      ...["STATUS ok", "DATA", "HANDLE", "ATTRS of a directory"],
      ...["NAME with fewer names than it says", "nothing"],
    ]],
  ];
for (const [request, names] of misfits) {
  Deno.test(`a server that answers ${request} with something else is left for its backup, in words`, async () => {
    const inTree = request.endsWith("DIR");
    for (const name of names) {
      const path = inTree ? exportPath : listPath;
      await using world = await makeHostileWorld({
        script: { [request]: only(path, answers[name]!) },
        backup: true,
        replica: inTree
          ? `source = "tree"\ndelete = "remove"\nmax_delete = "100%"`
          : "",
        request: "2s",
      });
      world.production.publish({ "a.csv": "of production\n" });
      world.backup.publish({ "b.csv": "of backup\n" });

      const { code, stdout, stderr } = await world.relais("--once");

      const log = await Deno.readTextFile(world.log);
      assertEquals(
        [name, code, world.here()],
        [name, 0, { "b.csv": "of backup\n" }],
        stderr + log,
      );
      assertNotMatch(stdout + stderr + log, ofProgrammers);
    }
  });
}

Deno.test("a server that answers READDIR with attributes has withdrawn nothing", async () => {
  let passes = 0;
  const script: Script = {
    OPENDIR: (asked) => {
      passes++;
      asked.honest();
    },
    READDIR: (asked) =>
      passes === 1 ? asked.honest() : answers["ATTRS of a directory"]!(asked),
  };
  await using world = await makeHostileWorld({
    script,
    replica: `source = "tree"\ndelete = "remove"\nmax_delete = "100%"`,
  });
  const files = { "a.csv": "a\n", "b.csv": "b\n" };
  world.production.write(files);
  Deno.removeSync(`${world.production.root}/.relais`, { recursive: true });
  await world.pass();

  const { exit, removed } = await world.pass();

  assertEquals([exit, removed, world.here()], [3, 0, files]);
});

Deno.test("a server whose list is gone is no tree without files, and its backup serves", async () => {
  await using world = await makeHostileWorld({
    backup: true,
    more: `[probe]\nfall = 1`,
    resident: true,
  });
  const { production } = world;
  production.publish({ "a.csv": "a\n" });
  world.backup.publish({ "a.csv": "a\n" });
  const before = await world.pass();
  Deno.removeSync(`${production.root}/.relais/list`);

  const after = await world.pass();
  const check = await world.relais("check");

  assertEquals([before.server, after.server], ["production", "backup"]);
  assertEquals(after.exit, 0);
  assertStringIncludes(check.stdout, "it was there in an earlier pass");
  assertStringIncludes(check.stdout, `set replica.source = "tree"`);
});

Deno.test("a server whose list is gone is walked if source is set to tree", async () => {
  await using world = await makeHostileWorld({ resident: true });
  const { production, config } = world;
  production.publish({ "a.csv": "a\n" });
  await world.pass();
  Deno.removeSync(`${production.root}/.relais/list`);
  production.write({ "b.csv": "b\n" });
  const refused = await world.pass();
  const text = await Deno.readTextFile(config);
  await Deno.writeTextFile(
    config,
    text.replace("[replica]", `[replica]\nsource = "tree"`),
  );
  const walked = await world.pass();
  await Deno.writeTextFile(config, text);
  const auto = await world.pass();

  assertEquals([refused.exit, walked.exit, auto.exit], [3, 0, 0]);
  assertEquals(world.here(), { "a.csv": "a\n", "b.csv": "b\n" });
});
