import { assertEquals } from "@std/assert";
import { shownCode } from "../../fixtures/shown-code.ts";
import { parseConfig } from "../../lib/config/parse.ts";

Deno.test("the configurations of docs/tree-of-replicas.md are valid", () => {
  const configs = shownCode("docs/tree-of-replicas.md", "toml")
    // A test machine need not have the group of the example.
    .map((text) => text.replace(/^group = .*$/m, ""))
    .map((text) => parseConfig(text, "/etc/relais/relais.toml"));

  assertEquals(
    configs.map(({ servers, replica }) => [
      servers.map(({ name }) => name),
      replica!.republish,
    ]),
    [[["production", "backup"], true], [["north", "south"], false]],
  );
});
