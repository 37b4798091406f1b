import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  openEmbeddedStage,
  openSshdStage,
  type Stage,
} from "../../fixtures/ssh/stage.ts";
import { sshdAvailable } from "../../fixtures/sshd.ts";
import { UnreachableError } from "../../lib/errors.ts";
import { type FileStat, maxReadOf, SftpError } from "../../lib/ssh/session.ts";

/** The contract of a session holds whoever serves it. */
function contract(name: string, run: (stage: Stage) => Promise<void>): void {
  Deno.test(`${name} (embedded server)`, async () => {
    await using stage = await openEmbeddedStage();
    await run(stage);
  });
  Deno.test({
    name: `${name} (OpenSSH)`,
    ignore: !sshdAvailable,
    async fn() {
      await using stage = await openSshdStage();
      await run(stage);
    },
  });
}

/** Bytes of which no two stretches are alike. */
function bytesOf(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  const words = new DataView(bytes.buffer);
  for (let i = 0; i + 4 <= length; i += 4) words.setUint32(i, i);
  return bytes;
}

/** A plain copy, so that a Buffer and a Uint8Array compare. */
const plain = (bytes: Uint8Array) => new Uint8Array(bytes);

contract(
  "SftpSession.stat() tells kind, size, mode and date",
  async (stage) => {
    const { directory, root, session } = stage;
    await Deno.writeFile(`${directory}/a.csv`, bytesOf(1_234));
    await Deno.chmod(`${directory}/a.csv`, 0o640);
    await Deno.utime(`${directory}/a.csv`, 1_700_000_000, 1_700_000_001);

    assertEquals(await session.stat(`${root}/a.csv`), {
      kind: "file",
      size: 1_234,
      mode: 0o640,
      mtime: 1_700_000_001,
    });
  },
);

contract(
  "SftpSession.stat() follows a symbolic link, lstat() does not",
  async (stage) => {
    const { directory, root, session } = stage;
    await Deno.writeTextFile(`${directory}/a`, "hello");
    await Deno.symlink("a", `${directory}/link`);

    const followed = await session.stat(`${root}/link`);
    const link = await session.lstat(`${root}/link`);

    assertEquals([followed.kind, followed.size, link.kind], [
      "file",
      5,
      "symlink",
    ]);
  },
);

contract("SftpSession tells what is no regular file", async (stage) => {
  const { directory, root, session } = stage;
  await Deno.mkdir(`${directory}/below`);
  await new Deno.Command("mkfifo", { args: [`${directory}/fifo`] }).output();

  const kinds = await Promise.all(
    ["below", "fifo"].map(async (name) =>
      (await session.lstat(`${root}/${name}`)).kind
    ),
  );

  assertEquals(kinds, ["directory", "other"]);
});

contract("SftpSession says that a file is not there", async (stage) => {
  const { root, session } = stage;
  const path = `${root}/missing`;
  for (
    const [what, ask] of [
      ["stat", () => session.stat(path)],
      ["stat", () => session.lstat(path)],
      ["open", () => session.open(path)],
      ["list", () => session.list(path).next()],
    ] as const
  ) {
    const error = await assertRejects(
      ask as () => Promise<unknown>,
      SftpError,
      `Cannot ${what} ${path} on production: no such file`,
    );
    assertEquals([error.code, error.retriable], ["no such file", false]);
  }
});

contract(
  "SftpSession.read() gives the bytes that are asked for",
  async (stage) => {
    const { directory, root, session } = stage;
    const bytes = bytesOf(10_000);
    await Deno.writeFile(`${directory}/a`, bytes);

    const handle = await session.open(`${root}/a`);
    const [start, middle] = await Promise.all([
      session.read(handle, 0, 100),
      session.read(handle, 5_000, 100),
    ]);
    await session.close(handle);

    assertEquals(plain(start), bytes.slice(0, 100));
    assertEquals(plain(middle), bytes.slice(5_000, 5_100));
  },
);

contract(
  "SftpSession.read() gives less at the end of a file, and nothing behind it",
  async (stage) => {
    const { directory, root, session } = stage;
    await Deno.writeTextFile(`${directory}/a`, "hello");

    const handle = await session.open(`${root}/a`);
    const answers = await Promise.all(
      [[3, 100], [5, 100], [1_000, 100], [0, 0]].map(([position, length]) =>
        session.read(handle, position!, length!)
      ),
    );
    await session.close(handle);

    assertEquals(answers.map((bytes) => new TextDecoder().decode(bytes)), [
      "lo",
      "",
      "",
      "",
    ]);
  },
);

contract("SftpSession.read() reads beyond 4 GiB", async (stage) => {
  const { directory, root, session } = stage;
  const position = 5 * 2 ** 30;
  using file = await Deno.create(`${directory}/large`);
  await file.truncate(position);
  await file.seek(position, Deno.SeekMode.Start);
  await file.write(new TextEncoder().encode("the end"));

  const handle = await session.open(`${root}/large`);
  const { size } = await session.fstat(handle);
  const bytes = await session.read(handle, position, 100);
  await session.close(handle);

  assertEquals([size, new TextDecoder().decode(bytes)], [
    position + 7,
    "the end",
  ]);
});

contract(
  "SftpSession.fstat() tells of the open file, whatever becomes of its name",
  async (stage) => {
    const { directory, root, session } = stage;
    await Deno.writeTextFile(`${directory}/a`, "old");

    const handle = await session.open(`${root}/a`);
    await Deno.writeTextFile(`${directory}/b`, "newer");
    await Deno.rename(`${directory}/b`, `${directory}/a`);
    const { size } = await session.fstat(handle);
    const bytes = await session.read(handle, 0, 10);
    await session.close(handle);

    assertEquals([size, new TextDecoder().decode(bytes)], [3, "old"]);
  },
);

contract(
  "SftpSession.read() does not read from a closed file",
  async (stage) => {
    const { directory, root, session } = stage;
    await Deno.writeTextFile(`${directory}/a`, "hello");
    const handle = await session.open(`${root}/a`);
    await session.close(handle);

    const error = await assertRejects(
      () => session.read(handle, 0, 5),
      SftpError,
      "Cannot read on production: failure",
    );
    assertEquals([error.code, error.retriable], ["failure", true]);
  },
);

contract("SftpSession.list() tells names and what they are", async (stage) => {
  const { directory, root, session } = stage;
  await Deno.writeTextFile(`${directory}/a`, "hello");
  await Deno.mkdir(`${directory}/below`);
  await Deno.symlink("/nowhere", `${directory}/link`);

  const entries =
    (await Array.fromAsync(session.list(root === "" ? "/" : root))).flat();

  assertEquals(
    entries.map(({ name, stat }) => `${name} ${(stat as FileStat).kind}`)
      .sort(),
    ["a file", "below directory", "link symlink"],
  );
});

contract(
  "SftpSession.list() tells all names of a large directory, each once",
  async (stage) => {
    const { directory, root, session } = stage;
    await Deno.mkdir(`${directory}/below`);
    const names = Array.from({ length: 350 }, (_, i) => `file-${i}`);
    for (const name of names) {
      await Deno.writeTextFile(
        `${directory}/below/${name}`,
        "",
      );
    }

    const entries = (await Array.fromAsync(session.list(`${root}/below`)))
      .flat();

    assertEquals(entries.map(({ name }) => name).sort(), names.sort());
  },
);

contract(
  "SftpSession.list() tells nothing of an empty directory",
  async (stage) => {
    await Deno.mkdir(`${stage.directory}/empty`);

    const pages = await Array.fromAsync(
      stage.session.list(`${stage.root}/empty`),
    );
    assertEquals(pages.flat(), []);
  },
);

contract("SftpSession takes names of any UTF-8", async (stage) => {
  const { directory, root, session } = stage;
  const names = [
    "é ü 漢字 🙂",
    "new\nline",
    "tab\t",
    "-dash",
    " space ",
    "%41",
    "a\\b",
  ];
  for (const name of names) {
    await Deno.writeTextFile(`${directory}/${name}`, name);
  }

  const entries =
    (await Array.fromAsync(session.list(root === "" ? "/" : root))).flat();
  const sizes = await Promise.all(
    names.map(async (name) => (await session.stat(`${root}/${name}`)).size),
  );

  assertEquals(entries.map(({ name }) => name).sort(), names.sort());
  assert(sizes.every((size) => size > 0));
});

contract("SftpSession keeps many requests in flight apart", async (stage) => {
  const { directory, root, session } = stage;
  const numbers = Array.from({ length: 200 }, (_, i) => i);
  for (const i of numbers) {
    await Deno.writeTextFile(`${directory}/${i}`, `file ${i}`);
  }

  const texts = await Promise.all(numbers.map(async (i) => {
    const handle = await session.open(`${root}/${i}`);
    const bytes = await session.read(handle, 0, 100);
    await session.close(handle);
    return new TextDecoder().decode(bytes);
  }));

  assertEquals(texts, numbers.map((i) => `file ${i}`));
});

contract("SftpSession.maxRead bytes come in one answer", async (stage) => {
  const { directory, root, session } = stage;
  await Deno.writeFile(`${directory}/a`, bytesOf(session.maxRead + 1));

  const handle = await session.open(`${root}/a`);
  const bytes = await session.read(handle, 0, session.maxRead);
  await session.close(handle);

  assertEquals(bytes.length, session.maxRead);
});

Deno.test("maxReadOf() trusts a server within reason, and knows old OpenSSH", () => {
  const limits = (readLength: number) => ({ readLength, openHandles: 0 });
  const openSsh = "a greeting\r\nSSH-2.0-OpenSSH_8.0\r\n";
  const other = "SSH-2.0-mod_sftp\r\n";

  assertEquals(
    [
      ...[maxReadOf(undefined, openSsh), maxReadOf(undefined, other)],
      ...[0, 1, 100_000, 261_120, 2 ** 64].map((length) =>
        maxReadOf(limits(length), other)
      ),
    ],
    [65_536, 32_768, 32_768, 32_768, 100_000, 261_120, 261_120],
  );
});

contract(
  "SftpSession.wireBytes counts what went over the wire",
  async (stage) => {
    const { directory, root, session } = stage;
    await Deno.writeFile(
      `${directory}/a`,
      crypto.getRandomValues(new Uint8Array(10_000)),
    );
    const before = session.wireBytes;

    const handle = await session.open(`${root}/a`);
    await session.read(handle, 0, 10_000);
    await session.close(handle);
    const { received, sent } = session.wireBytes;

    assert(received - before.received > 10_000);
    assert(received - before.received < 11_000);
    assert(sent - before.sent > 30 && sent - before.sent < 500);
  },
);

contract(
  "SftpSession.end() rejects what is under way and what comes after, twice too",
  async (stage) => {
    const { root, session } = stage;
    const underWay = [session.stat(`${root}/`), session.stat(`${root}/`)];
    const settled = Promise.allSettled(underWay);
    await Promise.all([session.end(), session.end()]);

    assertEquals(
      (await settled).map(({ status }) => status),
      ["rejected", "rejected"],
    );
    await assertRejects(
      () => session.stat(`${root}/`),
      UnreachableError,
      "Lost production: the session has ended",
    );
  },
);

contract("SftpSession.break() rejects all with its reason", async (stage) => {
  const { root, session } = stage;
  const broken = new UnreachableError("Cannot go on: told so");
  const underWay = session.stat(`${root}/`);
  session.break(broken);

  const errors = await Promise.all(
    [underWay, session.stat(`${root}/`)].map((asked) =>
      asked.catch((error) => error)
    ),
  );

  assertEquals(errors, [broken, broken]);
});

Deno.test("SftpSession leads to nothing outside the root of an embedded server", async () => {
  await using stage = await openEmbeddedStage();
  const { directory, session } = stage;
  await Deno.symlink("/etc/passwd", `${directory}/file`);
  await Deno.symlink("/etc", `${directory}/etc`);

  for (const path of ["/file", "/etc/passwd", "/etc"]) {
    const error = await assertRejects(() => session.stat(path), SftpError);
    assertEquals(error.code, "permission denied");
  }
  await assertRejects(
    () => session.open("/../../../etc/passwd"),
    SftpError,
    "permission denied",
  );
});
