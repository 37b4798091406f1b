import { assertEquals, assertThrows } from "@std/assert";
import { NodeGuard } from "../../lib/copy-list/node-guard.ts";
import { LocalError } from "../../lib/errors.ts";

/** A directory that nodes share, and what a database says of itself. */
class Shared implements Disposable {
  readonly into = Deno.makeTempDirSync({ prefix: "relais-guard-" });
  readonly guard = new NodeGuard(this.into);
  readonly claim = `${this.into}/.relais/staging/1`;

  constructor() {
    Deno.mkdirSync(this.claim, { recursive: true });
    this.guard.keep({ ...this.at(0), isNew: true });
  }

  at(pass: number) {
    return { token: "0b5a", pass, isNew: false };
  }

  get noted(): string {
    return Deno.readTextFileSync(`${this.into}/.relais/cluster`);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.into, { recursive: true });
  }
}

Deno.test("keep() notes the pass, and refuses a database that knows fewer", () => {
  using shared = new Shared();
  const { guard } = shared;

  guard.keep(shared.at(3), shared.claim);
  const { noted } = shared;

  assertEquals(noted, "0b5a\n3\n");
  assertThrows(
    () => guard.keep(shared.at(2)),
    LocalError,
    "it knows 2 passes, and there have been 3",
  );
});

Deno.test("keep() notes nothing for a claim whose directory is gone", () => {
  using shared = new Shared();
  Deno.removeSync(shared.claim);

  assertThrows(
    () => shared.guard.keep(shared.at(3), shared.claim),
    LocalError,
  );
  assertEquals(shared.noted, "0b5a\n0\n");
});
