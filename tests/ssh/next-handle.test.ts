/**
 * Small files in one round trip: what comes of it must be what the file holds,
 * whatever handles a server gives, and nothing may stay open.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Buffer } from "node:buffer";
import {
  answer,
  type Asked,
  requestsIn,
  uint32,
  version,
} from "../../fixtures/sftp-peer.ts";
import { openEmbeddedStage, openSshdStage } from "../../fixtures/ssh/stage.ts";
import { sshdAvailable } from "../../fixtures/sshd.ts";
import { SftpClient } from "../../lib/sftp/client.ts";
import { readFile } from "../../lib/ssh/read-file.ts";
import { SftpSession } from "../../lib/ssh/session.ts";
import type { SshSocket } from "../../lib/ssh/ssh2/socket.ts";

/** Which of the free handles a server gives next, of `made` in all; -1: a new one. */
type Policy = (free: readonly number[], made: number) => number;

/** As OpenSSH does: the one that was closed last. */
const last: Policy = (free) => free.length - 1;

const policies: Record<string, Policy> = {
  "the one that was closed last": last,
  "the one that was closed first": (free) => free.length === 0 ? -1 : 0,
  "the lowest one": (free) => free.indexOf(Math.min(...free)),
  "a new one each time": () => -1,
  "the last one, and later the first": (free, made) =>
    made < 7 ? last(free, made) : Math.min(0, free.length - 1),
};

const status = { ok: 0, endOfFile: 1, noSuchFile: 2, failure: 4 } as const;

/** A server in memory. Its answers come in order, at a later turn of the event loop. */
class Server {
  readonly files: ReadonlyMap<string, string>;
  readonly open = new Map<number, string>();
  opened = 0;
  readonly #policy: Policy;
  /** Whether it sends all of a file, however little it is asked for. */
  readonly #sendsAll: boolean;
  readonly #free: number[] = [];
  #made = 0;

  constructor(
    files: Record<string, string>,
    policy: Policy,
    { sendsAll = false } = {},
  ) {
    this.files = new Map(Object.entries(files));
    this.#policy = policy;
    this.#sendsAll = sendsAll;
  }

  /** A session with it, which takes it for OpenSSH. */
  session(): SftpSession {
    const client = new SftpClient({
      send: (bytes) => {
        const answers = requestsIn(bytes).map((asked) => this.#answer(asked));
        setTimeout(() => client.receive(Buffer.concat(answers)));
      },
      broken(error) {
        throw error;
      },
    });
    client.start(() => {});
    return new SftpSession("production", {
      sftp: client,
      limits: undefined,
      socket: {
        opening: Buffer.from("SSH-2.0-OpenSSH_9.2p1\r\n"),
        received: 0,
        destroy() {},
        hangUp: () => Promise.resolve(),
      } as unknown as SshSocket,
      endClient() {},
      requestMs: 30_000,
      terms: {
        transport: "ssh2",
        way: [],
        hostKey: "",
        cipher: "",
        weak: [],
      },
    });
  }

  #answer({ type, id, rest }: Asked): Buffer {
    if (type === 1) return version();
    const length = rest.readUInt32BE(0);
    const named = rest.subarray(4, 4 + length);
    if (type === 3) return this.#give(id, named.toString());
    const handle = named.readUInt32BE(0);
    const path = this.open.get(handle);
    if (path === undefined) return answer.status(id, status.failure);
    if (type === 5) return this.#read(id, path, rest.subarray(4 + length));
    assertEquals(type, 4);
    this.open.delete(handle);
    this.#free.push(handle);
    return answer.status(id, status.ok);
  }

  #give(id: number, path: string): Buffer {
    if (!this.files.has(path)) return answer.status(id, status.noSuchFile);
    const at = this.#policy(this.#free, this.#made);
    const handle = at < 0 ? this.#made++ : this.#free.splice(at, 1)[0]!;
    this.open.set(handle, path);
    this.opened++;
    return answer.handle(id, uint32(handle));
  }

  #read(id: number, path: string, rest: Buffer): Buffer {
    const position = Number(rest.readBigUInt64BE(0));
    const bytes = Buffer.from(this.files.get(path)!)
      .subarray(
        position,
        this.#sendsAll ? Infinity : position + rest.readUInt32BE(8),
      );
    return bytes.length === 0
      ? answer.status(id, status.endOfFile)
      : answer.data(id, bytes);
  }
}

/** Reads a file of so many bytes, as the list says, and tells what came of it. */
async function outcomeOf(
  session: SftpSession,
  path: string,
  size: number,
): Promise<string> {
  const file = { path, length: size + 1, isChecked: true };
  try {
    return new TextDecoder().decode(await readFile(session, file));
  } catch (error) {
    return (error as Error).message;
  }
}

const files = Object.fromEntries(
  Array.from({ length: 12 }, (_, n) => [`/f${n}`, `${n}`.padEnd(n, "x")]),
);

/** One use of a session; many run at once, in any order. */
const deed = fc.oneof(
  fc.record({
    what: fc.constant("small" as const),
    path: fc.constantFrom(...Object.keys(files), "/missing"),
    // The file has grown since it was listed, or it is shorter.
    change: fc.constantFrom(0, 0, 0, -1, 2),
    waits: fc.boolean(),
  }),
  fc.record({
    what: fc.constant("large" as const),
    path: fc.constantFrom(...Object.keys(files)),
    change: fc.constant(0),
    waits: fc.boolean(),
  }),
);

for (const [name, policy] of Object.entries(policies)) {
  Deno.test(`small files are read right, and closed, from a server that gives as a handle ${name}`, async () => {
    await fc.assert(fc.asyncProperty(
      fc.array(deed, { maxLength: 40 }),
      async (deeds) => {
        const server = new Server(files, policy);
        const session = server.session();
        const under: Promise<void>[] = [];
        for (const { what, path, change, waits } of deeds) {
          const done = what === "small"
            ? expectSmall(session, path, change)
            : expectLarge(session, path);
          under.push(done);
          if (waits) await done;
        }
        await Promise.all(under);
        // What is closed last is not waited for.
        await new Promise((resolve) => setTimeout(resolve));
        await new Promise((resolve) => setTimeout(resolve));
        assertEquals([...server.open.values()], []);
        await session.end();
      },
    ));
  });
}

async function expectSmall(
  session: SftpSession,
  path: string,
  change: number,
): Promise<void> {
  const text = files[path];
  const size = Math.max(0, (text?.length ?? 5) + change);
  assertEquals(
    await outcomeOf(session, path, size),
    text?.slice(0, size + 1) ??
      `Cannot open ${path} on production: no such file`,
  );
}

async function expectLarge(session: SftpSession, path: string): Promise<void> {
  const handle = await session.open(path);
  const bytes = await session.read(handle, 0, 1_000);
  assertEquals(new TextDecoder().decode(bytes), files[path]);
  await session.close(handle);
}

Deno.test("nothing is foretold of a server that was wrong once", async () => {
  const server = new Server(files, policies["a new one each time"]!);
  await using session = server.session();
  for (let round = 0; round < 5; round++) {
    await outcomeOf(session, "/f3", 3);
  }
  // The first one in the ordinary way, the second both ways, and so on.
  assertEquals(server.opened, 6);
});

Deno.test("what a server sends beyond what it was asked for takes no memory", async () => {
  const whole = { "/a": "x".repeat(200_000) };
  const server = new Server(whole, last, { sendsAll: true });
  await using session = server.session();
  const first = await outcomeOf(session, "/a", 10);

  const atOnce = await session.readAtOnce("/a", 11, 10);

  assertEquals(first, "x".repeat(11));
  assertEquals([atOnce?.length, atOnce?.buffer.byteLength], [11, 11]);
});

Deno.test("who waits for what comes of the first try is told when the session ends", async () => {
  const server = new Server(files, last);
  const session = server.session();
  await outcomeOf(session, "/f3", 3);
  const two = ["/f4", "/f5"].map((path) => outcomeOf(session, path, 4));
  await session.end();
  for (const outcome of await Promise.all(two)) {
    assertEquals(outcome, "Lost production: the session has ended");
  }
});

Deno.test({
  name:
    "OpenSSH gives five thousand small files in one go, and those that are no such files harm none",
  ignore: !sshdAvailable,
  async fn() {
    await using stage = await openSshdStage();
    const { directory, session } = stage;
    const text = (n: number) => `${n} `.padEnd(100 + n % 50, "relais");
    for (let n = 0; n < 5_000; n++) {
      Deno.writeTextFileSync(`${directory}/${n}`, text(n));
    }
    Deno.mkdirSync(`${directory}/dir`);
    const special = new Map([[77, "missing"], [1_234, "dir"], [4_000, "77"]]);
    // The handle is known once one was closed.
    await outcomeOf(session, `${directory}/0`, 100);

    const outcomes = await Promise.all(
      Array.from({ length: 5_000 }, (_, n) => {
        const path = `${directory}/${special.get(n) ?? n}`;
        return session.readAtOnce(path, 200, 100)
          .then((bytes) => bytes && new TextDecoder().decode(bytes))
          .catch((error: Error) => error.message);
      }),
    );

    assert(outcomes[77]!.endsWith("no such file"), outcomes[77]);
    assert(outcomes[1_234]!.endsWith("failure"), outcomes[1_234]);
    assertEquals(outcomes[4_000], text(77));
    for (const [n, outcome] of outcomes.entries()) {
      if (!special.has(n)) assertEquals(outcome, text(n));
    }
  },
});

Deno.test("nothing is foretold of a server that does not say it is OpenSSH", async () => {
  await using stage = await openEmbeddedStage();
  Deno.writeTextFileSync(`${stage.directory}/a`, "hello");
  const first = await outcomeOf(stage.session, "/a", 5);

  const atOnce = await stage.session.readAtOnce("/a", 6, 5);

  assertEquals([first, atOnce], ["hello", undefined]);
});
