import { assertEquals, assertRejects } from "@std/assert";
import { serverConfig } from "../../fixtures/ssh/server-config.ts";
import { Sessions } from "../../lib/connection/sessions.ts";
import { FileError, UnreachableError } from "../../lib/errors.ts";
import type { Terms } from "../../lib/ssh/terms.ts";
import type { ConnectOptions } from "../../lib/ssh/connect-options.ts";
import type { SftpSession } from "../../lib/ssh/session.ts";

/** A session that counts, and does what it is told. */
class Fake {
  hasEnded = false;
  readonly terms: Terms = {
    transport: "ssh2",
    way: [],
    hostKey: "",
    cipher: "",
    weak: [],
  };
  readonly maxRead = 1;
  readonly maxHandles = 1;
  wireBytes = { received: 100, sent: 10 };

  end(): Promise<void> {
    this.hasEnded = true;
    return Promise.resolve();
  }
}

/** Sessions with `production` and `backup`, and each one that was opened. */
function fakeSessions() {
  const opened: Fake[] = [];
  const servers = ["production", "backup"].map((name) =>
    serverConfig({ name })
  );
  const sessions = new Sessions(servers, () => {
    const session = new Fake();
    opened.push(session);
    return Promise.resolve(session as unknown as SftpSession);
  });
  return { sessions, opened };
}

Deno.test("Sessions has all who need a server share one session with it", async () => {
  const { sessions, opened } = fakeSessions();
  const taken = await Promise.all(
    ["a", "b"].map((use) => sessions.take("production", use, "shared")),
  );
  const later = await sessions.take("production", "c", "idle");
  await sessions.take("backup", "d", "shared");

  assertEquals(opened.length, 2);
  assertEquals(
    [...taken, later].map((taken) => "isKept" in taken && taken.isKept),
    [false, false, true],
  );
});

Deno.test("Sessions gives who asks for an idle one a session of its own while requests are under way", async () => {
  const { sessions, opened } = fakeSessions();
  await sessions.take("production", "copy", "shared");
  const { promise: answered, resolve } = Promise.withResolvers<void>();
  const request = sessions.run("copy", () => answered);
  // Until it has been made.
  await Promise.resolve();
  await sessions.take("production", "probe", "idle");
  assertEquals(opened.length, 2);
  await sessions.leave("probe");
  assertEquals(opened.map(({ hasEnded }) => hasEnded), [false, true]);

  resolve();
  await request;
  await sessions.take("production", "probe", "idle");
  assertEquals(opened.length, 2);
});

Deno.test("Sessions opens a session anew once it has ended, and keeps it for an error of one file", async () => {
  const { sessions, opened } = fakeSessions();
  const fail = async (use: string, error: Error) => {
    await sessions.take("production", use, "shared");
    await assertRejects(() => sessions.run(use, () => Promise.reject(error)));
    await sessions.leave(use);
  };

  await fail("a", new FileError("there is no such file"));
  await fail("b", new UnreachableError("the server is gone"));
  assertEquals(opened.length, 1);
  await sessions.take("production", "c", "shared");
  assertEquals(opened.length, 2);
  opened[1]!.hasEnded = true;
  await sessions.take("production", "d", "shared");
  assertEquals(opened.length, 3);
});

Deno.test("Sessions ends a session that is abandoned for all who use it", async () => {
  const { sessions, opened } = fakeSessions();
  await sessions.take("production", "a", "shared");
  await sessions.take("production", "b", "shared");
  await sessions.abandon("a");

  assertEquals(opened[0]!.hasEnded, true);
  // What it took is still told.
  assertEquals(await sessions.leave("a"), 110);
  await sessions.take("production", "c", "shared");
  assertEquals(opened.length, 2);
});

Deno.test("Sessions tells how far an attempt got that is abandoned", async () => {
  const sessions = new Sessions(
    [serverConfig({ name: "production" })],
    (_, { signal, onDepth }: ConnectOptions) => {
      onDepth!("trusted");
      return new Promise((_resolve, reject) =>
        signal!.addEventListener(
          "abort",
          () => reject(new UnreachableError("given up")),
        )
      );
    },
  );
  const taking = sessions.take("production", "a", "shared");
  await sessions.abandon("a");

  const taken = await taking;
  assertEquals("failure" in taken && [taken.failure.message, taken.depth], [
    "given up",
    "trusted",
  ]);
});

Deno.test("Sessions.hangUp() ends what nobody uses, and nothing else", async () => {
  const { sessions, opened } = fakeSessions();
  await sessions.take("production", "a", "shared");
  await sessions.take("backup", "b", "shared");
  await sessions.leave("b");
  await sessions.hangUp();
  assertEquals(opened.map(({ hasEnded }) => hasEnded), [false, true]);

  await sessions.end();
  assertEquals(opened.map(({ hasEnded }) => hasEnded), [true, true]);
});
