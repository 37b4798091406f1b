import { assertEquals, assertThrows } from "@std/assert";
import { LocalError } from "../../lib/errors.ts";
import { besideOf, replaceFile } from "../../lib/files/replace.ts";

/** A directory that is gone with the test. */
function emptyDirectory() {
  const path = Deno.makeTempDirSync();
  return {
    path,
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}

Deno.test("replaceFile() gives a file its rights before it takes its place", () => {
  using directory = emptyDirectory();
  const path = `${directory.path}/file`;
  Deno.writeTextFileSync(path, "old", { mode: 0o600 });
  let seen: [string, string] | undefined;

  replaceFile(path, Uint8Array.of(110, 101, 119), (beside) => {
    seen = [beside, Deno.readTextFileSync(path)];
    Deno.chmodSync(beside, 0o640);
  });

  assertEquals(seen, [besideOf(path), "old"]);
  assertEquals(Deno.readTextFileSync(path), "new");
  assertEquals(Deno.statSync(path).mode! & 0o777, 0o640);
});

Deno.test("replaceFile() writes over what a crash has left, and through no link", () => {
  using directory = emptyDirectory();
  const path = `${directory.path}/file`;
  Deno.writeTextFileSync(`${directory.path}/other`, "other");
  Deno.symlinkSync(`${directory.path}/other`, besideOf(path));

  replaceFile(path, "new", 0o644);

  assertEquals(Deno.readTextFileSync(path), "new");
  assertEquals(Deno.readTextFileSync(`${directory.path}/other`), "other");
});

Deno.test("replaceFile() leaves the old file where its rights cannot be given", () => {
  using directory = emptyDirectory();
  const path = `${directory.path}/file`;
  Deno.writeTextFileSync(path, "old");

  const replace = () =>
    replaceFile(path, "new", () => {
      throw new Error("not permitted");
    });

  assertThrows(replace, LocalError, "not permitted");
  assertEquals(Deno.readTextFileSync(path), "old");
});
