/**
 * What a server that was taken over, or is out of its mind, can do with the
 * files it serves: nothing but keep them to itself.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Buffer } from "node:buffer";
import {
  type Asked,
  emptyData,
  endOfFile,
  hangUp,
  only,
  packet,
  type Script,
  sendRaw,
  shortReads,
  silence,
  type Trick,
} from "../../fixtures/hostile-server.ts";
import {
  brief,
  exportPath,
  type HostileOptions,
  type HostileWorld,
  makeHostileWorld,
} from "../../fixtures/hostile-world.ts";

/** Longer than one answer of a server can be. */
const long = "0123456789abcdef".repeat(20_000);

const files = { "a.csv": "first\n", "bad.csv": "bad\n", "z.csv": "last\n" };
const { "bad.csv": _, ...good } = files;
const bad = `${exportPath}/bad.csv`;

/** Tries a file again once only, and waits for no answer for long. */
const hasty = { more: "[copy]\nretries = 0", request: "2s" };

/** A test in a world whose production plays `script` and has published `files`. */
function hostileTest(
  name: string,
  options: HostileOptions,
  run: (world: HostileWorld) => Promise<void>,
): void {
  Deno.test(name, async () => {
    await using world = await makeHostileWorld(options);
    await run(world);
    assertEquals(world.outside(), []);
  });
}

hostileTest(
  "a server that answers 7 bytes at a time is read right",
  { script: { READ: shortReads(7) } },
  async (world) => {
    const texts = { ...files, "long.csv": long.slice(0, 20_000) };
    world.production.publish(texts);

    const { exit } = await world.pass();

    assertEquals([exit, world.here()], [0, brief(texts)]);
  },
);

hostileTest(
  "more data than was asked for is cut off, and the digests are right",
  {
    script: {
      READ: (asked) => asked.honest(asked.length + 5_000),
    },
  },
  async (world) => {
    const texts = { ...files, "long.csv": long };
    world.production.publish(texts);

    const { exit } = await world.pass();

    assertEquals([exit, world.here()], [0, brief(texts)]);
  },
);

const emptyAnswers: [what: string, text: string][] = [
  ["a small file", "bad\n"],
  ["a large file", long],
];
for (const [what, text] of emptyAnswers) {
  hostileTest(
    `data without bytes, for ever, in place of ${what} is named, and the others are copied`,
    { script: { READ: only(bad, emptyData) }, ...hasty },
    async (world) => {
      world.production.publish({ ...files, "bad.csv": text });

      const { exit, failed } = await world.pass();

      assertEquals(failed.map(({ path }) => path), ["bad.csv"]);
      assertStringIncludes(failed[0]!.error, "0 bytes arrived");
      assertEquals([exit, world.here()], [1, good]);
    },
  );
}

const stuck: [what: string, script: Script][] = [
  ["never answers OPEN", { OPEN: only(bad, silence) }],
  ["never answers READ", { READ: only(bad, silence) }],
];
for (const [what, script] of stuck) {
  hostileTest(
    `a server that ${what} of one file loses that file, and no other`,
    { script, ...hasty },
    async (world) => {
      world.production.publish(files);

      const { exit, failed } = await world.pass();

      assertEquals(failed.map(({ path }) => path), ["bad.csv"]);
      assertStringIncludes(failed[0]!.error, "no answer within 2 s");
      assertEquals([exit, world.here()], [1, good]);
    },
  );
}

hostileTest(
  "a file that the server does not let us read is named, and the others are copied",
  {
    script: { OPEN: only(bad, ({ sftp, id }) => sftp.status(id, 3)) },
    ...hasty,
  },
  async (world) => {
    world.production.publish(files);

    const { exit, failed } = await world.pass();

    assertEquals(failed.map(({ path }) => path), ["bad.csv"]);
    assertStringIncludes(failed[0]!.error, "permission denied");
    assertEquals([exit, world.here()], [1, good]);
  },
);

hostileTest(
  "a server that never answers CLOSE is done without",
  { script: { CLOSE: silence }, request: "2s" },
  async (world) => {
    world.production.publish(files);

    const { exit } = await world.pass();

    assertEquals([exit, world.here()], [0, files]);
  },
);

hostileTest(
  "a server that never answers for its list is no server, and backup serves",
  {
    script: { FSTAT: silence },
    backup: true,
    more: `[probe]\ntimeout = "2s"\nfall = 1`,
  },
  async (world) => {
    world.production.publish({ "a.csv": "of production\n" });
    world.backup.publish({ "b.csv": "of backup\n" });

    const { exit, server } = await world.pass();

    assertEquals([exit, server, world.here()], [0, "backup", {
      "b.csv": "of backup\n",
    }]);
  },
);

hostileTest(
  "a server that answers no READ is given up after some attempts, with exit 3",
  { script: { READ: ofFiles(silence) }, ...hasty },
  async (world) => {
    const names = Array.from({ length: 20 }, (_, index) => `${index}.csv`);
    world.production.publish(
      Object.fromEntries(names.map((name) => [name, name])),
    );

    const { exit } = await world.pass();

    assertEquals([exit, world.here()], [3, {}]);
  },
);

hostileTest(
  "an SFTP packet past the length limit ends the session, and takes no memory",
  { script: { READ: ofFiles(hugePacket) }, more: hasty.more },
  async (world) => {
    world.production.publish(files);

    const { code, peakBytes } = await world.measuredPass();

    assertEquals([code, world.here()], [3, {}]);
    assert(peakBytes < 400 * 2 ** 20, `${peakBytes} bytes`);
  },
);

hostileTest(
  "a session that ends in the middle of each large file loses nothing that came",
  { script: { READ: hangUpOnce() } },
  async (world) => {
    const texts = { ...files, "large.csv": long.repeat(20) };
    world.production.publish(texts);

    const { exit } = await world.pass();

    assertEquals([exit, world.here()], [0, brief(texts)]);
  },
);

for (const limit of [0n, 1n, 2n ** 64n - 1n]) {
  hostileTest(
    `a server that announces READs and files of ${limit} at most is read all the same`,
    {
      script: { limits: { maxRead: limit, maxHandles: limit } },
      request: "5s",
    },
    async (world) => {
      const texts = { ...files, "long.csv": long };
      world.production.publish(texts);

      const { exit } = await world.pass("--max-time", "60s");

      assertEquals([exit, world.here()], [0, brief(texts)]);
    },
  );
}

hostileTest(
  "no terminal escape of a banner or an error text reaches the terminal, the log or the report",
  {
    banner: "\x1b[2J\x1b]0;call +1 900\x07welcome\r\n",
    script: {
      OPEN: only(bad, ({ sftp, id }) => {
        sftp.status(id, 4, "\x1b[31mcall +1 900\x07");
      }),
    },
    ...hasty,
  },
  async (world) => {
    world.production.publish(files);

    const { code, stdout, stderr } = await world.relais("--once", "-v");
    const said = stdout + stderr + await Deno.readTextFile(world.log);

    assertEquals([code, world.here()], [1, good]);
    // deno-lint-ignore no-control-regex -- control bytes are what this is about
    assertEquals(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/.exec(said), null);
    assertEquals(said.includes("+1 900"), false);
  },
);

hostileTest(
  "a file whose contents change with every READ never appears",
  {
    script: {
      READ: only(bad, ({ sftp, id, length }) => {
        const bytes = crypto.getRandomValues(Buffer.alloc(4));
        sftp.data(id, bytes.subarray(0, length));
      }),
    },
    ...hasty,
  },
  async (world) => {
    world.production.publish(files);

    const { exit, failed } = await world.pass();

    assertEquals(failed.map(({ path }) => path), ["bad.csv"]);
    assertEquals([exit, world.here()], [1, good]);
  },
);

/**
 * Plays an OpenSSH that gives each file the same handle, which so can be foretold,
 * and reads it as `text` says. Counts the READs that came together with their OPEN.
 */
function foretold(text: (path: string) => string) {
  const counted = { together: 0 };
  let opened = "";
  const script: Script = {
    OPEN: ofFiles(({ sftp, id, path }) => {
      opened = path;
      setTimeout(() => opened = "");
      sftp.handle(id, Buffer.from("file"));
    }),
    READ: ofFiles(({ sftp, id, path, position }) => {
      if (opened === path) counted.together++;
      const bytes = Buffer.from(text(path)).subarray(position);
      if (bytes.length === 0) sftp.status(id, endOfFile);
      else sftp.data(id, bytes);
    }),
    CLOSE: ofFiles(({ sftp, id }) => sftp.status(id, 0)),
  };
  return { counted, script };
}

/** All of one length: nothing but their digests tells them from each other. */
const alike = { "a.csv": "aa\n", "b.csv": "bb\n", "c.csv": "cc\n" };
const nameOf = (path: string) => path.slice(exportPath.length + 1);
const truth = (path: string) => alike[nameOf(path) as keyof typeof alike];

for (
  const [what, text, exit, here] of [
    ["gives the contents of each file", truth, 0, alike],
    [
      "gives another file's contents by the right handle",
      (path: string) => truth(path).replace(/./g, "b"),
      1,
      { "b.csv": "bb\n" },
    ],
  ] as const
) {
  const { counted, script } = foretold(text);
  hostileTest(
    `of a server that calls itself OpenSSH and ${what}, what is right is placed, and nothing else`,
    // One after the other: they have the same handle.
    { script, ident: "OpenSSH_9.2p1", more: `${hasty.more}\nparallel = 1` },
    async (world) => {
      world.production.publish(alike);

      const pass = await world.pass();

      assertEquals([pass.exit, world.here()], [exit, here]);
      assertEquals(
        pass.failed.map(({ path }) => path).toSorted(),
        Object.keys(alike).filter((path) => !(path in here)),
      );
      assert(counted.together > 0);
    },
  );
}

/** Plays `trick` for all files but the list. */
function ofFiles(trick: Trick): Trick {
  return (asked) => asked.path.endsWith(".csv") ? trick(asked) : asked.honest();
}

/** Says that a packet of 2 GiB comes. OpenSSH drops messages over 32 KiB, so that no part of it is longer. */
function hugePacket({ sftp, id }: Asked): void {
  const answer = packet(103, id, Buffer.alloc(16 * 1024));
  answer.writeUInt32BE(2 ** 31 - 1, 0);
  sendRaw(sftp, answer);
}

/** Ends the session at the first READ far into a file. */
function hangUpOnce(): Trick {
  let done = false;
  return (asked) => {
    if (done || asked.position < 3_000_000) return asked.honest();
    done = true;
    hangUp(asked);
  };
}
