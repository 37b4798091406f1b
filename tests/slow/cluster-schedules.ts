import { assert } from "@std/assert";
import { explore, report } from "../simulation/explore.ts";

Deno.test("none of 100 000 schedules of pauses, crashes and lost messages breaks an invariant of the cluster", () => {
  const { failure } = explore({ schedules: 100_000 });
  assert(failure === undefined, failure && report(failure));
});
