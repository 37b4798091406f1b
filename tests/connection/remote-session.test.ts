import { assertEquals, assertRejects } from "@std/assert";
import { connectionTo } from "../../fixtures/connection.ts";
import { limits } from "../../fixtures/ssh/limits.ts";
import { sshdAvailable, startSshd } from "../../fixtures/sshd.ts";
import {
  NotOpenedError,
  RemoteSession,
} from "../../lib/connection/remote-session.ts";
import { SftpError } from "../../lib/ssh/sftp-error.ts";

const ignore = !sshdAvailable;
const purpose = { requestMs: 20_000 };

Deno.test({
  name:
    "RemoteSession reads, lists and tells what is not there, as the session itself does",
  ignore,
  async fn() {
    await using sshd = await startSshd();
    const { directory } = sshd;
    const server = sshd.serverConfig("production", directory);
    await using connection = connectionTo([server], limits());
    await Deno.mkdir(`${directory}/d/e`, { recursive: true });
    await Deno.writeTextFile(`${directory}/d/f`, "0123456789");
    await using session = await RemoteSession.open(
      connection.channel,
      "production",
      purpose,
    );

    const handle = await session.open(`${directory}/d/f`);
    const read = await session.read(handle, 2, 4);
    const { size } = await session.fstat(handle);
    await session.close(handle);
    const whole = await session.fetch({
      path: `${directory}/d/f`,
      length: 100,
      isChecked: false,
    });
    const listed = (await Array.fromAsync(session.list(`${directory}/d`)))
      .flat().map(({ name, stat }) => [name, "kind" in stat && stat.kind]);
    const missing = await assertRejects(
      () => session.stat(`${directory}/none`),
      SftpError,
    );

    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    assertEquals([text(read), size, text(whole)], ["2345", 10, "0123456789"]);
    assertEquals(listed.sort(), [["e", "directory"], ["f", "file"]]);
    assertEquals([missing.code, missing.message], [
      "no such file",
      `Cannot stat ${directory}/none on production: no such file`,
    ]);
  },
});

Deno.test({
  name:
    "RemoteSession counts the bytes of its own use, and logs in once for all",
  ignore,
  async fn() {
    await using sshd = await startSshd();
    const server = sshd.serverConfig("production", sshd.directory);
    await using connection = connectionTo([server], limits());
    const use = async () => {
      await using session = await RemoteSession.open(
        connection.channel,
        "production",
        purpose,
      );
      await session.stat(sshd.directory);
      return { isKept: session.isKept, bytes: await session.leave() };
    };

    const [first, second] = [await use(), await use()];

    assertEquals([first.isKept, second.isKept], [false, true]);
    // To begin takes more than a request, and with ssh2 the login is counted, too.
    assertEquals(
      [first.bytes > 2 * second.bytes, second.bytes < 1_000],
      [true, true],
    );
    assertEquals(sshd.log.match(/Accepted publickey/g)?.length, 1);
  },
});

Deno.test({
  name: "RemoteSession counts no bytes that another use of its session took",
  ignore,
  async fn() {
    await using sshd = await startSshd();
    const { directory } = sshd;
    const server = sshd.serverConfig("production", directory);
    await using connection = connectionTo([server], limits());
    const size = 200_000;
    await Deno.writeFile(`${directory}/f`, new Uint8Array(size));
    const open = () =>
      RemoteSession.open(connection.channel, "production", purpose);
    const file = { path: `${directory}/f`, length: size + 1, isChecked: false };
    await using waiting = await open();
    await using busy = await open();
    await busy.fetch(file);
    const last = await busy.leave();
    await waiting.stat(directory);
    const first = await waiting.leave();

    assertEquals([last > size, first < size], [true, true]);
  },
});

Deno.test({
  name: "RemoteSession.open() tells how far it got",
  ignore,
  async fn() {
    await using sshd = await startSshd();
    const server = sshd.serverConfig("production", sshd.directory);
    await using connection = connectionTo([server], limits());
    await Deno.writeTextFile(sshd.knownHosts, "");

    const error = await assertRejects(
      () => RemoteSession.open(connection.channel, "production", purpose),
      NotOpenedError,
    );

    assertEquals([error.name, error.depth], ["HostKeyError", "handshaken"]);
  },
});
