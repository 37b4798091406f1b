import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  makeWorld,
  nimble,
  spawnRelais,
  startRelais,
  typed,
} from "../../fixtures/world.ts";

Deno.test("relais status says that no pass has been run, with exit 1", async () => {
  await using world = await makeWorld();
  const { code, stdout } = await world.relais("status");
  assertEquals(code, 1);
  assertMatch(stdout, /^PROBLEM: no pass has run yet\.$/m);
  assertMatch(stdout, /^Next: run "relais check --config .*", then "relais /m);
});

Deno.test("relais status tells server, files, list, disk and passes, with exit 0", async () => {
  await using world = await makeWorld({ servers: ["production", "backup"] });
  world.write({ "a.csv": "1\n", "b.csv": "22\n" });
  await world.publish();
  await world.pass();

  const { code, stdout, stderr } = await world.relais("status");

  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^OK: files come from production, no files wait/);
  assertMatch(stdout, /^Active server +production, since .*preferred server$/m);
  assertMatch(stdout, /^Files +2 here, 5 B; 0 waiting; 0 failing$/m);
  assertMatch(stdout, /^Disk +\S+ \S+ of \S+ \S+ free$/m);
  assertMatch(stdout, /production +up +active +\d+ ms +list .*read to its end/);
  assertMatch(stdout, /backup +up +\d+ ms .*none: a tree/);
  assertMatch(stdout, /^ {2}20\S+Z +0 +production +2 +5 B/m);
});

Deno.test("relais status names what waits and what fails, with the reason, and exit 1", async () => {
  await using world = await makeWorld();
  world.write({ "good.csv": "1\n", "bad.csv": "22\n" });
  await world.publish();
  await Deno.remove(`${world.production.root}/bad.csv`);
  await world.pass();

  const { code, stdout } = await world.relais("status");
  const json = JSON.parse((await world.relais("status", "--json")).stdout);

  assertEquals(code, 1);
  assertMatch(stdout, /^PROBLEM: 1 file could not be copied\.$/m);
  assertMatch(stdout, /1 waiting; 1 failing$/m);
  assertMatch(stdout, /^ {2}bad\.csv \(production\): .*no such file/mi);
  assertEquals([json.healthy, json.pending, json.failed], [false, 1, 1]);
  assertEquals(json.failing[0].path, "bad.csv");
  assert(json.lag_seconds >= 0);
});

Deno.test("relais status judges lag and age by what it is told", async () => {
  await using world = await makeWorld({ resident: true });
  world.write({ "good.csv": "1\n" });
  await world.publish();
  await world.pass();

  const old = await world.relais("status", "--max-age", "1ms");
  const fine = await world.relais("status", "--max-age", "1d");
  world.write({ "bad.csv": "22\n" });
  await world.publish();
  await Deno.remove(`${world.production.root}/bad.csv`);
  const list = `${world.production.root}/.relais/list`;
  const hourAgo = Math.floor(Date.now() / 1_000) - 3_600;
  Deno.writeTextFileSync(
    list,
    Deno.readTextFileSync(list)
      .replace(/\t\+\t\S+(?=[^\n]*\tbad\.csv\n)/, `\t+\t${hourAgo}`),
  );
  await world.pass();
  const late = await world.relais("status", "--max-lag", "15m");

  assertEquals([old.code, fine.code, late.code], [1, 0, 1]);
  assertMatch(
    old.stdout,
    /^PROBLEM: the last complete pass ended/,
  );
  assertMatch(late.stdout, /^PROBLEM: .*the lag is 1 h 0 min, more than/);
});

Deno.test("relais status --nagios exits as plugins do", async () => {
  await using world = await makeWorld({ more: nimble, resident: true });
  world.write({ "good.csv": "1\n" });
  await world.publish();
  const before = await world.relais("status", "--nagios");
  await world.pass();
  const ok = await world.relais("status", "--nagios", "--max-lag", "15m");
  await world.production.sshd.stop();
  await world.pass();
  const gone = await world.relais("status", "--nagios");
  await world.end();
  Deno.writeTextFileSync(`${world.state}/relais.db`, "no database");
  const unknown = await world.relais("status", "--nagios");

  assertEquals(
    [before, ok, gone, unknown].map(({ code }) => code),
    [2, 0, 2, 3],
  );
  assertMatch(
    ok.stdout,
    /^RELAIS OK - files come from production, .* \| lag=0s;;900;0 age=\d+s;;3600;0 pending=0;;;0 failed=0;0;;0 files=1;;;0 bytes=2B;;;0 free=\d+B;;;0;\d+\n$/,
  );
  assertMatch(gone.stdout, /^RELAIS CRITICAL - .*exit 3: no server available/);
  assertMatch(unknown.stdout, /^RELAIS UNKNOWN - Cannot use the state/);
});

Deno.test("relais status knows when the loop begins its next pass", async () => {
  await using world = await makeWorld({ more: `[schedule]\nevery = "1h"` });
  world.write({ "a.csv": "1\n" });
  await world.publish();
  const relais = startRelais("--config", world.config);
  try {
    for (let attempt = 0;; attempt++) {
      const { stdout } = await world.relais("status", "--json");
      const { next_pass, passes } = JSON.parse(stdout);
      if (next_pass !== null) {
        assertEquals(next_pass, passes[0].started + 3_600);
        break;
      }
      assert(attempt < 60, "it did not tell");
    }
  } finally {
    relais.kill("SIGTERM");
    await relais.status;
  }
});

Deno.test("relais status --watch and log --follow end when nobody reads on", async () => {
  await using world = await makeWorld();
  await world.pass();
  const head = (command: string) =>
    typed(`relais ${command} --config ${world.config} | head -n 1`);
  let isOver = false;
  const following = head("log --follow").finally(() => isOver = true);
  // Only whoever writes to it notices that a pipe is closed.
  while (!isOver) await world.pass();

  const watched = await head("status --watch --json");

  assertEquals([(await following).stdout, watched.stdout].map(linesIn), [1, 1]);
});

function linesIn(text: string): number {
  return text.split("\n").length - 1;
}

Deno.test("relais status --watch shows it again until a signal comes", async () => {
  await using world = await makeWorld();
  await world.pass();
  const watching = spawnRelais(
    ["status", "--watch", "--json", "--config", world.config],
    { stdout: "piped", stderr: "null" },
  );
  const views = [];
  for await (
    const text of watching.stdout.pipeThrough(new TextDecoderStream())
  ) {
    views.push(...text.trim().split("\n").map((line) => JSON.parse(line)));
    if (views.length === 2) watching.kill("SIGINT");
  }
  assertEquals((await watching.status).code, 130);
  assert(views[1].now > views[0].now);
});
