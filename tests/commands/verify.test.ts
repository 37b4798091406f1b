import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { makeHostileWorld } from "../../fixtures/hostile-world.ts";
import { makeWorld, treeOf, type World } from "../../fixtures/world.ts";

const files = {
  "a.csv": "first\n",
  "b.csv": "second\n",
  "deep/c.csv": "third\n",
  "deep/d.csv": "fourth\n",
};

async function copiedWorld(): Promise<World> {
  const world = await makeWorld();
  world.write(files);
  await world.publish();
  assertEquals((await world.pass()).copied, 4);
  return world;
}

/** Writes other bytes over a copy, and leaves its size and its date as they are. */
function flip(world: World, path: string): void {
  const file = `${world.into}/${path}`;
  const { mtime } = Deno.statSync(file);
  const bytes = Deno.readFileSync(file);
  bytes[0]! ^= 1;
  Deno.writeFileSync(file, bytes);
  Deno.utimeSync(file, mtime!, mtime!);
}

async function verify(world: Pick<World, "relais">, ...args: string[]) {
  const { code, stdout, stderr } = await world.relais(
    ...["verify", "--json", ...args],
  );
  assertEquals(stderr, "");
  const { findings, ...report } = JSON.parse(stdout);
  assertEquals(report.exit, code);
  return {
    code,
    verified: report.verified,
    findings: findings.map(({ path, fault }: Record<string, string>) =>
      `${fault} ${path}`
    ).sort(),
    extra: report.extra,
    repaired: report.repaired.sort(),
  };
}

const well = { code: 0, verified: 4, findings: [], extra: [], repaired: [] };

Deno.test("relais verify finds what differs, is missing and is extra, and --repair fetches it again", async () => {
  await using world = await copiedWorld();
  const before = treeOf(world.into);
  assertEquals(await verify(world), well);
  flip(world, "a.csv");
  Deno.truncateSync(`${world.into}/b.csv`, 3);
  Deno.removeSync(`${world.into}/deep/c.csv`);
  Deno.removeSync(`${world.into}/deep/d.csv`);
  Deno.symlinkSync("/etc/passwd", `${world.into}/deep/d.csv`);
  Deno.writeTextFileSync(`${world.into}/deep/own.txt`, "mine");
  const wrong = {
    ...well,
    code: 1,
    findings: [
      "differs a.csv",
      "differs b.csv",
      "differs deep/d.csv",
      "missing deep/c.csv",
    ],
    extra: ["deep/own.txt"],
  };

  const told = await world.relais("verify");
  const found = await verify(world);
  const repaired = await verify(world, "--repair");
  const after = await verify(world);

  assertEquals(told.code, 1);
  assertMatch(told.stdout, /^differs {5}a.csv: its digest is sha256:/m);
  assertMatch(told.stdout, /^differs {5}b.csv: it has 3 bytes, expected 7$/m);
  assertMatch(
    told.stdout,
    /^missing {5}deep\/c.csv: it does not exist any more$/m,
  );
  assertMatch(told.stdout, /^extra {7}deep\/own.txt$/m);
  assertMatch(
    told.stdout,
    /^4 files verified \(\d+ B\): 3 differs, 1 missing, 1 extra, in /m,
  );
  assertEquals(found, wrong);
  assertEquals(repaired, { ...wrong, code: 0, repaired: Object.keys(files) });
  assertEquals(after, { ...well, extra: ["deep/own.txt"] });
  Deno.removeSync(`${world.into}/deep/own.txt`);
  assertEquals(treeOf(world.into), before);
});

Deno.test("relais verify takes a copy for healthy whose date is as fine as it can be, and tells one of another date", async () => {
  await using world = await makeHostileWorld();
  const dates = [
    "1700000000.123456789",
    "1700000000",
    "1700000000.999999999",
    "1700000000.5",
  ];
  const lines = Object.entries(files).map(([path, text], index) => ({
    seq: index + 1,
    path,
    text,
    mtime: dates[index]!,
  }));
  world.production.write(files);
  world.production.list(...lines);
  assertEquals((await world.pass()).copied, 4);

  const healthy = await verify(world);
  const differing = await world.relais("list", "--diff");
  Deno.utimeSync(`${world.into}/a.csv`, 1_700_000_000, 1_700_000_000.124);
  const touched = await verify(world);

  assertEquals(healthy, well);
  assertEquals([differing.code, differing.stdout], [0, ""]);
  assertEquals(touched.findings, ["differs a.csv"]);
});

Deno.test("a copy without a digest in the list is adopted when its date is as fine as it can be", async () => {
  await using world = await makeHostileWorld();
  world.production.write(files);
  const [path, text] = Object.entries(files)[0]!;
  const mtime = "1700000000.123456789";
  world.production.list({ seq: 1, path, text, mtime, digest: "-" });
  assertEquals((await world.pass()).copied, 1);
  Deno.removeSync(world.state, { recursive: true });

  const { copied, exit } = await world.pass();

  assertEquals([copied, exit], [0, 0]);
  assertEquals(world.here(), { [path]: text });
});

Deno.test("relais verify --sample takes the files that were verified longest ago", async () => {
  await using world = await copiedWorld();
  await verify(world, "deep/*");
  flip(world, "a.csv");
  flip(world, "deep/c.csv");

  const first = await verify(world, "--sample", "50%");
  const second = await verify(world, "--sample", "50%");
  const third = await verify(world, "--sample", "1%");

  assertEquals([first.verified, first.findings], [2, ["differs a.csv"]]);
  assertEquals([second.verified, second.findings], [
    2,
    ["differs deep/c.csv"],
  ]);
  assertEquals([third.verified, third.findings], [1, ["differs a.csv"]]);
});

Deno.test("relais verify looks at nothing but what a glob names", async () => {
  await using world = await copiedWorld();
  flip(world, "a.csv");
  assertEquals(await verify(world, "deep/**"), { ...well, verified: 2 });
});

Deno.test("relais verify tells a glob that matches nothing, and calls nothing intact", async () => {
  await using world = await makeWorld();
  world.write({ "stock/a.csv": "1" });
  await world.publish();
  await world.pass();

  const { code, stdout, stderr } = await world.relais("verify", "stok/**");

  assertEquals(code, 0);
  assertMatch(stdout, /^0 files verified \(0 B\): nothing to verify, in /);
  assertMatch(
    stderr,
    /No file of the copy matches "stok\/\*\*"; "relais list --config /,
  );
});

Deno.test("relais verify --repair leaves what no server names any more", async () => {
  await using world = await copiedWorld();
  flip(world, "a.csv");
  Deno.removeSync(`${world.production.data}/a.csv`);
  await world.publish();
  await world.pass();

  const { code, stderr } = await world.relais("verify", "--repair");

  assertEquals(code, 1);
  assertStringIncludes(
    stderr,
    "Cannot repair a.csv: no server lists the version that was here",
  );
});

Deno.test("relais verify says so where nothing has been copied yet", async () => {
  await using world = await makeWorld();
  const { code, stdout, stderr } = await world.relais("verify");
  assertEquals([code, stdout], [0, ""]);
  assertStringIncludes(stderr, "Nothing has been copied yet");
});
