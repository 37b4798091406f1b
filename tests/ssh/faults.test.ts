import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { FileEntry, SFTPStream } from "ssh2";
import { changeHostKey, exchangeKeys } from "../../fixtures/hostile-server.ts";
import { noise } from "../../fixtures/noise.ts";
import { openEmbeddedStage, openSshdStage } from "../../fixtures/ssh/stage.ts";
import { serveDirectory } from "../../lib/demo/sftp-directory.ts";
import { sshdAvailable } from "../../fixtures/sshd.ts";
import { until } from "../../fixtures/until.ts";
import {
  RelaisError,
  StuckError,
  UnreachableError,
  UnusableError,
} from "../../lib/errors.ts";
import { type Read, readRange } from "../../lib/ssh/read-range.ts";
import { SftpError, type SftpSession } from "../../lib/ssh/session.ts";

/** A test with a server that misbehaves where `spoil` says so, and behaves elsewhere. */
function evilTest(
  name: string,
  spoil: (sftp: SFTPStream) => void,
  run: (session: SftpSession) => Promise<void>,
  requestMs = 30_000,
): void {
  Deno.test(name, async () => {
    await using stage = await openEmbeddedStage({
      serve(sftp, root) {
        serveDirectory(sftp, root);
        spoil(sftp);
      },
    }, { requestMs });
    await Deno.writeTextFile(`${stage.directory}/a`, "hello");
    await run(stage.session);
  });
}

/** Answers `request` in another way than the directory does. */
function instead<Args extends unknown[]>(
  sftp: SFTPStream,
  request: string,
  answer: (id: number, ...args: Args) => void,
): void {
  sftp.removeAllListeners(request);
  sftp.on(request, answer);
}

const file = { mode: 0o100644, uid: 0, gid: 0, atime: 0, mtime: 0 };

for (const size of [2 ** 53, 2 ** 60]) {
  evilTest(
    `SftpSession.stat() refuses a size of ${size}`,
    (sftp) => instead(sftp, "STAT", (id) => sftp.attrs(id, { ...file, size })),
    async (session) => {
      await assertRejects(
        () => session.stat("/a"),
        SftpError,
        "Cannot use /a: the server reports an impossible size",
      );
    },
  );
}

evilTest(
  "SftpSession.stat() refuses a file without size and date",
  (sftp) => instead(sftp, "STAT", (id) => sftp.attrs(id, { mode: file.mode })),
  async (session) => {
    await assertRejects(
      () => session.stat("/a"),
      SftpError,
      "the server does not tell both its size and its date",
    );
  },
);

evilTest(
  "SftpSession.stat() refuses what has no attributes",
  (sftp) => instead(sftp, "STAT", (id) => sftp.attrs(id, {})),
  async (session) => {
    await assertRejects(
      () => session.stat("/a"),
      SftpError,
      "the server does not tell whether it is a file",
    );
  },
);

evilTest(
  "SftpSession.list() passes no name on that leads elsewhere",
  (sftp) => {
    const names = ["..", ".", "", "../b", "/etc/passwd", "a/b", "good"];
    const entries: Partial<FileEntry>[] = names.map((filename) => ({
      filename,
      longname: filename,
      attrs: { ...file, size: 1 },
    }));
    instead(sftp, "READDIR", (id) => {
      if (entries.length > 0) sftp.name(id, entries.splice(0));
      else sftp.status(id, 1);
    });
  },
  async (session) => {
    const entries = (await Array.fromAsync(session.list("/"))).flat();

    assertEquals(entries.map(({ name }) => name), ["good"]);
  },
);

evilTest(
  "SftpSession.read() gives no more than was asked for",
  (sftp) => instead(sftp, "READ", (id) => sftp.data(id, Buffer.alloc(1_000))),
  async (session) => {
    const handle = await session.open("/a");

    assertEquals((await session.read(handle, 0, 5)).length, 5);
  },
);

evilTest(
  "SftpSession.read() gives nothing if the server answers without data",
  (sftp) => instead(sftp, "READ", (id) => sftp.data(id, Buffer.alloc(0))),
  async (session) => {
    const handle = await session.open("/a");

    assertEquals((await session.read(handle, 0, 5)).length, 0);
  },
);

evilTest(
  "SftpSession does not repeat what a server says, only what it means",
  (sftp) =>
    instead(
      sftp,
      "STAT",
      (id) => sftp.status(id, 3, "\x1b[2Jcall +1 900 for help"),
    ),
  async (session) => {
    const { message } = await assertRejects(
      () => session.stat("/a"),
      SftpError,
    );

    assertEquals(message, "Cannot stat /a on production: permission denied");
  },
);

evilTest(
  "SftpSession.open() ends the session if it is answered with success and no handle",
  (sftp) => instead(sftp, "OPEN", (id) => sftp.status(id, 0)),
  async (session) => {
    for (let time = 0; time < 2; time++) {
      await assertRejects(
        () => session.open("/a"),
        UnusableError,
        "Cannot use production: it breaks the SFTP protocol (it answers OPEN with STATUS)",
      );
    }
  },
);

evilTest(
  "SftpSession.open() ends the session if it is answered with attributes",
  (sftp) => instead(sftp, "OPEN", (id) => sftp.attrs(id, { ...file, size: 1 })),
  async (session) => {
    await assertRejects(
      () => session.open("/a"),
      UnusableError,
      "it answers OPEN with ATTRS",
    );
  },
);

evilTest(
  "SftpSession gives the whole session up if one request gets no answer",
  (sftp) => instead(sftp, "STAT", () => {}),
  async (session) => {
    const answers = [session.stat("/a"), session.stat("/b")];
    const [stuck, behind] = await Promise.all(
      answers.map((answer) => answer.catch((error) => error)),
    );
    const later = await session.open("/a").catch((error) => error);

    assert(stuck instanceof StuckError);
    assertEquals(
      stuck.message,
      "Cannot stat /a on production: no answer within 0.2 s",
    );
    assertEquals(
      behind.message,
      "Lost production: no reply to an SFTP request within 0.2 s",
    );
    assertEquals(later, behind);
  },
  200,
);

evilTest(
  "SftpSession ends the session if nobody asked for an answer",
  (sftp) => instead(sftp, "STAT", (id) => sftp.attrs(id + 1_000, file)),
  async (session) => {
    await assertRejects(
      () => session.stat("/a"),
      UnusableError,
      "it sends ATTRS for what nobody asked",
    );
  },
);

evilTest(
  "readRange() puts short answers together, in order",
  (sftp) => {
    const bytes = Buffer.from("the whole of a short story");
    instead(
      sftp,
      "READ",
      (id, _handle: Buffer, offset: number, length: number) => {
        const end = offset + Math.min(length, 3);
        sftp.data(id, bytes.subarray(offset, end));
      },
    );
  },
  async (session) => {
    const handle = await session.open("/a");
    const read: Read = (position, length) =>
      session.read(handle, position, length);
    const range = { start: 4, end: 20, length: 8, parallel: () => 4 };
    const pieces: Uint8Array[] = [];
    for await (const piece of readRange(read, range)) {
      pieces.push(piece);
    }

    assertEquals(Buffer.concat(pieces).toString(), "whole of a short");
  },
);

Deno.test("SftpSession goes on when keys are exchanged again, and ends with exit 6 if the host key is another one then", async () => {
  let served: SFTPStream | undefined;
  await using stage = await openEmbeddedStage({
    serve(sftp, root) {
      served = sftp;
      serveDirectory(sftp, root);
    },
  });
  const { session } = stage;
  exchangeKeys(served!);
  assertEquals((await session.stat("/")).kind, "directory");

  changeHostKey(served!);

  await until(() => session.hasEnded);
  const { name, message, exitStatus } = await assertRejects(
    () => session.stat("/"),
    RelaisError,
  );
  assertEquals([name, exitStatus], ["HostKeyError", 6]);
  assertMatch(message, /^Cannot trust production \(127\.0\.0\.1:\d+\): /);
});

function sshdTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !sshdAvailable, fn });
}

sshdTest(
  "SftpSession gives up a frozen sftp-server, which keepalives do not notice",
  async () => {
    await using stage = await openSshdStage(
      { externalSftp: true },
      { requestMs: 1_000, keepaliveMs: 50 },
    );
    const { root, session, sshd } = stage;
    await session.stat(root);
    sshd.freezeSftp();

    const errors = await Promise.all(
      Array.from(
        { length: 10 },
        () => session.stat(root).catch((error) => error),
      ),
    );

    assert(errors[0] instanceof StuckError);
    assertEquals(new Set(errors.slice(1)).size, 1);
    assert(errors[1] instanceof UnreachableError);
    assertStringIncludes(
      errors[1].message,
      "no reply to an SFTP request within 1 s",
    );
  },
);

sshdTest(
  "SftpSession notices a frozen connection by its keepalives",
  async () => {
    await using stage = await openSshdStage({}, { keepaliveMs: 50 });
    const { root, session, sshd } = stage;
    sshd.freeze();

    const { message } = await assertRejects(
      () => session.stat(root),
      UnreachableError,
    );

    // ssh has words of its own for it.
    assertMatch(
      message,
      /^Lost production: the connection broke \((?:Keepalive timeout|Timeout, server )/,
    );
  },
);

sshdTest("SftpSession.end() does not wait for a frozen server", async () => {
  await using stage = await openSshdStage();
  stage.sshd.freeze();

  await stage.session.end();
});

sshdTest(
  "SftpSession rejects all that is under way when it is killed, each once",
  async () => {
    await using stage = await openSshdStage({ externalSftp: true });
    const { root, session, sshd } = stage;
    sshd.freezeSftp();
    let rejections = 0;
    const underWay = Array.from(
      { length: 10 },
      () =>
        session.stat(root).catch((error) => {
          rejections++;
          return error;
        }),
    );
    sshd.killSessions();

    const errors = await Promise.all(underWay);

    assertEquals(rejections, 10);
    assert(errors.every((error) => error instanceof UnreachableError));
    await assertRejects(() => session.stat(root), UnreachableError);
  },
);

sshdTest("SftpSession is over when its server is stopped", async () => {
  await using stage = await openSshdStage();
  await stage.sshd.stop();

  await assertRejects(
    () => stage.session.stat(stage.root),
    UnreachableError,
    "Lost production: the connection broke",
  );
});

sshdTest(
  "readRange() reads a large file right while the keys are exchanged again and again",
  async () => {
    await using stage = await openSshdStage({ config: "RekeyLimit 1M" });
    const { directory, root, session } = stage;
    const bytes = noise(16 * 2 ** 20);
    await Deno.writeFile(`${directory}/large`, bytes);

    const hash = createHash("sha256");
    const handle = await session.open(`${root}/large`);
    const read: Read = (position, length) =>
      session.read(handle, position, length);
    const range = {
      start: 0,
      end: bytes.length,
      length: session.maxRead,
      parallel: () => 8,
    };
    for await (const piece of readRange(read, range)) {
      hash.update(piece);
    }

    assertEquals(
      hash.digest("hex"),
      createHash("sha256").update(bytes).digest("hex"),
    );
  },
);

sshdTest(
  "SftpSession.list() reads a name that is not UTF-8 so that it can be asked for again",
  async () => {
    await using stage = await openSshdStage();
    const { directory, root, session } = stage;
    const script = `touch "$1/caf$(printf '\\351')"`;
    await new Deno.Command("sh", { args: ["-c", script, "sh", directory] })
      .output();

    const entries = (await Array.fromAsync(session.list(root))).flat();

    const names = entries.map(({ name }) => name);
    assertEquals(names, ["caf\udce9"]);
    assertEquals((await session.stat(`${root}/${names[0]}`)).kind, "file");
  },
);

sshdTest(
  "SftpSession reads from an account that may do nothing else",
  async () => {
    await using stage = await openSshdStage({
      config:
        "ForceCommand internal-sftp -R -p open,close,read,opendir,readdir,realpath,stat,lstat,fstat",
    });
    const { directory, root, session } = stage;
    await Deno.writeTextFile(`${directory}/a`, "hello");

    const handle = await session.open(`${root}/a`);
    const { size } = await session.fstat(handle);
    const bytes = await session.read(handle, 0, size!);
    await session.close(handle);
    const [entry] = (await Array.fromAsync(session.list(root))).flat();

    assertEquals(
      [new TextDecoder().decode(bytes), entry!.name],
      ["hello", "a"],
    );
  },
);
