import { assert, assertEquals } from "@std/assert";
import { parseCommandLine } from "../../lib/cli/parse.ts";
import { parseConfig } from "../../lib/config/parse.ts";
import { tables } from "../../lib/config/schema.ts";
import { exitStatuses } from "../../lib/errors.ts";
import { verdicts } from "../../lib/test-server/operations.ts";
import { shownCode } from "../../fixtures/shown-code.ts";
import { allCommands } from "../../main.ts";

const path = "docs/fr/guide.md";
const guide = Deno.readTextFileSync(new URL(`../../${path}`, import.meta.url));

Deno.test("every command of docs/fr/guide.md is one that relais understands", async () => {
  const commands = await allCommands();
  const lines = [
    ...shownCode(path, "sh").flatMap((code) => code.split("\n")),
    ...Array.from(guide.matchAll(/`([^`\n]+)`/g), ([, code]) => code!),
  ].filter((line) => line.startsWith("relais "));
  for (const line of lines) {
    const [command] = line.split(/ (?:>|&&) /);
    parseCommandLine(command!.split(" ").slice(1), commands);
  }
  assert(lines.length > 20, String(lines.length));
});

Deno.test("docs/fr/guide.md has every exit status, and each verdict that a probe can come to", () => {
  const statuses = Array.from(
    guide.matchAll(/^\| (\d+(?:\+n)?) +\|/gm),
    ([, status]) => status,
  );
  assertEquals(statuses, exitStatuses.map(({ status }) => status));
  for (const [, status] of guide.matchAll(/\bcode (\d+)/g)) {
    assert(statuses.includes(status), status);
  }
  for (const verdict of verdicts) {
    assert(guide.includes(`\`${verdict}\` (`), verdict);
  }
});

Deno.test("every key of docs/fr/guide.md exists, and its configuration is valid", () => {
  const all = tables as unknown as Record<string, { keys: object }>;
  const named = [...guide.matchAll(/`([a-z]+)\.([a-z_]+)(?: = [^`]+)?`/g)];
  for (const [text, table, key] of named) {
    assert(key! in all[table!]!.keys, text);
  }
  assert(named.length > 5);
  const keys = Object.values(all).flatMap(({ keys }) => Object.keys(keys));
  const set = [...guide.matchAll(/`([a-z_]+) = [^`]+`/g)];
  for (const [text, key] of set) assert(keys.includes(key!), text);
  assert(set.length > 2);
  const [toml] = shownCode(path, "toml");
  const { servers } = parseConfig(toml!, "/etc/relais/relais.toml");
  assertEquals(servers.map(({ name }) => name), ["production", "backup"]);
});
