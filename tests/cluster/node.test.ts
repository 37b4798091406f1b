import { assertEquals } from "@std/assert";
import { ClusterNode } from "../../lib/cluster/node.ts";
import type { Request } from "../../lib/cluster/requests.ts";

const leaseMs = 10_000;

/** A node that always gets the lease, on a clock of its own. */
class Leading {
  now = 0;
  readonly node = new ClusterNode({
    holder: "r1/1",
    leaseMs,
    monotonic: () => this.now,
  });
  readonly #steps = this.node.keepLease();
  #request: Request = this.#steps.next().value;
  #term = 0;

  /** Goes on until `now`; returns when the lease was asked for. */
  until(end: number): number[] {
    const asked: number[] = [];
    for (;;) {
      const request = this.#request;
      if (request.ask === "sleep") {
        if (this.now + request.ms > end) return asked;
        this.now += request.ms;
        this.#request = this.#steps.next(null).value;
      } else {
        asked.push(this.now);
        this.#request = this.#steps.next({ term: ++this.#term }).value;
      }
    }
  }
}

Deno.test("a node extends its lease twice before it runs out", () => {
  const leading = new Leading();

  assertEquals(leading.until(leaseMs), [0, 3_000, 6_000, 9_000]);
  assertEquals(leading.node.term, 4);
});

Deno.test("a node that resigns leaves it to others for a lease to lead", () => {
  const leading = new Leading();
  leading.until(4_000);

  leading.node.resign();
  const termThen = leading.node.term;
  const askedMeanwhile = leading.until(13_999);
  const askedLater = leading.until(15_000);

  assertEquals(termThen, undefined);
  assertEquals(askedMeanwhile, []);
  assertEquals(askedLater, [14_000]);
});
