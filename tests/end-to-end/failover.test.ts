import { delay } from "@std/async/delay";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Link } from "../../fixtures/link.ts";
import { noise } from "../../fixtures/noise.ts";
import { until } from "../../fixtures/until.ts";
import {
  makeWorld,
  type Report,
  startRelais,
  treeOf,
  type World,
} from "../../fixtures/world.ts";

/** No limit on a wait helps out: whoever waits for one of these waits for ever. */
const noLimits =
  `[limits]\nconnect = "1h"\nhandshake = "1h"\nkeepalive = "1h"\nrequest = "1h"\n`;

const twoServers = {
  servers: ["production", "backup"],
  more: `${noLimits}[probe]\ntimeout = "4s"\nfall = 2\nrise = 1\nhold = "0s"\n`,
};

/** Publishes the same files on every server, and reaches each one over a link. */
async function linkedWorld(
  files: Record<string, Uint8Array>,
  bytesPerSecond: number,
): Promise<{ world: World; links: Link[] }> {
  const world = await makeWorld(twoServers);
  for (const server of world.servers) {
    for (const [path, bytes] of Object.entries(files)) {
      const absolute = `${server.data}/${path}`;
      Deno.mkdirSync(absolute.slice(0, absolute.lastIndexOf("/")), {
        recursive: true,
      });
      Deno.writeFileSync(absolute, bytes);
      Deno.utimeSync(absolute, 1_700_000_000, 1_700_000_000);
    }
    await world.publish(server);
  }
  const links = world.servers.map((server) =>
    world.link(server, { bytesPerSecond })
  );
  return { world, links };
}

/** What a server may have sent that never came, with the window of one connection, and all that is not the file. */
const underWay = 4 * 1024 * 1024 + 1_000_000;

/** Bytes of the files that were begun. */
function staged(world: World): number {
  const staging = `${world.into}/.relais/staging`;
  try {
    return [...Deno.readDirSync(staging)].reduce(
      (sum, { name }) => sum + Deno.statSync(`${staging}/${name}`).size,
      0,
    );
  } catch {
    // There is none yet, or one has just been put in place.
    return 0;
  }
}

function carried(links: readonly Link[]): number {
  return links.reduce((sum, link) => sum + link.carried.down, 0);
}

const silences: [string, (world: World, link: Link) => void][] = [
  ["freezes", (world) => world.production.sshd.freeze()],
  ["is behind a line that swallows its answers", (_, link) => {
    link.swallow("down");
  }],
  ["is behind a line that swallows our requests", (_, link) => {
    link.swallow("up");
  }],
];

for (const [what, fallSilent] of silences) {
  Deno.test(`a pass whose server ${what} goes on with the backup, and fetches nothing twice`, async () => {
    const size = 20_000_000;
    const { world, links } = await linkedWorld({
      "big.bin": noise(size),
      ...Object.fromEntries(
        Array.from({ length: 50 }, (_, n) => [`small/${n}`, noise(1_000)]),
      ),
    }, 10_000_000);
    await using _world = world;

    const pass = world.pass();
    await until(() => staged(world) > size / 3);
    fallSilent(world, links[0]!);
    const report: Report = await pass;

    assertEquals(
      [report.server, report.copied, report.exit, report.failed],
      ["backup", 51, 0, []],
    );
    assertEquals(treeOf(world.into), treeOf(world.backup.root));
    const again = carried(links) - size;
    assert(again < underWay, `${again} bytes came again`);
  });
}

Deno.test("a pass whose server falls silent while its list is read goes on with the backup", async () => {
  const files = Object.fromEntries(
    Array.from({ length: 1_500 }, (_, n) => [`d/${n}`, noise(1)]),
  );
  const { world, links } = await linkedWorld(files, 300_000);
  await using _world = world;

  const pass = world.pass();
  await until(() => links[0]!.carried.down > 100_000);
  links[0]!.swallow("down");
  const report = await pass;

  assertEquals([report.server, report.copied, report.exit], [
    "backup",
    1_500,
    0,
  ]);
  assertEquals(treeOf(world.into), treeOf(world.backup.root));
});

Deno.test("a pass whose sessions are killed goes on with the same server", async () => {
  const size = 20_000_000;
  const { world, links } = await linkedWorld(
    { "big.bin": noise(size) },
    10_000_000,
  );
  await using _world = world;

  const pass = world.pass();
  await until(() => staged(world) > size / 3);
  world.production.sshd.killSessions();
  const report = await pass;

  assertEquals([report.server, report.copied, report.exit], [
    "production",
    1,
    0,
  ]);
  const again = carried(links) - size;
  assert(again < underWay, `${again} bytes came again`);
});

Deno.test("a session that is lost in the middle of a copy is told once, whatever was under way", async () => {
  await using world = await makeWorld();
  const size = 20_000_000;
  Deno.writeFileSync(`${world.production.data}/big.bin`, noise(size));
  world.write(
    Object.fromEntries(
      Array.from({ length: 200 }, (_, n) => [`small/${n}`, `${n}`]),
    ),
  );
  await world.publish();
  world.link(world.production, { bytesPerSecond: 10_000_000 });

  const run = world.relais("--once");
  await until(() => staged(world) > size / 3);
  await world.production.sshd.stop();
  const { code, stderr } = await run;

  assertEquals(code, 3);
  assertEquals(stderr.match(/Lost production/g)?.length, 1, stderr);
});

Deno.test("a bit that is changed on the wire changes no file", async () => {
  const size = 2_000_000;
  await using world = await makeWorld({
    more: `[limits]\nkeepalive = "500ms"\nrequest = "2s"\n`,
  });
  Deno.writeFileSync(`${world.production.data}/a.bin`, noise(size));
  await world.publish();
  const link = world.link();
  const published = treeOf(world.production.root);
  for (let pass = 0; pass < 6; pass++) {
    const direction = pass % 3 === 0 ? "up" : "down";
    const most = direction === "up" ? 4_000 : size;
    link.corruptAfter(Math.floor(Math.random() * most), direction);
    const { server } = await world.pass();
    // The handshake itself may have been hit: then nothing was begun.
    if (server === null) continue;
    for (const [path, file] of Object.entries(treeOf(world.into))) {
      assertEquals(file, published[path]);
    }
    for (const directory of [world.state, world.into]) {
      Deno.removeSync(directory, { recursive: true });
    }
  }
  assertEquals((await world.pass()).copied, 1);
});

Deno.test("a slow server that still answers is not left", async () => {
  // However busy this machine is, a probe has its answer by then.
  const more = twoServers.more.replace("4s", "60s");
  await using world = await makeWorld({ ...twoServers, more });
  const link = world.link(world.production, { bytesPerSecond: 60_000 });
  Deno.writeFileSync(`${world.production.data}/a.bin`, noise(200_000));
  await world.publish(world.production);
  await world.publish(world.backup);

  const report = await world.pass();

  assertEquals([report.server, report.copied], ["production", 1]);
  // It was looked at meanwhile, over a session of its own.
  assert(link.connections >= 2, `${link.connections}`);
});

for (
  const [how, args, status] of [
    ["a signal", [], 143],
    ["--max-time", ["--max-time", "20s"], 1],
  ] as const
) {
  Deno.test(`a pass that waits for a silent server ends at ${how}, and keeps what it has`, async () => {
    const size = 6_000_000;
    const { world, links } = await linkedWorld(
      { "big.bin": noise(size) },
      3_000_000,
    );
    await using _world = world;
    const relais = startRelais("--once", ...args, "--config", world.config);
    await until(() => staged(world) > size / 3);
    for (const link of links) link.swallow("down");
    if (status === 143) relais.kill("SIGTERM");
    const { code } = await relais.status;
    const before = carried(links);
    for (const link of links) link.mend();
    const next = await world.pass();

    assertEquals([code, next.copied, next.exit], [status, 1, 0]);
    const again = carried(links) - before;
    assert(again < size * 0.8, `${again} bytes of ${size} came again`);
  });
}

Deno.test("a pass that waits for a probe ends at a signal", async () => {
  await using world = await makeWorld({
    more: `${noLimits}[probe]\ntimeout = "1h"`,
  });
  const link = world.link();
  link.swallow("down");
  const relais = startRelais("--once", "--config", world.config);
  await until(() => link.connections > 0);
  relais.kill("SIGTERM");
  assertEquals((await relais.status).code, 143);
  // The log says so: it was no forced end.
  const { stdout } = await world.relais("log", "-n", "5");
  assertStringIncludes(stdout, "stopped before all was done");
});

Deno.test("manual failback waits for a hand, and --failback is that hand", async () => {
  await using world = await makeWorld({
    servers: ["production", "backup"],
    more:
      `[probe]\nfall = 1\nrise = 1\nhold = "1d"\nfailback = "manual"\ntimeout = "3s"`,
    resident: true,
  });
  for (const server of world.servers) await world.publish(server);
  await world.pass();
  await world.production.sshd.stop();
  await world.pass();
  await world.production.sshd.start();

  const stays = await world.pass();
  const returns = await world.pass("--failback");
  const after = await world.pass();

  assertEquals([stays, returns, after].map(({ server }) => server), [
    "backup",
    "production",
    "production",
  ]);
});

const day = 86_400;

/** Makes it look as if the publisher of a server had last run `secondsAgo`. */
function age(
  { root }: { root: string },
  secondsAgo: number,
): void {
  const then = Date.now() / 1_000 - secondsAgo;
  Deno.utimeSync(`${root}/.relais/list`, then, then);
}

async function twoExports(probe: string): Promise<World> {
  const world = await makeWorld({
    servers: ["production", "backup"],
    more: `[probe]\nfall = 1\nrise = 1\nhold = "0s"\ntimeout = "3s"\n${probe}`,
    resident: true,
  });
  for (const server of world.servers) {
    world.write({ "a.csv": "a\n", "b.csv": "b\n" }, server);
    for (const path of ["a.csv", "b.csv"]) {
      Deno.utimeSync(`${server.data}/${path}`, 1_700_000_000, 1_700_000_000);
    }
    await world.publish(server);
  }
  return world;
}

Deno.test("a stale production is left for a backup that is not", async () => {
  await using world = await twoExports(`max_age = "1h"`);
  age(world.production, day);

  const { server, copied, exit } = await world.pass();

  assertEquals([server, copied, exit], ["backup", 2, 0]);
});

Deno.test("a stale server is better than none, and told with exit 3", async () => {
  await using world = await twoExports(`max_age = "1h"`);
  age(world.production, day);
  age(world.backup, day);

  const { code, stderr } = await world.relais("--once");

  assertEquals(code, 3);
  assertStringIncludes(stderr, "its publisher last ran");
  assertEquals(treeOf(world.into), treeOf(world.production.root));
});

Deno.test("a server whose list cannot be read is no server", async () => {
  await using world = await twoExports("");
  Deno.writeTextFileSync(
    `${world.production.root}/.relais/list`,
    "<html>404</html>\n",
  );

  assertEquals((await world.pass()).server, "backup");
  await world.backup.sshd.stop();
  const { code, stderr } = await world.relais("--once");

  assertEquals(code, 3);
  assertStringIncludes(stderr, "Cannot read the list of production");
});

Deno.test("production that comes back with a new generation costs no transfer", async () => {
  await using world = await twoExports("");
  await world.pass();
  await world.production.sshd.stop();
  world.write({ "c.csv": "c\n" }, world.backup);
  await world.publish(world.backup);
  assertEquals((await world.pass()).copied, 1);

  Deno.removeSync(`${world.production.root}/.relais/list`);
  world.write({ "c.csv": "c\n" });
  await world.publish();
  await world.production.sshd.start();
  const back = await world.pass();

  assertEquals([back.server, back.seen, back.copied, back.exit], [
    "production",
    3,
    0,
    0,
  ]);
});

Deno.test("what production published and its backup has not yet is told as lag", async () => {
  await using world = await twoExports("");
  await world.pass();
  world.write({ "late.csv": "late\n".repeat(1_000) });
  await world.publish();
  await world.pass("--max-transfer", "1KB");
  await world.production.sshd.stop();
  await delay(1_000);

  const { server, copied, lag_seconds } = await world.pass();

  assertEquals([server, copied], ["backup", 0]);
  assert(lag_seconds >= 1, `${lag_seconds}`);
});
