import { assertEquals } from "@std/assert";
import { constants, openSync } from "node:fs";
import type { Deed } from "../../fixtures/modules/trespassing.ts";
import { relais } from "../../fixtures/relais.ts";
import { makeWorld, type World } from "../../fixtures/world.ts";
import {
  loadConfig,
  requirePublish,
  requireReplica,
} from "../../lib/config/load.ts";
import { publishPlans, replicaPlans } from "../../lib/supervisor/plans.ts";
import { limitsFor, placesOf } from "../../lib/status/job.ts";
import { servePermissions } from "../../lib/supervisor/serving.ts";

const trespassing = new URL(
  "../../fixtures/modules/trespassing.ts",
  import.meta.url,
);

/** Lets a worker with these permissions try all; returns what it could do. */
async function trespass(
  permissions: Deno.PermissionOptionsObject,
  deeds: readonly Deed[],
): Promise<string[]> {
  const worker = new Worker(trespassing, {
    type: "module",
    deno: { permissions },
  });
  const { promise, resolve, reject } = Promise.withResolvers<string[]>();
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new Error(event.message));
  };
  worker.postMessage(deeds);
  try {
    return await promise;
  } finally {
    worker.terminate();
  }
}

/** Where nothing is that relais knows of, and where the database of a cluster may be. */
interface Ports {
  readonly elsewhere: number;
  readonly database: number;
}

function deed(kind: Deed["kind"], target: string, name: string): Deed {
  return { kind, target, name: `${kind} ${name}` };
}

/** Opens a directory. Every worker shares what the process holds open. */
function hold(directory: string): number {
  return openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
}

/** What no module may do, and what only some may. */
function deedsIn(world: World, { elsewhere, database }: Ports): Deed[] {
  const { state, into, directory, production, config } = world;
  const { identity } = production.sshd.serverConfig("production", "/");
  const held = hold(directory);
  return [
    deed("read", `${state}/relais.db`, "state"),
    deed("write", `${state}/relais.db`, "state"),
    deed("write", `${state}/lock`, "lock"),
    deed("make", `${state}/else`, "in state"),
    deed("write", `${state}/stat.json`, "figures"),
    deed("write", `${directory}/replica/log/relais.log`, "log"),
    deed("write", `${directory}/replica/relais.prom`, "metrics"),
    deed("make", `${directory}/replica/else`, "beside all"),
    deed("write", config, "configuration"),
    deed("write", `${into}/a.csv`, "copy"),
    deed("read", `${into}/a.csv`, "copy"),
    deed("list", `${state}/fd`, "descriptors"),
    deed("make", `${state}/fd/${held}/outside`, "through descriptor"),
    deed("read", "/proc/self/environ", "/proc"),
    deed("list", "/proc/self/fd", "/proc"),
    deed("read", "/etc/passwd", "/etc"),
    deed("read", identity!, "key"),
    deed("write", identity!, "key"),
    deed("run", "sync", "sync"),
    deed("run", "sh", "sh"),
    deed("run", "/usr/bin/ssh", "ssh"),
    deed("connect", String(production.sshd.port), "server"),
    deed("connect", String(elsewhere), "elsewhere"),
    deed("connect", String(database), "database"),
    deed("read", `${directory}/password`, "password"),
    deed("listen", "", "anywhere"),
    deed("env", "HOME", "HOME"),
  ];
}

/** What each module could do; `cluster` returns tables for a database at a port. */
async function doneIn(
  world: World,
  cluster: (port: number) => string = () => "",
): Promise<Record<string, string[]>> {
  const prometheus = `${world.directory}/replica/relais.prom`;
  const figures = `[stat]\nprometheus = "${prometheus}"\n`;
  world.configure({ more: figures });
  Deno.writeTextFileSync(`${world.directory}/password`, "test only");
  world.write({ "a.csv": "1" });
  await world.publish();
  await world.pass();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using database = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const portOf = ({ addr }: Deno.Listener) => (addr as Deno.NetAddr).port;
  const deeds = deedsIn(world, {
    elsewhere: portOf(listener),
    database: portOf(database),
  });
  world.configure({ more: figures + cluster(portOf(database)) });
  const config = requireReplica(await loadConfig(world.config));
  const plans = replicaPlans(config, {
    dryRun: false,
    stderr: null,
    journal: false,
  });
  const granted = {
    ...Object.fromEntries(
      Object.entries(plans).map(([name, plan]) => [name, plan.permissions]),
    ),
    serve: servePermissions({ hostname: "127.0.0.1", port: 1 }, [{
      name: null,
      places: placesOf(config),
      limits: limitsFor(config.schedule.everyMs, {}),
      log: config.log.file,
    }]),
  };

  const done: Record<string, string[]> = {};
  for (const [name, permissions] of Object.entries(granted)) {
    done[name] = await trespass(permissions, deeds);
  }

  return done;
}

/** What is the same however servers are reached. */
const ofOthers = {
  "test-server": ["read state", "write state"],
  "synchro-list": ["read state", "write state"],
  "copy-list": [
    ...["write copy", "read copy"],
    ...["list descriptors", "make through descriptor", "run sync"],
  ],
  "stat": ["read state", "write state", "write figures", "write metrics"],
  "log": ["write log"],
  "serve": ["read state", "read copy"],
};

Deno.test("no module can do what is another one's business", async () => {
  await using world = await makeWorld({ transport: "ssh2" });

  assertEquals(await doneIn(world), {
    ...ofOthers,
    "connection": ["read key", "connect server"],
    "transport": [],
  });
});

Deno.test("where ssh reaches the servers, no module that parses has a network or a key", async () => {
  await using world = await makeWorld({ transport: "openssh" });

  assertEquals(await doneIn(world), {
    ...ofOthers,
    "connection": [],
    "transport": ["run ssh"],
  });
});

Deno.test("where nodes share a replica, the module of the list reaches the database, and no other does", async () => {
  await using world = await makeWorld({ transport: "ssh2" });

  assertEquals(
    await doneIn(world, (port) =>
      `[cluster]
database = "postgres://relais@127.0.0.1:${port}/relais"
password_file = "${world.directory}/password"
ca = "${world.directory}/ca.pem"
name = "stock"`),
    {
      ...ofOthers,
      "connection": ["read key", "connect server"],
      "transport": [],
      "synchro-list": [
        ...["read state", "write state"],
        ...["connect database", "read password"],
      ],
    },
  );
});

/** The same for a publisher. */
function deedsOfPublisher({ production }: World): Deed[] {
  const { data, root, config, sshd } = production;
  const own = `${root}/.relais`;
  const beside = root.slice(0, root.lastIndexOf("/"));
  const held = hold(beside);
  return [
    deed("read", `${data}/a.csv`, "source"),
    deed("write", `${data}/a.csv`, "source"),
    deed("write", `${root}/a.csv`, "export"),
    deed("write", `${own}/list`, "list"),
    deed("make", `${root}/else`, "in export"),
    deed("make", `${beside}/else`, "beside export"),
    deed("write", config, "configuration"),
    deed("read", `${own}/relais.db`, "history"),
    deed("write", `${own}/stat.json`, "figures"),
    deed("write", `${beside}/publish.log`, "log"),
    deed("list", `${own}/fd`, "descriptors"),
    deed("make", `${own}/fd/${held}/outside`, "through descriptor"),
    deed("read", "/proc/self/environ", "/proc"),
    deed("read", "/etc/passwd", "/etc"),
    deed("run", "sync", "sync"),
    deed("run", "sh", "sh"),
    deed("connect", String(sshd.port), "server"),
    deed("listen", "", "anywhere"),
    deed("env", "HOME", "HOME"),
  ];
}

Deno.test("the modules of a publisher write to the export and their own files, and reach no network", async () => {
  await using world = await makeWorld();
  world.write({ "a.csv": "1" });
  const { config: path } = world.production;
  await relais(["publish", "--once", "--config", path]);
  const plans = publishPlans(requirePublish(await loadConfig(path)), {
    dryRun: false,
    stderr: null,
    journal: false,
  });
  const deeds = deedsOfPublisher(world);

  const done: Record<string, string[]> = {};
  for (const [name, { permissions }] of Object.entries(plans)) {
    done[name] = await trespass(permissions, deeds);
  }

  assertEquals(done, {
    "publish": [
      ...["read source", "write export", "write list", "make in export"],
      ...["read history", "write figures"],
      ...["list descriptors", "make through descriptor", "run sync"],
    ],
    "stat": ["read history", "write figures"],
    "log": ["write log"],
  });
});
