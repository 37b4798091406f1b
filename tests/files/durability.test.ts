import { assert, assertEquals } from "@std/assert";
import { type Call, canTrace, trace } from "../../fixtures/strace.ts";
import { makeWorld, relais, treeOf } from "../../fixtures/world.ts";

const writing = ["write", "pwrite64", "chmod", "fchmod", "utimensat"];
const traced = [...writing, "rename", "unlink", "syncfs", "fsync", "fdatasync"];

/** The calls of these names that concern a path. */
function concerning(
  calls: readonly Call[],
  path: string,
  ...names: readonly string[]
): Call[] {
  return calls.filter(({ name, text }) =>
    names.includes(name) && text.includes(path)
  );
}

/** Asserts that each group of calls is over before the next one begins, and that none is empty. */
function assertOrder(groups: Readonly<Record<string, readonly Call[]>>): void {
  let before = { name: "the start", ended: -1 };
  for (const [name, calls] of Object.entries(groups)) {
    assert(calls.length > 0, `${name}: no such call`);
    const began = Math.min(...calls.map((call) => call.began));
    assert(before.ended < began, `${name} began before ${before.name} ended`);
    before = { name, ended: Math.max(...calls.map(({ ended }) => ended)) };
  }
}

const files = {
  "a.csv": "a",
  "b/c.csv": "c".repeat(5_000),
  "large.bin": "large".repeat(100_000),
};

/** A staged file, below a directory that is held open. */
const fromStaging = /"[^"]*\/fd\/\d+\/[0-9a-f]{40}"/;

Deno.test({
  name:
    "a pass stages, makes durable, renames, makes durable, and only then commits",
  ignore: !canTrace(),
  async fn() {
    await using world = await makeWorld({ level: "error" });
    world.write(files);
    await world.publish();

    const { end, calls } = await trace(
      ["--once", "--config", world.config],
      traced,
    );

    assertEquals(end.code, 0, end.stderr);
    const own = `${world.into}/.relais`;
    const staging = `${own}/staging/`;
    const [first, second, ...more] = concerning(calls, world.into, "syncfs");
    assertEquals(more, []);
    const placed = calls.filter(({ name, text }) =>
      name === "rename" && fromStaging.test(text)
    );
    assertEquals(placed.length, 3);
    const wal = `${world.state}/relais.db-wal`;
    const after = calls.filter(({ began }) => began > placed[0]!.began);
    const committed = concerning(after, wal, "pwrite64", "fsync");
    const commit = committed.findIndex(({ name }) => name === "fsync") + 1;
    assertOrder({
      "staging": [
        ...concerning(calls, staging, ...writing),
        ...concerning(calls, "/journal.new", "write", "rename"),
      ],
      "the first barrier": [first!],
      "renaming": placed,
      "the second barrier": [second!],
      "the commit": committed.slice(0, commit),
      "forgetting what was noted": concerning(
        calls,
        `/journal"`,
        "unlink",
      ),
    });
  },
});

Deno.test({
  name:
    "relais publish stages, makes durable, renames, makes durable, and only then appends to the list",
  ignore: !canTrace(),
  async fn() {
    await using world = await makeWorld();
    world.write(files);

    const { end, calls } = await trace(
      ["publish", "--once", "--config", world.production.config],
      traced,
    );

    assertEquals(end.code, 0, end.stderr);
    const own = `${world.production.root}/.relais`;
    const staging = `${own}/staging/`;
    const barriers = concerning(calls, world.production.root, "syncfs");
    const [beginning, first, second] = barriers;
    const placed = concerning(calls, staging, "rename");
    assertEquals(placed.length, 3);
    const list = `${own}/list>`;
    const lines = concerning(calls, list, "write");
    // The last one says that they are a set.
    assertEquals(lines.length, 4);
    assertOrder({
      "the new list": concerning(
        calls,
        `${own}/list.new`,
        ...["write", "fsync", "rename"],
      ),
      "its barrier": [beginning!],
      "staging": [
        ...concerning(calls, staging, ...writing),
        ...concerning(calls, `${own}/journal.new`, "write", "rename"),
      ],
      "the first barrier": [first!],
      "renaming": placed,
      "the second barrier": [second!],
      "the lines": lines.slice(0, 3),
      "the list": concerning(calls, list, "fdatasync").slice(0, 1),
      "the end of the set": lines.slice(3),
      "the whole list": concerning(calls, list, "fdatasync").slice(-1),
      "forgetting what was noted": concerning(
        calls,
        `${own}/journal"`,
        "unlink",
      ),
    });
  },
});

Deno.test("publish and a pass work with an LD_LIBRARY_PATH, which a module may not hand on", async () => {
  await using world = await makeWorld();
  world.write(files);
  const env = { LD_LIBRARY_PATH: "/opt/oracle/lib" };

  const runs = [
    await relais(["publish", "--once", "--config", world.production.config], {
      env,
    }),
    await relais(["--once", "--config", world.config], { env }),
  ];

  assertEquals(
    runs.map(({ code, stderr }) => ({ code, stderr })),
    runs.map(() => ({ code: 0, stderr: "" })),
  );
  assertEquals(treeOf(world.into), treeOf(world.production.root));
});
