import { assertEquals, assertMatch } from "@std/assert";
import { makeWorld, nimble } from "../../fixtures/world.ts";

Deno.test("relais why says why a file is here, waits, is left out, failed, or is unknown", async () => {
  await using world = await makeWorld({
    servers: ["production", "backup"],
    replica: `exclude = ["*.tmp"]`,
    more: nimble,
  });
  const why = async (path: string, ...args: string[]) => {
    const { code, stdout, stderr } = await world.relais("why", path, ...args);
    assertEquals(stderr, "");
    return { code, stdout };
  };

  const before = await why("a.csv");
  world.write({ "a.csv": "1", "b.tmp": "2", "c.csv": "3", "gone.csv": "4" });
  await world.publish();
  await Deno.remove(`${world.production.root}/c.csv`);
  await world.pass();
  const here = await why("a.csv");
  const absolute = await why(`${world.into}/a.csv`);
  const relative = await why("./a.csv");
  const left = await why("b.tmp");
  const failed = await why("c.csv");
  const unknown = await why("x.csv");
  await Deno.remove(`${world.production.data}/gone.csv`);
  await world.publish();
  await world.pass();
  const gone = await why("gone.csv");
  const json = await why("a.csv", "--json");

  assertEquals(
    before,
    {
      code: 1,
      stdout:
        `a.csv is not here.\nNo server lists this path. Check the spelling ("relais list --config ${world.config}") and that publish.files covers it.\nNo server is active: no pass has run yet.\n`,
    },
  );
  assertEquals([here.code, absolute, relative], [0, here, here]);
  assertMatch(
    here.stdout,
    /^a.csv is here: the version of \S+ \(1 B\), from production, since .*\.\nproduction lists the version of .* \(1 B\), published .*: this version is on the replica\.\nproduction is the active server: .*\.\n$/,
  );
  assertEquals(left.code, 1);
  assertMatch(
    left.stdout,
    /^b.tmp is not here\.\nproduction lists .*: replica.include and replica.exclude exclude it\.$/m,
  );
  assertMatch(
    failed.stdout,
    /^c.csv is not here\.\nproduction lists .*: the next pass from there fetches it\.\nIt could not be copied last time: .*c.csv/m,
  );
  assertMatch(
    unknown.stdout,
    /^x.csv is not here\.\nNo server lists this path/,
  );
  assertMatch(
    gone.stdout,
    /^gone.csv is here: .*\nproduction has withdrawn it: no other server brings it back; .*\.$/m,
  );
  const { path, active, here: copy, named } = JSON.parse(json.stdout);
  assertEquals([path, active, copy.server, copy.size], [
    ...["a.csv", "production", "production", 1],
  ]);
  assertEquals(
    named.map(({ standing }: { standing: string }) => standing),
    ["here"],
  );
});
