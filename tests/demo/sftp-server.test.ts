import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type EmbeddedServer,
  startSftpServer,
} from "../../lib/demo/sftp-server.ts";
import { limits } from "../../fixtures/ssh/limits.ts";
import { UnreachableError } from "../../lib/errors.ts";
import { connect } from "../../lib/ssh/ssh2/connect.ts";

/** A server over a directory with one file. */
async function startServer() {
  const directory = await Deno.makeTempDir();
  const root = `${directory}/root`;
  await Deno.mkdir(root);
  await Deno.writeTextFile(`${root}/a.csv`, "hello");
  const server = await startSftpServer({ root, keys: directory });
  return {
    directory,
    root,
    server,
    async [Symbol.asyncDispose]() {
      await server.stop();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

/** Runs OpenSSH's client with a batch of commands. */
async function sftp(
  server: EmbeddedServer,
  batch: string,
): Promise<Deno.CommandOutput> {
  const { host, port, user, identity } = server.serverConfig("production");
  const client = new Deno.Command("sftp", {
    args: [
      ...["-q", "-F", "none", "-b", "-", "-P", String(port)],
      ...["-i", identity!, "-o", "IdentityAgent=none"],
      ...[
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        "UserKnownHostsFile=/dev/null",
      ],
      `${user}@${host}`,
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = client.stdin.getWriter();
  await writer.write(new TextEncoder().encode(batch));
  await writer.close();
  return await client.output();
}

Deno.test("EmbeddedServer serves OpenSSH's own client", async () => {
  await using started = await startServer();
  const { directory, server } = started;

  const { success, stdout } = await sftp(
    server,
    `pwd\nls -1\nget a.csv ${directory}/copy\n`,
  );

  assert(success);
  assertEquals(
    new TextDecoder().decode(stdout).split("\n")
      .filter((line) => line !== "" && !line.startsWith("sftp>")),
    ["Remote working directory: /", "a.csv"],
  );
  assertEquals(await Deno.readTextFile(`${directory}/copy`), "hello");
});

Deno.test("EmbeddedServer lets nothing be changed", async () => {
  await using started = await startServer();
  const { directory, root, server } = started;
  const source = `${directory}/source`;
  await Deno.writeTextFile(source, "evil");
  for (
    const command of [
      `put ${source} a.csv`,
      `put ${source} new`,
      "rm a.csv",
      "rename a.csv b.csv",
      "mkdir below",
      "chmod 777 a.csv",
      "symlink a.csv link",
    ]
  ) {
    const { success } = await sftp(server, `${command}\n`);

    assert(!success, command);
  }
  assertEquals([...Deno.readDirSync(root)].map(({ name }) => name), ["a.csv"]);
  assertEquals(await Deno.readTextFile(`${root}/a.csv`), "hello");
});

Deno.test("EmbeddedServer starts again on its port, with its keys", async () => {
  await using started = await startServer();
  const { server } = started;
  const config = server.serverConfig("production");
  const session = await connect(config, limits());
  await server.stop();
  await assertRejects(() => session.stat("/a.csv"), UnreachableError);
  await assertRejects(() => connect(config, limits()), UnreachableError);
  await server.start();

  await using again = await connect(config, limits());

  assertEquals((await again.stat("/a.csv")).size, 5);
});

Deno.test("EmbeddedServer lets nobody in with another key", async () => {
  await using one = await startServer();
  await using other = await startServer();
  const { identity } = other.server.serverConfig("production");
  const config = { ...one.server.serverConfig("production"), identity };

  await assertRejects(
    () => connect(config, limits()),
    Error,
    "the server does not accept the key",
  );
});
