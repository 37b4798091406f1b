import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { until } from "../../fixtures/until.ts";
import { makeWorld, type World } from "../../fixtures/world.ts";
import { loadConfig, requireReplica } from "../../lib/config/load.ts";
import { ModuleError, RelaisError } from "../../lib/errors.ts";
import { readState } from "../../lib/state/database.ts";
import { lastPasses } from "../../lib/state/history.ts";
import { replicaPlans } from "../../lib/supervisor/plans.ts";
import { Replica, type ReplicaOptions } from "../../lib/supervisor/replica.ts";

const silent = { dryRun: false, stderr: null, journal: false } as const;
const never = new AbortController().signal;

/** A replica in which one module is run from another file. */
async function replicaWith(
  world: World,
  module: string,
  options: Partial<ReplicaOptions> = {},
  name: "test-server" | "connection" | "transport" = "test-server",
) {
  const config = requireReplica(await loadConfig(world.config));
  const plan = replicaPlans(config, silent)[name];
  const url = new URL(`../../fixtures/modules/${module}.ts`, import.meta.url);
  return await Replica.open(config, {
    ...silent,
    plans: { [name]: { ...plan, url } },
    ...options,
  });
}

Deno.test("Replica.pass() ends with a ModuleError when a module dies", async () => {
  await using world = await makeWorld();
  await using replica = await replicaWith(world, "throwing");

  const error = await assertRejects(() => replica.pass(never), ModuleError);

  assertStringIncludes(error.message, "test-server");
  assertStringIncludes(error.message, "a bug");
  assertEquals(error.exitStatus, 1);
});

Deno.test("Replica.pass() ends with a ModuleError when a module dies that another one waits for", async () => {
  await using world = await makeWorld();
  await using replica = await replicaWith(world, "throwing", {}, "connection");

  const error = await assertRejects(() => replica.pass(never), ModuleError);

  assertStringIncludes(
    error.message,
    "test-server: it needs module connection, but it died",
  );
  assertStringIncludes(error.message, "a bug");
});

Deno.test("Replica.pass() that is stopped before it begins says so, and does nothing", async () => {
  await using world = await makeWorld();
  const config = requireReplica(await loadConfig(world.config));
  await using replica = await Replica.open(config, silent);

  const { report, failures } = await replica.pass(AbortSignal.abort());

  assertEquals(report.server, null);
  assertEquals(report.copied, 0);
  assertEquals(failures.map(({ name }) => name), ["StoppedError"]);
});

Deno.test("Replica.pass() replaces a module that died in the pass before", async () => {
  await using world = await makeWorld();
  await using replica = await replicaWith(world, "throwing");

  for (let pass = 0; pass < 3; pass++) {
    await assertRejects(() => replica.pass(never), ModuleError, "a bug");
  }

  await replica[Symbol.asyncDispose]();
  const log = await Deno.readTextFile(
    `${world.directory}/replica/log/relais.log`,
  );
  assertEquals(log.match(/module test-server was replaced/g)?.length, 2);
});

Deno.test("Replica.pass() replaces transport, and those who need it, when it died", async () => {
  await using world = await makeWorld({ transport: "openssh" });
  await using replica = await replicaWith(world, "throwing", {}, "transport");

  for (let pass = 0; pass < 2; pass++) {
    await assertRejects(
      () => replica.pass(never),
      ModuleError,
      "it needs module transport, but it died: Uncaught Error: a bug",
    );
  }

  await replica[Symbol.asyncDispose]();
  const log = await Deno.readTextFile(
    `${world.directory}/replica/log/relais.log`,
  );
  assertEquals(log.match(/module transport was replaced/g)?.length, 1);
  assertEquals(log.match(/module connection was replaced/g)?.length, 1);
});

Deno.test("a log that died tells so when it is replaced", async () => {
  await using world = await makeWorld();
  const config = requireReplica(await loadConfig(world.config));
  const sound = replicaPlans(config, silent).log;
  const url = new URL("../../fixtures/modules/throwing.ts", import.meta.url);
  const plan = { ...sound, url };
  await using replica = await Replica.open(config, {
    ...silent,
    plans: { log: plan },
  });
  plan.url = sound.url;

  await until(async () => {
    await replica.pass(never);
    return /supervisor \S+ module log was replaced: it died: .*a bug/.test(
      await Deno.readTextFile(config.log.file),
    );
  });
});

Deno.test("a pass that a module's death ended is in the history, and told of once", async () => {
  await using world = await makeWorld();
  const told = `${world.directory}/told`;
  world.configure({
    more: `[hooks]\non_error = ["sh", "-c", "cat >> ${told}"]`,
  });
  await using replica = await replicaWith(world, "throwing");

  for (let pass = 0; pass < 2; pass++) {
    await assertRejects(() => replica.pass(never), ModuleError, "a bug");
  }

  const [notice, ...more] = (await Deno.readTextFile(told)).trim().split("\n");
  const { event, condition, errors } = JSON.parse(notice!);
  assertEquals([event, condition, more], ["error", "exit:1", []]);
  assertStringIncludes(errors[0], "a bug");
  using db = readState(world.state)!;
  const passes = lastPasses(db, 5);
  assertEquals(passes.map(({ exit, server }) => [exit, server]), [
    [1, null],
    [1, null],
  ]);
  assertEquals(passes[0]!.errors, errors);
});

Deno.test("Replica.pass() gives up a module that does not answer, and says so", async () => {
  await using world = await makeWorld();
  await using replica = await replicaWith(world, "hanging", {
    silenceMs: 1_500,
  });

  await assertRejects(
    () => replica.pass(never),
    ModuleError,
    "does not answer",
  );

  await replica[Symbol.asyncDispose]();
  const log = await Deno.readTextFile(
    `${world.directory}/replica/log/relais.log`,
  );
  assertStringIncludes(log, "module test-server does not answer");
});

Deno.test("replicaPlans() gives each module no more than it needs", async () => {
  await using world = await makeWorld();
  const plans = replicaPlans(
    requireReplica(await loadConfig(world.config)),
    silent,
  );

  const granted = Object.fromEntries(
    Object.entries(plans).map(([name, { permissions }]) => [
      name,
      Object.entries(permissions)
        .filter(([, grant]) =>
          grant !== false && !(Array.isArray(grant) && grant.length === 0)
        )
        .map(([kind]) => kind).sort(),
    ]),
  );

  assertEquals(granted, {
    "test-server": ["read", "write"],
    "synchro-list": ["read", "sys", "write"],
    "copy-list": ["read", "run", "sys", "write"],
    "connection": ["net", "read"],
    "transport": [],
    "stat": ["read", "write"],
    "log": ["read", "write"],
  });
  const { read, net } = plans["connection"].permissions;
  assert(Array.isArray(read) && !read.includes(world.into));
  assertEquals(net, [`127.0.0.1:${world.production.sshd.port}`]);
});

Deno.test("Replica.open() says what is wrong with a key that others can read, before it connects", async () => {
  await using world = await makeWorld();
  const { identity } = world.production.sshd.serverConfig("production", "/");
  await Deno.chmod(identity!, 0o644);
  await world.production.sshd.stop();

  const config = requireReplica(await loadConfig(world.config));
  const error = await assertRejects(
    () => Replica.open(config, silent),
    RelaisError,
  );

  assertEquals(error.exitStatus, 2);
  assertStringIncludes(error.message, "others can read it");
});
