import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import {
  makeWorld,
  nimble,
  type Report,
  treeOf,
  type World,
} from "../../fixtures/world.ts";

const orders = {
  "orders/2026-11-21.csv": "1;aspirin\n",
  "orders/2026-11-22.csv": "2;ibuprofen\n",
  "stock/depot 12/inventaire_été.csv": "a;b\n",
  "empty.csv": "",
};

/** The figures of a report that a test is about. */
function figures({ server, seen, copied, removed, exit }: Report) {
  return { server, seen, copied, removed, exit };
}

async function publishedWorld(
  ...options: Parameters<typeof makeWorld>
): Promise<World> {
  const world = await makeWorld(...options);
  world.write(orders);
  await world.publish();
  return world;
}

Deno.test("a first pass makes the replica the same as the export", async () => {
  await using world = await publishedWorld();

  const report = await world.pass();

  assertEquals(figures(report), {
    server: "production",
    seen: 4,
    copied: 4,
    removed: 0,
    exit: 0,
  });
  assertEquals(treeOf(world.into), treeOf(world.production.root));
  assertEquals(
    Object.keys(treeOf(world.into)).sort(),
    Object.keys(orders).sort(),
  );
});

Deno.test("a pass over several connections, with a limit on bandwidth, copies all the same", async () => {
  await using world = await publishedWorld({
    more: `[copy]\nconnections = 3\nbandwidth = "1MB/s"\nparallel = 2`,
  });

  const report = await world.pass();

  assertEquals([report.copied, report.exit], [4, 0]);
  assertEquals(treeOf(world.into), treeOf(world.production.root));
});

Deno.test("a dry run plans every file and writes nothing", async () => {
  await using world = await publishedWorld();

  const report = await world.pass("--dry-run");

  assertEquals(
    report.plan?.map(({ action, path }) => `${action} ${path}`).sort(),
    Object.keys(orders).map((path) => `copy ${path}`).sort(),
  );
  assertEquals(
    [...Deno.readDirSync(`${world.directory}/replica`)].map(({ name }) => name),
    ["relais.toml"],
  );
});

Deno.test("a dry run leaves an existing state as it is, to the byte", async () => {
  await using world = await publishedWorld();
  await world.pass();
  world.write({ "orders/2026-11-23.csv": "3;paracetamol\n" });
  await world.publish();
  const before = stateFiles(world);

  const report = await world.pass("--dry-run");

  assertEquals(report.plan?.map(({ path }) => path), ["orders/2026-11-23.csv"]);
  assertEquals(stateFiles(world), before);
});

Deno.test("a second pass copies nothing, and reads less than the list", async () => {
  await using world = await publishedWorld();
  const first = await world.pass();

  const second = await world.pass();

  assertEquals(figures(second), {
    server: "production",
    seen: 0,
    copied: 0,
    removed: 0,
    exit: 0,
  });
  assertEquals(second.generation, first.generation);
});

Deno.test("a pass fetches what has changed, and nothing else", async () => {
  await using world = await publishedWorld();
  await world.pass();
  world.write({
    "orders/2026-11-22.csv": "2;ibuprofen;returned\n",
    "orders/2026-11-23.csv": "3;paracetamol\n",
  });
  await world.publish();

  const report = await world.pass();

  assertEquals([report.seen, report.copied], [2, 2]);
  assertEquals(treeOf(world.into), treeOf(world.production.root));
});

Deno.test("a pass takes its files from backup while production is down, and goes back", async () => {
  await using world = await publishedWorld({
    servers: ["production", "backup"],
    more: nimble,
  });
  world.write(orders, world.backup);
  for (const path of Object.keys(orders)) sameDate(world, path);
  await world.publish(world.backup);
  await world.pass();

  await world.production.sshd.stop();
  world.write({ "orders/2026-11-23.csv": "3;paracetamol\n" }, world.backup);
  await world.publish(world.backup);
  const fromBackup = await world.pass();
  await world.backup.sshd.stop();
  const fromNowhere = await world.pass();
  await world.production.sshd.start();
  await world.backup.sshd.start();
  const back = await world.pass();

  assertEquals(
    [fromBackup, fromNowhere, back].map(figures).map((
      { server, copied, exit },
    ) => [server, copied, exit]),
    [["backup", 1, 0], [null, 0, 3], ["production", 0, 0]],
  );
  assertEquals(
    Deno.readTextFileSync(`${world.into}/orders/2026-11-23.csv`),
    "3;paracetamol\n",
  );
});

Deno.test("a backup that lags never brings an older file back", async () => {
  await using world = await publishedWorld({
    servers: ["production", "backup"],
    more: nimble,
  });
  world.write({ "orders/2026-11-22.csv": "an older version\n" }, world.backup);
  Deno.utimeSync(`${world.backup.data}/orders/2026-11-22.csv`, 1, 1_000_000);
  await world.publish(world.backup);
  await world.pass();
  await world.production.sshd.stop();

  const report = await world.pass();

  assertEquals([report.server, report.copied, report.exit], ["backup", 0, 0]);
  assertEquals(treeOf(world.into), treeOf(world.production.root));
});

Deno.test("a server whose host key is another one is not used, and told with exit 6", async () => {
  await using world = await publishedWorld();
  const other = world.production.sshd.serverConfig("production", "/")
    .knownHosts[0]!;
  const { port } = world.production.sshd;
  const key =
    "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
  Deno.writeTextFileSync(other, `[127.0.0.1]:${port} ssh-ed25519 ${key}\n`);

  const { code, stderr } = await world.relais("--once");

  assertEquals(code, 6);
  // As the transport says it.
  assertMatch(stderr, /host key is not the one|Host key verification failed/);
});

Deno.test("files that are here already are adopted, and not fetched", async () => {
  await using world = await publishedWorld();
  await new Deno.Command("cp", {
    args: ["-a", world.production.root, world.into],
  }).output();
  Deno.removeSync(`${world.into}/.relais`, { recursive: true });

  const report = await world.pass();

  assertEquals([report.new, report.copied, report.exit], [4, 0, 0]);
});

Deno.test("a lost state is rebuilt without fetching again what is here", async () => {
  await using world = await publishedWorld();
  await world.pass();
  Deno.removeSync(world.state, { recursive: true });

  const report = await world.pass();

  assertEquals([report.new, report.copied, report.exit], [4, 0, 0]);
});

Deno.test("what a server withdrew is kept, removed or put in the trash, as configured", async () => {
  await using world = await publishedWorld();
  await world.pass();
  Deno.removeSync(`${world.production.data}/empty.csv`);
  await world.publish();

  const kept = await world.pass();
  world.configure({ replica: `delete = "trash"\nmax_delete = 1` });
  const trashed = await world.pass();

  assertEquals([kept.removed, trashed.removed], [0, 1]);
  assertEquals("empty.csv" in treeOf(world.into), false);
  const [day] = [...Deno.readDirSync(`${world.into}/.relais/trash`)];
  assertEquals(
    Deno.statSync(`${world.into}/.relais/trash/${day!.name}/empty.csv`).isFile,
    true,
  );
});

Deno.test("a server without a list is walked", async () => {
  await using world = await makeWorld();
  world.write(orders);
  await new Deno.Command("cp", {
    args: ["-a", `${world.production.data}/.`, world.production.root],
  }).output();

  const first = await world.pass();
  const second = await world.pass();

  assertEquals([first.copied, second.copied, second.seen], [4, 0, 4]);
  assertEquals(
    Object.keys(treeOf(world.into)).sort(),
    Object.keys(orders).sort(),
  );
});

Deno.test("no control character of a file name reaches the terminal or the log", async () => {
  await using world = await makeWorld();
  const name = "two\nlines\x1b[31m\u202e.csv";
  world.write({ [name]: "x" });
  await world.publish();

  const pass = await world.relais("--once", "-v");
  const list = await world.relais("list");
  const log = await world.relais("log");

  assertEquals(treeOf(world.into)[name]?.text, "x");
  const told = pass.stdout + pass.stderr + list.stdout + log.stdout;
  // deno-lint-ignore no-control-regex -- control characters are what this is about
  assertEquals(/[\x00-\x09\x0b-\x1f\x7f\u202e]/.test(told), false);
  assertStringIncludes(list.stdout, "two\\nlines\\x1b[31m\\u{202e}.csv");
});

const notLists: [string, string, RegExp][] = [
  ["an empty file", "", /empty/],
  ["a page of HTML", "<!DOCTYPE html>\n<html>\n", /not a list/],
  ["binary rubbish", "\x7fELF\x02\x01\x01\0\n", /not a list/],
  ["another version", "relais-list\t9\tabc\t1\n", /version/],
];

for (const [what, text, reason] of notLists) {
  Deno.test(`${what} in place of a list is told, with exit 3`, async () => {
    await using world = await publishedWorld();
    Deno.writeTextFileSync(`${world.production.root}/.relais/list`, text);

    const { code, stderr } = await world.relais("--once");

    assertEquals(code, 3);
    assertMatch(stderr, reason);
  });
}

Deno.test("lines that break a rule are refused and named, and the others are copied", async () => {
  await using world = await publishedWorld();
  const bad = [
    "5\t+\t1\t1\t1\t0644\t-\t../escape",
    "6\t+\t1\t1\t1\t0644\t-\t/etc/passwd",
    "7\t+\t1\t1\t1\t0644\t-\ta%00b",
    "8\t+\t1\t1\t1\t0644\t-\ta//b",
    "9\t+\t1\t1\tmany\t0644\t-\ta",
    "10\ttoo few fields",
  ];
  Deno.writeTextFileSync(
    `${world.production.root}/.relais/list`,
    bad.map((line) => `${line}\n`).join(""),
    { append: true },
  );

  const report = await world.pass();

  assertEquals([report.copied, report.exit], [4, 1]);
  const log = Deno.readTextFileSync(
    `${world.directory}/replica/log/relais.log`,
  );
  for (
    const reason of [
      `".."`,
      "absolute",
      "NUL",
      "empty part",
      "size",
      "fields, not 8",
    ]
  ) {
    assertStringIncludes(log, reason);
  }
  assertEquals(
    Object.keys(treeOf(world.into)).sort(),
    Object.keys(orders).sort(),
  );
});

Deno.test("a file where a directory should be is named, and the others are copied", async () => {
  await using world = await publishedWorld();
  Deno.mkdirSync(world.into, { recursive: true });
  Deno.writeTextFileSync(`${world.into}/orders`, "a file of somebody else");

  const report = await world.pass();

  assertEquals([report.copied, report.exit], [2, 1]);
  assertEquals(
    report.failed.map(({ path }) => path).sort(),
    ["orders/2026-11-21.csv", "orders/2026-11-22.csv"],
  );
  assertStringIncludes(
    report.failed[0]!.error,
    "orders is a file on the replica",
  );
});

Deno.test("a file that vanished from the export is named, and the others are copied", async () => {
  await using world = await publishedWorld();
  Deno.removeSync(`${world.production.root}/empty.csv`);

  const report = await world.pass();

  assertEquals([report.copied, report.exit], [3, 1]);
  assertEquals(report.failed.map(({ path }) => path), ["empty.csv"]);
});

Deno.test("contents that are not what the list says never appear", async () => {
  await using world = await publishedWorld({ more: "[copy]\nretries = 0" });
  Deno.writeTextFileSync(
    `${world.production.root}/orders/2026-11-21.csv`,
    "1;arsenic\n",
  );

  const report = await world.pass();

  assertEquals([report.copied, report.exit], [3, 1]);
  assertEquals("orders/2026-11-21.csv" in treeOf(world.into), false);
});

Deno.test("a second relais on the same state exits 7 at once", async () => {
  await using world = await publishedWorld();
  Deno.mkdirSync(world.state, { recursive: true });
  using lock = Deno.openSync(`${world.state}/lock`, {
    write: true,
    create: true,
  });
  lock.tryLockSync(true);

  const { code, stderr } = await world.relais("--once");

  assertEquals(code, 7);
  assertStringIncludes(stderr, "another relais");
});

Deno.test("hooks.on_new gets the new files, and gets them again after it failed", async () => {
  await using world = await publishedWorld();
  const heard = `${world.directory}/heard`;
  world.configure({
    more: `[hooks]\non_new = ["sh", "-c", "cat > ${heard}; exit 3"]`,
  });
  const failing = await world.pass();
  world.configure({ more: `[hooks]\non_new = ["sh", "-c", "cat > ${heard}"]` });
  Deno.removeSync(heard);

  const working = await world.pass();
  const names = Deno.readTextFileSync(heard);
  Deno.removeSync(heard);
  const nothingNew = await world.pass();

  assertEquals([failing.exit, working.exit, nothingNew.exit], [1, 0, 0]);
  assertEquals(names.split("\0").sort(), ["", ...Object.keys(orders)].sort());
  assertEquals(
    [...Deno.readDirSync(world.directory)].some(({ name }) => name === "heard"),
    false,
  );
});

function sameDate(world: World, path: string): void {
  const { mtime } = Deno.statSync(`${world.production.data}/${path}`);
  Deno.utimeSync(`${world.backup.data}/${path}`, mtime!, mtime!);
}

function stateFiles(world: World): Record<string, string> {
  const files: Record<string, string> = {};
  for (const { name, isFile } of Deno.readDirSync(world.state)) {
    // Every reader notes its locks in SQLite's index of the log.
    if (name.endsWith("-shm") || !isFile) continue;
    files[name] = Deno.readFileSync(`${world.state}/${name}`).toHex();
  }
  return files;
}
