/**
 * What one process must not remember from one pass to the next, and what it must
 * not leave open.
 */

import { DatabaseSync } from "node:sqlite";
import { assertEquals } from "@std/assert";
import type { Sshd } from "../../fixtures/sshd.ts";
import { until } from "../../fixtures/until.ts";
import { makeWorld, nimble, treeOf, type World } from "../../fixtures/world.ts";
import { loadConfig, requireReplica } from "../../lib/config/load.ts";
import { Replica } from "../../lib/supervisor/replica.ts";

const never = new AbortController().signal;

/** A replica that runs pass after pass in this process. */
async function openReplica(world: World): Promise<Replica> {
  const config = requireReplica(await loadConfig(world.config));
  return await Replica.open(config, {
    dryRun: false,
    stderr: null,
    journal: false,
  });
}

/** Makes the state refuse that a file is here, as a full disk does, until disposed of. */
function refuseCommits(world: World): Disposable {
  const state = `${world.state}/relais.db`;
  const run = (sql: string) => {
    const db = new DatabaseSync(state, { timeout: 10_000 });
    db.exec(sql);
    db.close();
  };
  run(
    "CREATE TRIGGER refuse BEFORE INSERT ON copy BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END",
  );
  return { [Symbol.dispose]: () => run("DROP TRIGGER refuse") };
}

Deno.test("a file whose commit failed is found by the next pass of the same process, and no lagging backup replaces it", async () => {
  await using world = await makeWorld({
    servers: ["production", "backup"],
    more: nimble,
  });
  world.write({ "seed.csv": "1" });
  await world.publish();
  world.write({ "d/a.csv": "older" }, world.backup);
  Deno.utimeSync(`${world.backup.data}/d/a.csv`, 1_600_000_000, 1_600_000_000);
  await world.publish(world.backup);
  await using replica = await openReplica(world);
  await replica.pass(never);

  world.write({ "d/a.csv": "newer" });
  await world.publish();
  const failing = await (async () => {
    using _refusal = refuseCommits(world);
    return await replica.pass(never);
  })();
  await world.production.sshd.stop();
  const { report } = await replica.pass(never);

  assertEquals([failing.report.exit, report.server], [4, "backup"]);
  assertEquals(treeOf(world.into)["d/a.csv"]!.text, "newer");
});

Deno.test("no session is left open by passes whose server has a list that cannot be used", async () => {
  await using world = await makeWorld({
    servers: ["production", "backup"],
    more: `${nimble}\nkeep = false`,
  });
  world.write({ "a.csv": "1" });
  await world.publish();
  // A line that does not end: a probe does not see it.
  Deno.truncateSync(`${world.production.root}/.relais/list`, 20_000_000);
  await world.publish(world.backup);
  await using replica = await openReplica(world);
  const { sshd } = world.production;

  for (let pass = 0; pass < 3; pass++) {
    const { report } = await replica.pass(never);
    assertEquals([report.server, report.exit], ["backup", 0]);
    await until(() => sshd.sessions === 0);
  }

  await world.backup.sshd.stop();
  assertEquals((await replica.pass(never)).report.exit, 3);
  await until(() => sshd.sessions === 0);
});

/** Logins that a server has seen so far. */
function loginsAt({ log }: Sshd): number {
  return log.split("\n").filter((line) => line.startsWith("Accepted publickey"))
    .length;
}

Deno.test("a loop logs in to each server once, and once more where a session was cut", async () => {
  await using world = await makeWorld({
    servers: ["production", "backup"],
    more: nimble,
  });
  world.write({ "a.csv": "1" });
  await world.publish();
  await world.publish(world.backup);
  await using replica = await openReplica(world);
  const { production, backup } = world;
  const logins = () => [production, backup].map(({ sshd }) => loginsAt(sshd));

  for (const text of ["1", "22", "333"]) {
    world.write({ "a.csv": text });
    await world.publish();
    const { report } = await replica.pass(never);
    assertEquals([report.server, report.exit], ["production", 0]);
  }
  assertEquals(logins(), [1, 1]);
  assertEquals(treeOf(world.into)["a.csv"]!.text, "333");

  // Both are still up: a session that is dead is no reason to leave a server.
  production.sshd.killSessions();
  const after = await replica.pass(never);
  assertEquals([after.report.server, after.report.exit], ["production", 0]);
  assertEquals(logins(), [2, 1]);
});

Deno.test("sessions that a NAT has forgotten are found dead by the probe alone, and no server is left for it", async () => {
  await using world = await makeWorld({
    servers: ["production", "backup"],
    // No other limit helps out, and one bad probe would be enough to leave.
    more: `${nimble}
[limits]
connect = "1h"
handshake = "1h"
keepalive = "1h"
request = "1h"`,
  });
  const links = world.servers.map((server) => world.link(server));
  for (const server of world.servers) {
    world.write({ "a.csv": "1" }, server);
    await world.publish(server);
  }
  await using replica = await openReplica(world);
  await replica.pass(never);

  for (const link of links) link.forget();
  world.write({ "a.csv": "22" });
  await world.publish();
  const { report, probed } = await replica.pass(never);

  assertEquals([report.server, report.copied, report.exit], [
    ...["production", 1, 0],
  ]);
  assertEquals(probed.probes.map(({ verdict }) => verdict), ["up", "up"]);
  assertEquals(
    world.servers.map(({ sshd }) => loginsAt(sshd)),
    [2, 2],
  );
});

Deno.test("a server that stands still behind an open session is left, and found again", async () => {
  await using world = await makeWorld({
    servers: ["production", "backup"],
    more: nimble,
  });
  world.write({ "a.csv": "1" });
  await world.publish();
  world.write({ "a.csv": "1" }, world.backup);
  await world.publish(world.backup);
  await using replica = await openReplica(world);
  const { sshd } = world.production;
  await replica.pass(never);

  sshd.freeze();
  const frozen = await replica.pass(never);
  sshd.thaw();
  const thawed = await replica.pass(never);

  assertEquals(
    [frozen, thawed].map(({ report: { server, exit } }) => [server, exit]),
    [["backup", 0], ["production", 0]],
  );
});
