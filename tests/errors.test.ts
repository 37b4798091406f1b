import { assert, assertEquals, assertMatch } from "@std/assert";
import { explained, LocalError, toFailure } from "../lib/errors.ts";

/** Returns what `work` throws. */
function thrownBy(work: () => void): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

Deno.test("toFailure() takes a full disk for trouble of this machine, and says what helps", () => {
  const error = thrownBy(() => Deno.writeTextFileSync("/dev/full", "x"));

  const { name, message, exitStatus, hint } = toFailure(error);

  assertEquals([name, exitStatus], ["LocalError", 4]);
  assertMatch(message, /^Cannot go on: No space left on device/);
  assertEquals(hint, "free some space on its disk");
});

Deno.test("toFailure() takes what another account has left for trouble of this machine", () => {
  const message = "Permission denied (os error 13): readfile '/srv/x'";
  const denied = Object.assign(new Error(message), { code: "EACCES" });

  const failure = toFailure(denied);

  assertEquals(failure.message, `Cannot go on: ${message}`);
  assertMatch(failure.hint!, /chown it to that account/);
});

Deno.test("toFailure() takes what nothing explains for a bug", () => {
  const missing = thrownBy(() => Deno.readTextFileSync("/nowhere/at/all"));

  for (const error of [missing, new TypeError("x is not a function"), "x"]) {
    const { name, message, exitStatus } = toFailure(error);
    assertEquals([name, exitStatus], ["Error", 1]);
    assertMatch(message, /^internal error: /);
  }
});

Deno.test("explained() leaves an error of relais as it is", () => {
  const error = new LocalError("Cannot use the state", {
    cause: Object.assign(new Error(), { code: "ENOSPC" }),
  });

  assert(explained(error) === error);
});
