/**
 * What a walk of a tree meets on a server that was taken over.
 */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import fc from "fast-check";
import type { Attributes } from "ssh2";
import {
  attributes,
  deceive,
  directory,
  emptyFile,
  entry,
  names,
  packet,
  type Script,
  sendRaw,
  type Trick,
} from "../../fixtures/hostile-server.ts";
import {
  exportPath,
  type HostileWorld,
  makeHostileWorld,
} from "../../fixtures/hostile-world.ts";
import { Buffer } from "node:buffer";
import { openEmbeddedStage } from "../../fixtures/ssh/stage.ts";
import { checkPath } from "../../lib/list/path.ts";
import type { LinkRule } from "../../lib/config/config.ts";
import { UnusableError } from "../../lib/errors.ts";
import { openState } from "../../lib/state/database.ts";
import { SynchronisedList } from "../../lib/state/synchronised-list.ts";
import {
  synchroniseTree,
  type WalkLimits,
} from "../../lib/synchro-list/tree.ts";

const good = { "a.csv": "first\n", "sub/z.csv": "last\n" };

let handles = 0;

/** Opens every directory, whether it is there or not. */
const anyDirectory: Script = {
  OPENDIR({ sftp, id }) {
    const handle = Buffer.alloc(4);
    handle.writeUInt32BE(++handles);
    sftp.handle(id, handle);
  },
  CLOSE: ({ sftp, id }) => sftp.status(id, 0),
};

/** Adds names to what is really in the export, once for each session. */
function adding(...more: Parameters<typeof entry>[]): Script {
  const added = new WeakSet<object>();
  return {
    READDIR: (asked) => {
      if (asked.path !== exportPath || added.has(asked.sftp)) {
        return asked.honest();
      }
      added.add(asked.sftp);
      asked.sftp.name(asked.id, more.map((one) => entry(...one)));
    },
  };
}

function treeTest(
  name: string,
  script: Script,
  run: (world: HostileWorld) => Promise<void>,
): void {
  Deno.test(name, async () => {
    await using world = await makeHostileWorld({
      script,
      replica: `source = "tree"`,
      more: "[copy]\nretries = 0",
    });
    world.production.write(good);
    await run(world);
    assertEquals(world.outside(), []);
  });
}

const badNames = [
  "..",
  ".",
  "",
  "../b",
  "/etc/passwd",
  "a/b",
  "nul\0byte",
  "x".repeat(256),
  ".RELAIS",
];
treeTest(
  "names that lead elsewhere are passed over or refused, and the others are copied",
  adding(...badNames.map((name): [string] => [name])),
  async (world) => {
    const { exit } = await world.pass();

    assertEquals([exit, world.here()], [1, good]);
  },
);

treeTest(
  "links, devices and FIFOs are passed over",
  adding(
    ["link", { ...emptyFile, mode: 0o120777 }],
    ["device", { ...emptyFile, mode: 0o020666 }],
    ["fifo", { ...emptyFile, mode: 0o010666 }],
    ["socket", { ...emptyFile, mode: 0o140666 }],
  ),
  async (world) => {
    const { exit } = await world.pass();

    assertEquals([exit, world.here()], [0, good]);
  },
);

treeTest(
  "a name of which the server does not tell what it is is refused, and the others are copied",
  adding(["nothing", { ...emptyFile, mode: 0o644 }]),
  async (world) => {
    const { exit } = await world.pass();

    assertEquals([exit, world.here()], [1, good]);
    assertStringIncludes(
      await Deno.readTextFile(world.log),
      "the server does not tell whether it is a file",
    );
  },
);

treeTest(
  "a name with a size that cannot be is refused, and the others are copied",
  adding(["huge", { ...emptyFile, size: 2 ** 63 }]),
  async (world) => {
    const { exit } = await world.pass();

    assertEquals([exit, world.here()], [1, good]);
    assertStringIncludes(await Deno.readTextFile(world.log), "huge");
  },
);

treeTest(
  "a date of -1 is taken for what SFTP makes of it",
  {
    READDIR: once((path) =>
      path === exportPath
        ? [entry("a.csv", { ...emptyFile, size: 6, mtime: 2 ** 32 - 1 })]
        : []
    ),
  },
  async (world) => {
    const { exit } = await world.pass();
    const twice = await world.pass();

    assertEquals([exit, twice.copied], [0, 0]);
    assertEquals(Object.keys(world.here()), ["a.csv"]);
  },
);

treeTest(
  "a directory in a directory, for ever, ends where a path may be no longer",
  {
    READDIR: once((path) => [entry("d", directory), entry(`${path.length}`)]),
    ...anyDirectory,
  },
  async (world) => {
    const { exit, failed } = await world.pass();

    // Each has a file that cannot be opened, and the last one is too deep.
    assert(failed.length > 1_000, `${failed.length} files`);
    assertEquals([exit, world.here()], [1, {}]);
  },
);

treeTest(
  "an answer to READDIR that is cut off ends the session, and nothing is taken for withdrawn",
  {
    READDIR: ({ sftp, id }) =>
      sendRaw(sftp, packet(104, id, Buffer.from("ffffffff0000", "hex"))),
  },
  async (world) => {
    const { exit } = await world.pass();

    assertEquals([exit, world.here()], [3, {}]);
  },
);

treeTest(
  "six thousand directories are walked",
  {
    READDIR: once((path) =>
      path === exportPath
        ? Array.from(
          { length: 6_000 },
          (_, index) => entry(`directory-${index}`, directory),
        )
        : []
    ),
    ...anyDirectory,
  },
  async (world) => {
    const { exit } = await world.pass();

    assertEquals([exit, world.here()], [0, {}]);
  },
);

/** Says that `entries` are in a directory, once in each session, some at a time. */
function once(entries: (path: string) => ReturnType<typeof entry>[]): Trick {
  const left = new WeakMap<object, Map<string, ReturnType<typeof entry>[]>>();
  return names((path, sftp) => {
    const sessions = left.get(sftp) ?? new Map();
    left.set(sftp, sessions);
    const rest = sessions.get(path) ?? entries(path);
    sessions.set(path, rest);
    return rest.splice(0, 500);
  });
}

/** Walks a hostile tree into a state of its own; returns how many files it has there. */
async function walk(
  script: Script,
  limits: WalkLimits,
  links: LinkRule = "skip",
): Promise<number> {
  await using stage = await openEmbeddedStage({ serve: deceive(script) });
  const state = await Deno.makeTempDir();
  const db = openState(state);
  try {
    const list = new SynchronisedList(db, {
      wants: () => true,
      fingerprint: "",
    });
    await synchroniseTree(list, stage.session, "/", { limits, links });
    return list.wanted("production", null, 1_000_000).length;
  } finally {
    db.close();
    await Deno.remove(state, { recursive: true });
  }
}

const many: WalkLimits = {
  names: 1e9,
  waiting: 1e9,
  directoryMs: 1e9,
  walkMs: 1e9,
};
const few: WalkLimits = { ...many, names: 10_000, waiting: 10_000 };

Deno.test("synchroniseTree() gives up a directory that never ends", async () => {
  let index = 0;
  const endless = names(() =>
    Array.from({ length: 100 }, () => entry(`file-${++index}`))
  );
  await assertRejects(
    () => walk({ READDIR: endless }, few),
    UnusableError,
    "it has not ended after 10100 names",
  );
});

const link: Attributes = { ...emptyFile, mode: 0o120777 };

Deno.test("synchroniseTree() gives up links to directories in directories that never end", async () => {
  let index = 0;
  const script: Script = {
    ...anyDirectory,
    READDIR: once(() => [..."0123456789"].map((name) => entry(name, link))),
    REALPATH: ({ path, sftp, id }) =>
      sftp.name(id, [entry(path === "/" ? "/" : `/${++index}`)]),
    STAT: attributes(directory),
  };
  await assertRejects(
    () => walk(script, few, "follow"),
    UnusableError,
    "it has not ended after",
  );
});

Deno.test("synchroniseTree() follows no way through more links than Linux does", async () => {
  let deepest = 0;
  const script: Script = {
    ...anyDirectory,
    READDIR: once((path) => {
      deepest = Math.max(deepest, path.split("/l").length - 1);
      return [entry("l", link)];
    }),
    REALPATH: ({ path, sftp, id }) =>
      sftp.name(id, [entry(path === "/" ? "/" : `/${path.length}`)]),
    STAT: attributes(directory),
  };

  assertEquals(await walk(script, many, "follow"), 0);
  assertEquals(deepest, 40);
});

Deno.test("a link of which a server does not tell where it leads is named, and nothing counts as withdrawn", async () => {
  const replies: Trick[] = [
    ({ sftp, id }) => sftp.status(id, 3),
    ({ sftp, id }) => sftp.name(id, [entry("relative")]),
    ({ sftp, id, path }) => sftp.name(id, [entry(path)]),
    ({ sftp, id }) => sftp.name(id, [entry("/".repeat(5_000))]),
  ];
  let reply: Trick = ({ honest }) => honest();
  await using world = await makeHostileWorld({
    script: {
      REALPATH: (asked) =>
        asked.path.endsWith("link") ? reply(asked) : asked.honest(),
    },
    replica: `source = "tree"\nlinks = "follow"\ndelete = "remove"`,
  });
  world.production.write(good);
  Deno.symlinkSync("sub", `${world.production.root}/link`);
  const all = { ...good, "link/z.csv": "last\n" };
  assertEquals([(await world.pass()).exit, world.here()], [0, all]);

  for (const each of replies) {
    reply = each;
    const { exit, removed } = await world.pass();
    assertEquals([exit, removed, world.here()], [1, 0, all]);
  }

  // Nor is it followed outside, or to what cannot be.
  reply = ({ sftp, id }) => sftp.name(id, [entry("/exported")]);
  const outside = await world.pass("--accept-shrink");
  assertEquals([outside.exit, outside.removed, world.here()], [0, 1, good]);
});

Deno.test("synchroniseTree() gives up directories in directories before they fill the memory", async () => {
  let index = 0;
  const endless = names(() =>
    Array.from({ length: 100 }, () => entry(`d-${++index}`, directory))
  );
  await assertRejects(
    () => walk({ READDIR: endless }, { ...many, waiting: 100_000 }),
    UnusableError,
    "it has not ended",
  );
});

Deno.test("synchroniseTree() gives up a directory that never ends after a time, however few names come", async () => {
  const endless = names(() => [entry("again and again")]);
  await assertRejects(
    () => walk({ READDIR: endless }, { ...many, directoryMs: 100 }),
    UnusableError,
    "it has not ended after 0.1 s",
  );
});

Deno.test("synchroniseTree() gives up directories in directories after a time", async () => {
  let index = 0;
  const told = new Set<string>();
  const endless = names((path) => {
    if (told.has(path)) return [];
    told.add(path);
    return [entry(`d-${++index}`, directory)];
  });
  await assertRejects(
    () => walk({ ...anyDirectory, READDIR: endless }, { ...many, walkMs: 100 }),
    UnusableError,
    "it has not ended after 0.1 s",
  );
});

Deno.test("synchroniseTree() takes nothing that could leave the replica, whatever names and attributes come", async () => {
  const anyAttributes = fc.record({
    mode: fc.nat({ max: 0o177777 }),
    uid: fc.nat(),
    gid: fc.nat(),
    size: fc.oneof(fc.nat(), fc.constantFrom(2 ** 53, 2 ** 60)),
    atime: fc.nat(),
    mtime: fc.nat(),
  });
  const name = fc.oneof(
    fc.string({ unit: "binary", maxLength: 20 }),
    fc.constantFrom("..", ".", "", "/", "a/../..", ".relais", "a\0"),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(name, anyAttributes), { minLength: 1, maxLength: 20 }),
      async (entries) => {
        await using stage = await openEmbeddedStage({
          serve: deceive({
            READDIR: once((path) =>
              path === "/" ? entries.map((one) => entry(...one)) : []
            ),
            OPENDIR: (asked) =>
              asked.path === "/"
                ? asked.honest()
                : asked.sftp.status(asked.id, 2),
          }),
        });
        const state = await Deno.makeTempDir();
        const db = openState(state);
        const list = new SynchronisedList(db, {
          wants: () => true,
          fingerprint: "",
        });
        // A directory that is not there ends the walk, with an error of its own.
        await synchroniseTree(list, stage.session, "/").catch((error) =>
          assertEquals(error.name, "UnusableError")
        );
        for (const { path, size } of list.wanted("production", null, 1_000)) {
          assertEquals(checkPath(path), undefined);
          assert(Number.isSafeInteger(size));
        }
        db.close();
        await Deno.remove(state, { recursive: true });
      },
    ),
    { numRuns: 40 },
  );
});
