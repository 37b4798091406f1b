import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Buffer } from "node:buffer";
import type { SFTPStream } from "ssh2";
import { openEmbeddedStage, type Stage } from "../../fixtures/ssh/stage.ts";
import { serveDirectory } from "../../lib/demo/sftp-directory.ts";
import { Copier } from "../../lib/copy-list/copier.ts";
import { Destination } from "../../lib/files/destination.ts";
import { type Connection, Fetcher } from "../../lib/copy-list/fetch.ts";
import { Moves } from "../../lib/files/moves.ts";
import { Space } from "../../lib/files/space.ts";
import { Staging } from "../../lib/files/staging.ts";
import { Throttle } from "../../lib/files/throttle.ts";
import { createHasher } from "../../lib/files/digest.ts";
import { Durability } from "../../lib/files/durability.ts";
import type { Copied } from "../../lib/copy-list/operations.ts";
import type { Wanted } from "../../lib/files/wanted.ts";
import { readFile } from "../../lib/ssh/read-file.ts";
import type { SftpSession } from "../../lib/ssh/session.ts";
import type { Timestamp } from "../../lib/text/timestamp.ts";

/** A session, used without a worker between. */
function connectionOver(session: SftpSession): Connection {
  const { maxRead, maxHandles, requestMs } = session;
  return {
    maxRead,
    maxHandles,
    requestMs,
    stat: (path) => session.stat(path),
    fetch: (file) => readFile(session, file),
    async open(path) {
      const handle = await session.open(path);
      return {
        read: (position, length) => session.read(handle, position, length),
        close: () => void session.close(handle).catch(() => {}),
      };
    },
  };
}

/** What a list says of a file with these contents. */
function listed(seq: number, path: string, text: string): Wanted {
  const bytes = new TextEncoder().encode(text);
  const hasher = createHasher(null);
  hasher.update(bytes);
  const digest = hasher.digest();
  const mtime = "1700000000" as Timestamp;
  return {
    seq,
    path,
    remote: null,
    size: bytes.length,
    mtime,
    mode: 0o644,
    digest,
    here: null,
    failedBefore: false,
    twin: null,
  };
}

interface Outcome extends Omit<Copied, "wireBytes"> {
  /** What is on the replica in the end, by path. */
  readonly here: Record<string, string>;
  /** What the ledger was told to be there. */
  readonly committed: readonly string[];
}

/** Copies `entries` from a stage. */
async function copy(
  { session, root }: Stage,
  entries: readonly Wanted[],
  { retries = 0 } = {},
): Promise<Outcome> {
  const into = await Deno.makeTempDir();
  const destination = new Destination(into);
  destination.prepare();
  const committed: string[] = [];
  const durability = new Durability();
  const copier = new Copier({
    server: "production",
    fetcher: new Fetcher(
      [connectionOver(session)],
      new Throttle({ bytesPerSecond: 0 }),
    ),
    root,
    destination,
    staging: new Staging(destination.staging),
    space: new Space(into),
    durability,
    moves: new Moves(destination, durability),
    ledger: {
      wanted: (last) => Promise.resolve(last === null ? entries : []),
      arrived(files) {
        committed.push(...files.map(({ path }) => path));
        return Promise.resolve();
      },
      failed: () => Promise.resolve(),
    },
    observer: {
      fetched() {},
      received() {},
      arrived() {},
      adopted() {},
      readHere() {},
      reused() {},
      notReused() {},
      retrying() {},
      failed() {},
      committed() {},
    },
  }, {
    parallel: 64,
    connections: 1,
    bandwidth: 0,
    retries,
    order: "oldest",
    delta: "auto",
  });
  const outcome = await copier.run();
  const here: Record<string, string> = {};
  for (const { name, isFile } of Deno.readDirSync(into)) {
    if (isFile) here[name] = Deno.readTextFileSync(`${into}/${name}`);
  }
  await Deno.remove(into, { recursive: true });
  return { ...outcome, here, committed };
}

/** Lets a server do something else than serve its directory. */
function spoilt(spoil: (sftp: SFTPStream) => void) {
  return {
    serve(sftp: SFTPStream, root: string) {
      serveDirectory(sftp, root);
      spoil(sftp);
    },
  };
}

/** Longer than one answer of a server can be. */
const long = "0123456789abcdef".repeat(20_000);

const deceits: [what: string, there: string, listed: string, error: string][] =
  [
    ["fewer bytes", "a", "ab", "1 bytes arrived, the list says 2"],
    ["more bytes", "abc", "ab", "more than the 2 bytes of the list arrived"],
    ["other bytes", "xy", "ab", "the list says sha256:"],
    [
      "fewer bytes of a large file",
      long.slice(1),
      long,
      "319999 bytes arrived, the list says 320000",
    ],
    [
      "more bytes of a large file",
      `${long}x`,
      long,
      "more than the 320000 bytes",
    ],
    [
      "other bytes in a large file",
      long.replace("f0", "0f"),
      long,
      "the list says sha256:",
    ],
  ];
for (const [what, there, said, error] of deceits) {
  Deno.test(`Copier names a file of which there are ${what} than listed, and copies the others`, async () => {
    await using stage = await openEmbeddedStage();
    await Deno.writeTextFile(`${stage.directory}/bad`, there);
    await Deno.writeTextFile(`${stage.directory}/good`, "good");

    const { failed, here, committed, ended } = await copy(stage, [
      listed(1, "bad", said),
      listed(2, "good", "good"),
    ]);

    assertEquals(failed.map(({ path }) => path), ["bad"]);
    assertStringIncludes(failed[0]!.error, error);
    assertEquals([here, committed, ended], [{ good: "good" }, ["good"], null]);
  });
}

Deno.test("Copier names a file that has vanished, and copies the others", async () => {
  await using stage = await openEmbeddedStage();
  await Deno.writeTextFile(`${stage.directory}/good`, "good");
  const entries = [listed(1, "gone", "gone"), listed(2, "good", "good")];

  const { failed, here } = await copy(stage, entries);

  assertEquals(failed.map(({ path }) => path), ["gone"]);
  assertStringIncludes(failed[0]!.error, "no such file");
  assertEquals(here, { good: "good" });
});

Deno.test("Copier has a file read in one go only if its digest is known and it has not failed before", async () => {
  await using stage = await openEmbeddedStage();
  const atOnce: string[] = [];
  const { session } = stage;
  const readAtOnce = session.readAtOnce.bind(session);
  session.readAtOnce = (path, ...rest) => {
    atOnce.push(path);
    return readAtOnce(path, ...rest);
  };
  for (const name of ["ordinary", "unchecked", "failed"]) {
    await Deno.writeTextFile(`${stage.directory}/${name}`, name);
  }

  const { committed } = await copy(stage, [
    listed(1, "ordinary", "ordinary"),
    { ...listed(2, "unchecked", "unchecked"), digest: null },
    { ...listed(3, "failed", "failed"), failedBefore: true },
  ]);

  assertEquals(committed.toSorted(), ["failed", "ordinary", "unchecked"]);
  assertEquals(atOnce, ["/ordinary"]);
});

Deno.test("Copier takes short answers for what they are", async () => {
  const serve = spoilt((sftp) => {
    const [answer] = sftp.listeners("READ") as [
      (id: number, handle: Buffer, offset: number, length: number) => void,
    ];
    sftp.removeAllListeners("READ");
    sftp.on(
      "READ",
      (id, handle: Buffer, offset: number, length: number) =>
        answer(id, handle, offset, Math.min(length, 30_000)),
    );
  });
  await using stage = await openEmbeddedStage(serve);
  await Deno.writeTextFile(`${stage.directory}/long`, long);
  const small = long.slice(0, 100_000);
  await Deno.writeTextFile(`${stage.directory}/small`, small);

  const { here, failed } = await copy(stage, [
    listed(1, "long", long),
    listed(2, "small", small),
  ]);

  assertEquals([failed, here], [[], { long, small }]);
});

for (
  const [what, fail] of [
    ["never answers", () => {}],
    [
      "closes the channel",
      (sftp: SFTPStream) => setTimeout(() => sftp.end(), 200),
    ],
  ] as const
) {
  Deno.test(`Copier ends when a server ${what}, and commits what is whole`, async () => {
    const serve = spoilt((sftp) => {
      const [answer] = sftp.listeners("OPEN") as [
        (id: number, path: string, flags: number) => void,
      ];
      sftp.removeAllListeners("OPEN");
      sftp.on("OPEN", (id, path: string, flags: number) => {
        if (path.endsWith("stuck")) fail(sftp);
        else answer(id, path, flags);
      });
    });
    await using stage = await openEmbeddedStage(serve, { requestMs: 500 });
    await Deno.writeTextFile(`${stage.directory}/good`, "good");
    const entries = [listed(1, "good", "good"), listed(2, "stuck", "stuck")];

    const { ended, here, failed } = await copy(stage, entries);

    assertEquals(ended?.exitStatus, 3);
    assertEquals([failed, here], [[], { good: "good" }]);
  });
}

Deno.test("Copier gets everything from a server that lets few files be open", async () => {
  let open = 0;
  const serve = spoilt((sftp) => {
    const [opening] = sftp.listeners("OPEN") as [
      (id: number, path: string, flags: number) => void,
    ];
    sftp.removeAllListeners("OPEN");
    sftp.on("OPEN", (id, path: string, flags: number) => {
      if (++open > 20) {
        open--;
        sftp.status(id, 4);
      } else setTimeout(() => opening(id, path, flags), 5);
    });
    sftp.on("CLOSE", () => open--);
  });
  await using stage = await openEmbeddedStage(serve);
  const names = Array.from({ length: 60 }, (_, index) => `f${index}`);
  for (const name of names) {
    await Deno.writeTextFile(`${stage.directory}/${name}`, name);
  }

  const entries = names.map((name, index) => listed(index + 1, name, name));
  const { failed, committed } = await copy(stage, entries, { retries: 3 });

  assertEquals(failed, []);
  assert(new Set(committed).size === names.length);
});
