import { assert, assertEquals } from "@std/assert";
import {
  makeWorld,
  nimble,
  type Report,
  treeOf,
  type World,
  type WorldServer,
} from "../../fixtures/world.ts";

const entries = 20_000;

/** Of so many entries, one is of a file that is here. */
const apart = entries / 5;

/** A list of many files, of which the export holds those below `here`. */
function longList(generation = "long-1", from = ""): string {
  const lines = [
    `relais-list\t1\t${generation}\t1795000000\n#writer production\n${from}`,
  ];
  for (let seq = 1; seq <= entries; seq++) {
    const name = seq % apart === 0 ? "here" : "elsewhere";
    lines.push(
      `${seq}\t+\t1795000000\t1790000000\t2\t0644\t-\t${name}/${seq}.csv\n`,
    );
  }
  return lines.join("");
}

function listOf({ root }: WorldServer): string {
  return `${root}/.relais/list`;
}

/** Two servers that have the same files and the same list, as relays of one production have. */
async function sameWorld(list = longList()): Promise<World> {
  const world = await makeWorld({
    servers: ["near", "far"],
    replica: `include = ["here/**"]`,
    more: nimble,
  });
  for (const server of world.servers) {
    Deno.mkdirSync(`${server.root}/.relais`);
    Deno.mkdirSync(`${server.root}/here`);
    for (let seq = apart; seq <= entries; seq += apart) {
      const path = `${server.root}/here/${seq}.csv`;
      Deno.writeTextFileSync(path, "1\n");
      Deno.utimeSync(path, 1_790_000_000, 1_790_000_000);
    }
    Deno.writeTextFileSync(listOf(server), list);
  }
  return world;
}

function came({ server, copied, exit }: Report) {
  return { server, copied, exit };
}

Deno.test(`a list of ${entries} entries is read from one of two servers that have it, and a switch costs next to nothing`, async () => {
  await using world = await sameWorld();
  const { length } = longList();

  const first = await world.pass();
  const quiet = await world.pass();
  await world.production.sshd.stop();
  const switched = await world.pass();
  const after = await world.pass();

  assertEquals([first, switched].map(came), [
    { server: "near", copied: 5, exit: 0 },
    { server: "far", copied: 0, exit: 0 },
  ]);
  assert(first.wire_bytes < 1.1 * length, `${first.wire_bytes} of ${length}`);
  // To log in takes more.
  const cost = switched.wire_bytes - after.wire_bytes;
  assert(cost < 2_048, `${cost}`);
  assert(switched.wire_bytes < quiet.wire_bytes, `${switched.wire_bytes}`);
});

Deno.test("what the second server has more is read from where the list of the first ends", async () => {
  await using world = await sameWorld();
  const { production: near, backup: far } = world;
  const more = `${
    entries + 1
  }\t+\t1795000001\t1790000000\t2\t0644\t-\there/new.csv\n`;
  Deno.writeTextFileSync(listOf(far), more, { append: true });
  Deno.writeTextFileSync(`${far.root}/here/new.csv`, "2\n");
  Deno.utimeSync(`${far.root}/here/new.csv`, 1_790_000_000, 1_790_000_000);
  const { wire_bytes } = await world.pass();
  await near.sshd.stop();

  const switched = await world.pass();

  assert(wire_bytes < 1.1 * longList().length, `${wire_bytes}`);
  assertEquals(came(switched), { server: "far", copied: 1, exit: 0 });
  assertEquals(Object.keys(treeOf(world.into)).length, 6);
});

Deno.test("a list that was rewritten is read from one server, too; one of the same name that is another is read whole", async () => {
  await using world = await sameWorld();
  await world.pass();
  const from = `#from long-1 ${entries}\n#carried ${entries}\n`;
  const rewritten = longList("long-2", from);
  for (const server of world.servers) {
    Deno.writeTextFileSync(listOf(server), rewritten);
  }
  const once = await world.pass();
  const longer = longList("long-3", `#from long-2 ${entries}\n`);
  Deno.writeTextFileSync(listOf(world.production), longer);
  Deno.writeTextFileSync(
    listOf(world.backup),
    longer.replaceAll("\t0644\t", "\t0640\t"),
  );
  const twice = await world.pass();

  assertEquals([once, twice].map(came), [
    { server: "near", copied: 0, exit: 0 },
    { server: "near", copied: 0, exit: 0 },
  ]);
  const { length } = rewritten;
  assert(once.wire_bytes < 1.1 * length, `${once.wire_bytes} of ${length}`);
  assert(twice.wire_bytes > 1.8 * length, `${twice.wire_bytes} of ${length}`);
});
