import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { delay } from "@std/async/delay";
import { faults } from "../../fixtures/schemas.ts";
import { until } from "../../fixtures/until.ts";
import { makeWorld, nimble } from "../../fixtures/world.ts";
import { HookError } from "../../lib/errors.ts";
import { ping } from "../../lib/stat/ping.ts";
import { runHook } from "../../lib/supervisor/hooks.ts";

const never = new AbortController().signal;

function shell(script: string, timeoutMs = 60_000) {
  return {
    name: "on_error",
    argv: ["sh", "-c", script],
    timeoutMs,
    hint: "it was a test",
  };
}

for (
  const [script, why] of [
    ["exit 3", "exit status 3"],
    ["echo bad >&2; exit 1", "exit status 1 (bad)"],
    ["sleep 600", "it took too long, and was ended"],
    [
      "trap '' TERM; while :; do sleep 1; done",
      "it took too long, and was ended",
    ],
    ["sleep 600 & echo started >&2", ""],
    ["head -c 10000000 /dev/zero >&2; head -c 10000000 /dev/zero", ""],
    ["exec 0<&-; exit 0", ""],
  ] as const
) {
  Deno.test(`a hook that runs \`${script}\` ${why === "" ? "is well" : "fails, and says why"}`, async () => {
    const limit = why.includes("long") ? 500 : 60_000;
    const run = () =>
      runHook(shell(script, limit), new Uint8Array(1_000_000), never);
    if (why === "") return await run();
    const { message } = await assertRejects(run, HookError);
    assertEquals(message, `hooks.on_error failed: ${why}`);
  });
}

/** Whether a process runs; one that has ended and that nobody has heard of does not. */
function isRunning(pid: number): boolean {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return !/\) [ZX] /.test(stat);
  } catch {
    return false;
  }
}

for (
  const [what, script] of [
    ["has done its work", "sleep 600 & echo $! > PID"],
    ["took too long", "sleep 600 & echo $! > PID; wait"],
    [
      "left what minds no SIGTERM",
      "sh -c 'trap \"\" TERM; echo $$ > PID; while :; do sleep 1; done' & while [ ! -s PID ]; do sleep 0.1; done",
    ],
  ] as const
) {
  Deno.test(`what a hook has started ends with it when it ${what}`, async () => {
    const directory = await Deno.makeTempDir();
    const file = `${directory}/pid`;
    const limit = what.includes("long") ? 500 : 60_000;
    const hook = shell(script.replaceAll("PID", file), limit);
    await runHook(hook, new Uint8Array(), never).catch((error) =>
      assertMatch(error.message, /too long/)
    );
    const pid = Number(await Deno.readTextFile(file));
    await until(() => !isRunning(pid));
    await Deno.remove(directory, { recursive: true });
  });
}

Deno.test("a hook that has started something in a session of its own is not waited for", async () => {
  const directory = await Deno.makeTempDir();
  const file = `${directory}/pid`;
  const script =
    `setsid sh -c 'echo $$ > ${file}; exec sleep 600' & while [ ! -s ${file} ]; do sleep 0.1; done`;
  await runHook(shell(script), new Uint8Array(), never);

  const pid = Number(await Deno.readTextFile(file));
  assertEquals(isRunning(pid), true);
  Deno.kill(pid, "SIGKILL");
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a hook that is not there fails, and says so", async () => {
  const hook = { ...shell(""), argv: ["/nowhere/hook"] };
  await assertRejects(
    () => runHook(hook, new Uint8Array(), never),
    HookError,
    "hooks.on_error failed:",
  );
});

/** Commands that add what they are given to a file. */
function told(file: string): string {
  const hooks = ["failover", "failback", "error", "recovered", "lag"].map((
    event,
  ) => `on_${event} = ["sh", "-c", "cat >> ${file}"]`);
  return `[hooks]\nsettle = "0s"\n${hooks.join("\n")}\n`;
}

Deno.test("hooks are told of a failover, of an error and of their ends, once each", async () => {
  await using world = await makeWorld({
    servers: ["production", "backup"],
    more: nimble,
    resident: true,
  });
  const file = `${world.directory}/told`;
  world.configure({ more: told(file) });
  world.write({ "a.csv": "1" });
  world.write({ "a.csv": "1" }, world.backup);
  await world.publish();
  await world.publish(world.backup);
  const events = () => {
    try {
      return Deno.readTextFileSync(file).split("\n").slice(0, -1)
        .map((line) => JSON.parse(line))
        .map(({ event, condition }) => `${event} ${condition}`);
    } catch {
      return [];
    }
  };

  await world.pass();
  assertEquals(events(), []);
  await world.production.sshd.stop();
  await world.pass();
  await world.pass();
  assertEquals(events(), ["failover server:backup"]);
  await world.backup.sshd.stop();
  const { exit } = await world.pass();
  await world.pass();
  assertEquals(exit, 3);
  assertEquals(events().slice(1), ["error exit:3"]);
  await world.production.sshd.start();
  await world.pass();
  assertEquals(events().slice(2).sort(), [
    "failback server:backup",
    "recovered exit:3",
  ]);
  await world.pass();
  assertEquals(events().length, 4);
  for (const notice of Deno.readTextFileSync(file).trim().split("\n")) {
    assertEquals(await faults("notice", notice), [], notice);
  }
});

Deno.test("hooks that fail change nothing about a pass", async () => {
  await using world = await makeWorld();
  world.configure({
    more:
      `[hooks]\non_error = ["/nowhere/hook"]\non_lag = ["false"]\nmax_lag = "1ms"`,
  });
  world.write({ "a.csv": "1", "b.csv": "2" });
  await world.publish();
  await Deno.remove(`${world.production.root}/a.csv`);

  const { copied, exit, errors } = await world.pass() as
    & Awaited<ReturnType<typeof world.pass>>
    & { errors: string[] };

  assertEquals([copied, exit, errors], [1, 1, []]);
  const log = await Deno.readTextFile(
    `${world.directory}/replica/log/relais.log`,
  );
  assertMatch(log, /hooks.on_error failed/);
});

Deno.test("a hook that fails when a state begins is run again while it lasts", async () => {
  await using world = await makeWorld({ resident: true });
  const { directory } = world;
  world.configure({
    more: `[hooks]
settle = "0s"
on_error = ["sh", "-c", "cat >> ${directory}/told; [ -e ${directory}/well ]"]`,
  });
  world.write({ "a.csv": "1" });
  await world.publish();
  await Deno.remove(`${world.production.root}/a.csv`);
  const told = async () => {
    await world.pass();
    const lines = await Deno.readTextFile(`${directory}/told`);
    return lines.split("\n").length - 1;
  };

  assertEquals([await told(), await told()], [1, 2]);
  await Deno.writeTextFile(`${directory}/well`, "");
  assertEquals([await told(), await told(), await told()], [3, 3, 3]);
});

/** A service that watches for silence. */
function service(answer: (path: string) => Response | Promise<Response>) {
  const heard: string[] = [];
  const over = new AbortController();
  const server = Deno.serve(
    { signal: over.signal, hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      heard.push(`${request.method} ${pathname} ${await request.text()}`);
      return await answer(pathname);
    },
  );
  const url = `http://127.0.0.1:${server.addr.port}/s3cret`;
  return {
    url,
    heard,
    [Symbol.asyncDispose]: async () => {
      over.abort();
      await server.finished;
    },
  };
}

Deno.test("hooks.ping is told of the start and the end of each pass", async () => {
  await using watching = service(() => new Response("OK"));
  await using world = await makeWorld();
  world.configure({ more: `[hooks]\nping = "${watching.url}"` });
  world.write({ "a.csv": "1" });
  await world.publish();

  await world.pass();
  await world.pass("--dry-run");
  await world.production.sshd.stop();
  await world.pass();

  await until(() => watching.heard.length === 4);
  const brief = watching.heard.map((line) =>
    line.replaceAll(/[\d.]+ s,/g, "… s,")
  );
  assertEquals(brief, [
    "POST /s3cret/start ",
    "POST /s3cret pass from production: 1 files, 1 bytes, … s, exit 0",
    "POST /s3cret/start ",
    "POST /s3cret/fail pass from no server: 0 files, 0 bytes, … s, exit 3",
  ]);
});

Deno.test("a service that does not take a ping harms nothing, and its address stays secret", async () => {
  await using watching = service(() => new Response("no", { status: 500 }));
  await using world = await makeWorld();
  world.configure({ more: `[hooks]\nping = "${watching.url}"` });
  world.write({ "a.csv": "1" });
  await world.publish();

  const { code, stdout, stderr } = await world.relais("--once", "-v");

  const log = await Deno.readTextFile(
    `${world.directory}/replica/log/relais.log`,
  );
  assertEquals(code, 0);
  assertMatch(
    log,
    /Cannot ping hooks.ping: the service answered with HTTP 500/,
  );
  assertEquals((stdout + stderr + log).includes("s3cret"), false);
});

Deno.test("a service that never answers keeps no pass from its end, and a wrong address is shown to nobody", async () => {
  await using watching = service(() =>
    delay(600_000).then(() => new Response())
  );
  await using world = await makeWorld();
  world.configure({ more: `[hooks]\nping = "${watching.url}"` });
  world.write({ "a.csv": "1" });
  await world.publish();

  const { exit, copied } = await world.pass();
  world.configure({ more: `[hooks]\nping = "${watching.url}/"` });
  const { code, stderr } = await world.relais("--once");

  assertEquals([exit, copied, watching.heard.length], [0, 1, 2]);
  assertEquals([code, stderr.includes("s3cret")], [2, false]);
});

Deno.test("ping() names no address when nobody is there", async () => {
  const { message } = await assertRejects(
    () => ping("http://127.0.0.1:1/s3cret", "success", "", never),
    HookError,
  );
  assertEquals(
    message,
    "Cannot ping hooks.ping: the service cannot be reached",
  );
});
