import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import {
  type HostileWorld,
  makeHostileWorld,
} from "../../fixtures/hostile-world.ts";

const nimble = `[probe]\nfall = 1\nrise = 1\nhold = "0s"\ntimeout = "3s"`;

/** A world in which production and backup have other contents of one file. */
async function conflictingWorld(
  mtimes: { production?: string; backup?: string } = {},
): Promise<HostileWorld> {
  const world = await makeHostileWorld({
    backup: true,
    more: nimble,
    resident: true,
  });
  const { production = "1700000000.5", backup = "1700000000.5" } = mtimes;
  world.production.write({ "a.csv": "of production\n" });
  world.production.list({
    seq: 1,
    path: "a.csv",
    text: "of production\n",
    mtime: production,
  });
  world.backup.write({ "a.csv": "of backup\n", "b.csv": "more\n" });
  world.backup.list(
    { seq: 1, path: "a.csv", text: "of backup\n", mtime: backup },
    { seq: 2, path: "b.csv", text: "more\n" },
  );
  return world;
}

/** The digest of a text, as a list has it. */
function digestOf(text: string): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

Deno.test("other contents of the same date on backup are told with both digests, and do not replace what is here", async () => {
  await using world = await conflictingWorld();
  await world.pass();
  await world.stopProduction();

  const { exit, server, errors } = await world.pass();

  assertEquals([exit, server], [5, "backup"]);
  assertEquals(world.here(), { "a.csv": "of production\n", "b.csv": "more\n" });
  assertStringIncludes(
    errors.join(),
    "no rule decides which server has the newer version of a.csv",
  );
  await world.end();
  const log = await Deno.readTextFile(world.log);
  assertStringIncludes(log, "a.csv differs on two servers");
  assertStringIncludes(log, "production: 14 bytes, sha256:");
  assertStringIncludes(log, "backup: 10 bytes, sha256:");
});

Deno.test("relais why tells both digests of a conflict", async () => {
  await using world = await conflictingWorld();
  await world.pass();
  await world.stopProduction();
  await world.pass();

  const { stdout } = await world.relais("why", "a.csv");

  const [here, production, backup] = stdout.split("\n");
  assertMatch(
    here!,
    new RegExp(`is here: .* ${digestOf("of production\n")}\\)`),
  );
  assertMatch(production!, new RegExp(` ${digestOf("of production\n")}\\)`));
  assertMatch(backup!, new RegExp(` ${digestOf("of backup\n")}\\)`));
});

Deno.test("other contents of the same date do not go to and fro between two servers", async () => {
  await using world = await conflictingWorld();
  const seen: [string | null, number, string | undefined][] = [];
  for (let round = 0; round < 2; round++) {
    for (const production of [true, false]) {
      if (production && round > 0) await world.startProduction();
      if (!production) await world.stopProduction();
      const { server, copied } = await world.pass();
      seen.push([server, copied, world.here()["a.csv"]]);
    }
  }

  const text = "of production\n";
  assertEquals(seen, [
    ["production", 1, text],
    ["backup", 1, text],
    ["production", 0, text],
    ["backup", 0, text],
  ]);
});

Deno.test("a newer file of backup replaces what is here, and stays when production is back", async () => {
  await using world = await conflictingWorld({ backup: "1700000001.5" });
  await world.pass();
  await world.stopProduction();
  await world.pass();
  await world.startProduction();

  const { server, exit } = await world.pass();

  assertEquals([server, exit], ["production", 0]);
  assertEquals(world.here(), { "a.csv": "of backup\n", "b.csv": "more\n" });
});

Deno.test("a conflict ends with a new version of either server", async () => {
  await using world = await conflictingWorld();
  await world.pass();
  await world.stopProduction();
  await world.pass();
  await world.startProduction();
  world.production.write({ "a.csv": "agreed\n" });
  world.production.append({
    seq: 2,
    path: "a.csv",
    text: "agreed\n",
    mtime: "1700000002.5",
  });

  const { exit } = await world.pass();

  assertEquals([exit, world.here()["a.csv"]], [0, "agreed\n"]);
});
