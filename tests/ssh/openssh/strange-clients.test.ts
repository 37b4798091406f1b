/** What takes the place of ssh may do anything: it gets its time, and no more. */

import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { exists } from "../../../fixtures/exists.ts";
import { openByClient } from "../../../fixtures/ssh/client-stage.ts";
import { serverConfig } from "../../../fixtures/ssh/server-config.ts";
import { byClient } from "../../../fixtures/transport.ts";
import { until } from "../../../fixtures/until.ts";
import { RelaisError } from "../../../lib/errors.ts";

const sftpServer = "/usr/lib/openssh/sftp-server";

/** A directory with a client that is this script, whose `$0.d` is for what it has to note. */
async function makeClient(script: string) {
  const directory = await Deno.makeTempDir({ prefix: "relais-client-" });
  const client = `${directory}/ssh`;
  await Deno.writeTextFile(client, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return {
    directory,
    server: byClient(serverConfig(), { client: [client] }),
    /** The processes that it noted. */
    get pids(): number[] {
      const noted = `${directory}/pids`;
      return exists(noted)
        ? Deno.readTextFileSync(noted).trim().split("\n").map(Number)
        : [];
    },
    async [Symbol.asyncDispose]() {
      await Deno.remove(directory, { recursive: true });
    },
  };
}

/** Notes this process, and one that it leaves behind. */
const fork = 'echo $$ >>"$(dirname "$0")/pids"\n' +
  'sleep 1000 &\necho $! >>"$(dirname "$0")/pids"';

function runs(pid: number): boolean {
  try {
    // A zombie has ended.
    return !/^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}

/** How a client fails, and what is left of its processes in the end. */
async function failureOf(
  script: string,
  some: Parameters<typeof openByClient>[1] = {
    connectMs: 500,
    handshakeMs: 500,
  },
) {
  await using client = await makeClient(script);
  const { message, exitStatus } = await assertRejects(
    () => openByClient(client.server, some),
    RelaisError,
  );
  await until(() => !client.pids.some(runs));
  return {
    told: message,
    exit: exitStatus,
    left: client.pids.filter(runs).length,
  };
}

const strange: readonly [what: string, script: string, told: string][] = [
  [
    "prints text without end",
    `${fork}\nyes welcome`,
    'Cannot use production (prod.example:22): it prints "welcome" where SFTP should begin',
  ],
  [
    "sends packets that nobody asked for",
    `${fork}\nhead -c 100000000 /dev/zero`,
    "Cannot use production (prod.example:22): it does not answer in SFTP",
  ],
  [
    "hangs, deaf to signals",
    `trap '' TERM HUP INT\n${fork}\nwhile :; do sleep 1000; done`,
    "Cannot reach production (prod.example:22): no answer within 0.5 s",
  ],
  [
    "says again and again that it got on, as a banner can",
    `${fork}\nwhile :; do echo "debug1: Connection established." >&2; sleep 0.05; done`,
    "Cannot reach production (prod.example:22): no SSH banner within 0.5 s",
  ],
  [
    "leaves a process behind that has its output",
    `${fork}\nexit 0`,
    "Cannot use production (prod.example:22): the ssh client ended before it had logged in (exit status 0)",
  ],
  [
    "closes its output and stays",
    `exec >&-\n${fork}\nsleep 1000`,
    "Cannot reach production (prod.example:22): no answer within 0.5 s",
  ],
  [
    "ends at once",
    "exit 0",
    "Cannot use production (prod.example:22): the ssh client ended before it had logged in (exit status 0)",
  ],
  [
    "is ended by a signal",
    "kill -9 $$",
    "Cannot use production (prod.example:22): the ssh client ended before it had logged in (ended by SIGKILL)",
  ],
  [
    "cannot be understood",
    `echo "ssh: I would rather not" >&2; exit 255`,
    "Cannot reach production (prod.example:22): ssh: I would rather not",
  ],
];

for (const [what, script, told] of strange) {
  Deno.test(`a client that ${what} is told with exit 3, and ended with all it started`, async () => {
    assertEquals(await failureOf(script), { told, exit: 3, left: 0 });
  });
}

Deno.test("a client that floods stderr with 1 GB takes neither memory nor time", async () => {
  const before = Deno.memoryUsage().rss;

  const { told, left } = await failureOf(
    `${fork}\nyes error: something is not as it should be | head -c 1000000000 >&2`,
    { connectMs: 60_000 },
  );

  assertEquals(
    [told, left],
    ["Cannot use production: its ssh client prints without end", 0],
  );
  assertLess(Deno.memoryUsage().rss - before, 200 * 2 ** 20);
});

Deno.test(
  "a client that has nothing to do with SSH can carry SFTP, whatever it prints",
  {
    ignore: !exists(sftpServer),
  },
  async () => {
    await using client = await makeClient(
      // Before there is a session, so much would be too much.
      `${fork}\n(until [ -e "$0.go" ]; do sleep 0.05; done
      yes chatter | head -c 20000000 >&2) &\nexec ${sftpServer}`,
    );
    {
      await using stage = await openByClient(client.server);
      await Deno.writeTextFile(`${client.directory}/ssh.go`, "");
      const handle = await stage.session.open(`${client.directory}/ssh`);
      for (let turn = 0; turn < 200; turn++) {
        await stage.session.read(handle, 0, 1_000);
      }
    }

    await until(() => !client.pids.some(runs));
    assertEquals(client.pids.filter(runs), []);
  },
);

Deno.test("a client that stops in the middle is given up, and ended", {
  ignore: !exists(sftpServer),
}, async () => {
  await using client = await makeClient(`${fork}\nexec ${sftpServer}`);
  {
    await using stage = await openByClient(client.server, { requestMs: 500 });
    Deno.kill(client.pids[0]!, "SIGSTOP");

    const { message } = await assertRejects(
      () => stage.session.stat("/"),
      RelaisError,
    );

    assertEquals(
      message,
      "Cannot stat / on production: no answer within 0.5 s",
    );
  }
  await until(() => !client.pids.some(runs));
  assertEquals(client.pids.filter(runs), []);
});

Deno.test("a client gets neither more of the environment nor of the terminal than it needs", async () => {
  Deno.env.set("RELAIS_TEST_SECRET", "secret");
  const script =
    'env >"$(dirname "$0")/env"; tty >"$(dirname "$0")/tty"; (: </dev/tty) 2>>"$(dirname "$0")/tty"; exit 255';
  await using client = await makeClient(script);

  await assertRejects(() => openByClient(client.server), RelaisError);

  const environment = await Deno.readTextFile(`${client.directory}/env`);
  Deno.env.delete("RELAIS_TEST_SECRET");
  assertEquals(environment.includes("RELAIS_TEST_SECRET"), false);
  assertEquals(/^SHELL=(.*)$/m.exec(environment)?.[1], "/bin/sh");
  const tty = await Deno.readTextFile(`${client.directory}/tty`);
  assertEquals(/not a tty[\s\S]*\/dev\/tty/.test(tty), true, tty);
});
