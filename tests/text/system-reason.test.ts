import { assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { systemReason } from "../../lib/text/system-reason.ts";

/** What is thrown when `work` is done. */
function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error("nothing is thrown");
}

Deno.test("systemReason() leaves out the call, its path and the number of the error", () => {
  const errors = [
    () => Deno.openSync("/nonexistent/a (os error)"),
    () => readFileSync("/nonexistent/a, b"),
    () => Deno.readTextFileSync("/"),
  ].map(thrownBy);

  assertEquals([...errors, new Error("torn"), "odd"].map(systemReason), [
    ...["No such file or directory", "no such file or directory"],
    ...["Is a directory", "torn", "odd"],
  ]);
});
