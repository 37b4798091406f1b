import { assertEquals, assertMatch } from "@std/assert";
import {
  type Cluster,
  type ClusterMember,
  makeCluster,
} from "../../fixtures/cluster/world.ts";
import { testWithPostgres as test } from "../../fixtures/postgres.ts";
import { until } from "../../fixtures/until.ts";
import { treeOf } from "../../fixtures/world.ts";

const nodes = ["r1", "r2"];

/** Long enough for a busy machine, and short enough to wait until it runs out. */
const lease = "10s";

const stays = { "stays.csv": "stays" };

function some(directory: string, count: number): Record<string, string> {
  return Object.fromEntries(
    Array.from(
      { length: count },
      (_, index) => [`${directory}/${index}.csv`, `${directory} ${index}`],
    ),
  );
}

async function publish(
  { world }: Cluster,
  files: Record<string, string> = {},
): Promise<void> {
  world.write(files);
  await world.publish();
}

/** Has the first server withdraw files. */
async function withdraw(cluster: Cluster, ...names: string[]): Promise<void> {
  const { data } = cluster.world.production;
  for (const name of names) {
    Deno.removeSync(`${data}/${name}`, { recursive: true });
  }
  await publish(cluster);
}

function configure(cluster: Cluster, how: string): void {
  for (const { config } of cluster.nodes) {
    const text = Deno.readTextFileSync(config);
    Deno.writeTextFileSync(
      config,
      text.replace(/^delete = .*$/m, `delete = "${how}"`),
    );
  }
}

function textsIn(directory: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(treeOf(directory)).map(([path, { text }]) => [path, text]),
  );
}

/** Paths in the trash, whatever the day, and their contents. */
function trashOf({ into }: Cluster): Record<string, string> {
  const trash = `${into}/.relais/trash`;
  return Object.assign(
    {},
    ...[...Deno.readDirSync(trash)].map(({ name }) =>
      textsIn(`${trash}/${name}`)
    ),
  );
}

function isDirectory(path: string): boolean {
  try {
    return Deno.lstatSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** What is left of claims on the shared file system. */
function claimsIn({ into }: Cluster): string[] {
  return [...Deno.readDirSync(`${into}/.relais/staging`)]
    .map(({ name }) => name);
}

/** Runs passes on a node until nothing but `expected` is here: claims of another one may have to run out first. */
async function passUntil(
  node: ClusterMember,
  cluster: Cluster,
  expected: Record<string, string>,
): Promise<void> {
  const text = JSON.stringify(Object.entries(expected).sort());
  await until(async () => {
    const { exit, errors } = await node.pass();
    assertEquals([exit, errors], [0, []]);
    return JSON.stringify(Object.entries(textsIn(cluster.into)).sort()) ===
      text;
  });
}

/** From now on nodes can remove files, but cannot commit that, until it ends. */
async function holdCommits(
  { postgres }: Cluster,
): Promise<{ end(): Promise<void> }> {
  const sql = postgres.connect();
  await sql.unsafe("BEGIN");
  await sql.unsafe("LOCK TABLE stock.withdrawal IN EXCLUSIVE MODE");
  return {
    async end() {
      await sql.unsafe("ROLLBACK");
      await sql.end();
    },
  };
}

function copiesIn(cluster: Cluster): Promise<unknown[]> {
  return cluster.query("SELECT path FROM copy ORDER BY path");
}

test("what a server withdrew is kept, moved to the trash or removed, whichever node leads", async () => {
  await using cluster = await makeCluster({
    nodes,
    replica: `delete = "keep"\nmax_delete = "100%"`,
  });
  const { into, nodes: [r1, r2] } = cluster;
  const there = (name: string) => isDirectory(`${into}/${name}`);
  await publish(cluster, {
    ...stays,
    ...some("kept", 2),
    ...some("trashed", 2),
    ...some("removed", 2),
  });
  await r1!.pass();

  await withdraw(cluster, "kept");
  const keep = await r2!.pass();
  const isKept = there("kept");
  configure(cluster, "trash");
  await withdraw(cluster, "trashed");
  const trash = await r2!.pass();
  configure(cluster, "remove");
  await withdraw(cluster, "removed");
  const remove = await r1!.pass();
  const nothing = await r2!.pass();

  assertEquals([keep.exit, keep.removed, isKept], [0, 0, true]);
  // What was kept goes, too, from then on.
  assertEquals([trash.exit, trash.removed, trash.errors], [0, 4, []]);
  assertEquals([remove.exit, remove.removed, remove.errors], [0, 2, []]);
  assertEquals([nothing.exit, nothing.removed], [0, 0]);
  assertEquals(textsIn(into), stays);
  assertEquals(trashOf(cluster), { ...some("kept", 2), ...some("trashed", 2) });
  assertEquals(["kept", "trashed", "removed"].map(there), [
    false,
    false,
    false,
  ]);
  assertEquals(claimsIn(cluster), []);
  assertEquals(await copiesIn(cluster), [{ path: "stays.csv" }]);
});

test("more withdrawals than max_delete allows end with exit 5, and go when they are accepted", async () => {
  await using cluster = await makeCluster({
    nodes,
    replica: `delete = "remove"\nmax_delete = 1`,
  });
  const { into, nodes: [r1, r2] } = cluster;
  await publish(cluster, { ...stays, ...some("a", 2) });
  await r1!.pass();
  await withdraw(cluster, "a");
  await publish(cluster, { "new.csv": "new" });

  const refused = await r2!.pass();
  const after = textsIn(into);
  const again = await r1!.pass();
  const accepted = await r2!.pass("--accept-shrink");

  assertEquals([refused.exit, refused.removed, refused.copied], [5, 0, 1]);
  assertMatch(refused.errors.join(), /Refused to delete 2 of 4 files/);
  assertEquals(after, { ...stays, ...some("a", 2), "new.csv": "new" });
  assertEquals([again.exit, again.removed], [5, 0]);
  assertEquals([accepted.exit, accepted.removed], [0, 2]);
  assertEquals(textsIn(into), { ...stays, "new.csv": "new" });
});

test("what is accepted on one node, the node that leads removes", async () => {
  await using cluster = await makeCluster({
    nodes,
    lease,
    replica: `delete = "remove"\nmax_delete = 1`,
    more: `[schedule]\nevery = "2s"`,
  });
  const { into, nodes: [r1, r2] } = cluster;
  await publish(cluster, { ...stays, ...some("a", 2) });
  const leader = r1!.start();
  await until(() => cluster.isCopied);
  await withdraw(cluster, "a");

  const { exit, removed } = await r2!.pass("--accept-shrink");
  await until(() => Object.keys(textsIn(into)).length === 1);
  leader.kill("SIGTERM");
  await leader.status;

  assertEquals([exit, removed], [0, 0]);
  assertEquals(textsIn(into), stays);
});

test("a directory takes the place of a file in one pass", async () => {
  await using cluster = await makeCluster({
    nodes,
    replica: `delete = "remove"\nmax_delete = "100%"`,
  });
  const { into, nodes: [r1, r2] } = cluster;
  await publish(cluster, { ...stays, "a": "a file" });
  await r1!.pass();
  Deno.removeSync(`${cluster.world.production.data}/a`);
  await publish(cluster, { "a/b.csv": "in a directory" });

  const { exit, removed, copied, errors } = await r2!.pass();

  assertEquals([exit, removed, copied, errors], [0, 1, 1, []]);
  assertEquals(textsIn(into), { ...stays, "a/b.csv": "in a directory" });
});

test("what a node that was killed has removed, another one commits, and each file is in the trash once", async () => {
  await using cluster = await makeCluster({
    nodes,
    lease,
    replica: `delete = "trash"\nmax_delete = "100%"`,
  });
  const { into, nodes: [r1, r2] } = cluster;
  await publish(cluster, { ...stays, ...some("a", 30) });
  await r2!.pass();
  await withdraw(cluster, "a");

  const hold = await holdCommits(cluster);
  const killed = r1!.start("--once");
  await until(() => Object.keys(textsIn(into)).length === 1);
  killed.kill("SIGKILL");
  await killed.status;
  await hold.end();
  const uncommitted = (await copiesIn(cluster)).length;
  await until(async () => {
    const { exit, errors } = await r2!.pass();
    assertEquals([exit, errors], [0, []]);
    return (await copiesIn(cluster)).length === 1;
  });

  assertEquals(uncommitted, 31);
  assertEquals(textsIn(into), stays);
  assertEquals(trashOf(cluster), some("a", 30));
  assertEquals(isDirectory(`${into}/a`), false);
  assertEquals(claimsIn(cluster), []);
});

test("a node that stood still while it removed files removes none that came again meanwhile", async () => {
  await using cluster = await makeCluster({
    nodes,
    lease,
    replica: `delete = "remove"\nmax_delete = "100%"`,
  });
  const { into, nodes: [r1, r2] } = cluster;
  const files = { ...stays, ...some("a", 300) };
  await publish(cluster, files);
  await r2!.pass();
  await withdraw(cluster, "a");
  const inodes = () =>
    Object.keys(textsIn(into)).map((path) =>
      Deno.lstatSync(`${into}/${path}`).ino
    );

  const hold = await holdCommits(cluster);
  const stopped = r1!.start("--once");
  await until(async () =>
    (await cluster.query("SELECT 1 FROM claim WHERE removes")).length > 0
  );
  stopped.kill("SIGSTOP");
  await hold.end();
  await passUntil(r2!, cluster, stays);
  await publish(cluster, files);
  await passUntil(r2!, cluster, files);
  const before = inodes();
  stopped.kill("SIGCONT");
  await stopped.status;
  const { exit, copied, removed } = await r2!.pass();

  assertEquals([exit, copied, removed], [0, 0, 0]);
  assertEquals(inodes(), before);
  assertEquals(textsIn(into), files);
  assertEquals(claimsIn(cluster), []);
});
