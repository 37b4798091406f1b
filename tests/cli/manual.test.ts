import { assertEquals } from "@std/assert";
import { formatManual } from "../../lib/cli/manual.ts";
import { commands } from "../../main.ts";

const path = new URL("../../docs/relais.1", import.meta.url).pathname;

Deno.test("docs/relais.1 is what deno task manual makes", async () => {
  assertEquals(await Deno.readTextFile(path), formatManual(commands));
});

Deno.test("man shows the manual page without a warning, at any width", async () => {
  for (const MANWIDTH of ["40", "80", "200"]) {
    const { code, stderr } = await new Deno.Command("man", {
      args: ["--warnings", "--encoding=utf8", "--local-file", path],
      env: { MANWIDTH, PAGER: "cat", LC_ALL: "C.UTF-8" },
      stdout: "null",
    }).output();
    assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  }
});
