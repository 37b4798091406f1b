import { assertEquals } from "@std/assert";
import { until } from "../../fixtures/until.ts";
import { type ClaimMeans, ClaimWork } from "../../lib/copy-list/claim-work.ts";

const leaseMs = 50;

/** A node with one claim, whose file system answers when it is told to. */
class StuckNode {
  /** What the database was asked, in order. */
  readonly asked: string[] = [];
  readonly told: string[] = [];
  lastsMs = 0;
  readonly #barrier = Promise.withResolvers<void>();
  readonly work = new ClaimWork({
    ...{ leaseMs, guard: () => Promise.resolve() },
    destination: { into: "/srv/replica" },
    log: { error: (text: string) => this.told.push(text) },
    durability: this,
    directories: { make() {}, has: () => true, holds: () => false, leave() {} },
    list: () => ({ ask: (kind: string) => this.#answer(kind) }),
  } as unknown as ClaimMeans);

  barrier(): Promise<void> {
    return this.#barrier.promise;
  }

  endBarrier(): void {
    this.#barrier.resolve();
  }

  count(kind: string): number {
    return this.asked.filter((one) => one === kind).length;
  }

  #answer(kind: string): Promise<unknown> {
    this.asked.push(kind);
    const claim = { id: 1, server: "production", behind: [], files: [] };
    return Promise.resolve(
      kind === "claim" ? { ...claim, removes: false } : kind === "extend",
    );
  }
}

/** Works on the claim until the barrier ends. */
function working(node: StuckNode): Promise<void> {
  return node.work.whileKept(async () => {
    await node.work.next(async () => {
      await node.barrier();
      return { failed: [], tried: [] };
    });
  });
}

Deno.test("a claim is extended while a barrier lasts, however busy the disk is", async () => {
  const node = new StuckNode();
  const done = working(node);

  node.lastsMs = 7 * leaseMs;
  await until(() => node.count("extend") > 3);
  node.endBarrier();
  await done;

  assertEquals([node.count("resign"), node.told], [0, []]);
});

Deno.test("a node whose file system does not answer extends no claim, leads no longer, and says so once", async () => {
  const node = new StuckNode();
  const done = working(node);
  await until(() => node.count("extend") > 1);

  node.lastsMs = 9 * leaseMs;
  await until(() => !node.work.holds(1));
  const extended = node.count("extend");
  const resigned = node.count("resign");
  // Others may not be there yet: it must not begin to lead again.
  await until(() => node.count("resign") > resigned + 2);
  node.endBarrier();
  await done;

  assertEquals(node.count("extend"), extended);
  // What it has done is another node's by now.
  assertEquals(node.count("release"), 0);
  assertEquals(node.told, [
    "/srv/replica does not answer: other nodes go on with these files",
  ]);
});
