import { assertEquals } from "@std/assert";
import { completeCommands } from "../../lib/cli/recommended.ts";

const text = 'It waits; run "relais --once --accept-shrink", or "relais why"';

const named: [config: string, ending: string][] = [
  ["/etc/relais/relais.toml", ""],
  ["/etc/relais/../relais/relais.toml", ""],
  ["/etc/relais/stock.toml", " --job stock"],
  ["./stock.toml", " --config ./stock.toml"],
  ["/srv/my relais.toml", " --config '/srv/my relais.toml'"],
];

for (const [config, ending] of named) {
  Deno.test(`completeCommands() ends a command with what leads to ${config}`, () => {
    assertEquals(
      completeCommands(text, { config }),
      `It waits; run "relais --once --accept-shrink${ending}", or "relais why${ending}"`,
    );
  });
}

Deno.test("completeCommands() leaves a text alone if no configuration is named", () => {
  assertEquals(completeCommands(text, {}), text);
});

const others = [
  'run "relais publish --once" there, or wait',
  'run "relais status" on production, and start its publisher',
  'run "relais publish --once --verify" on the server',
  '"relais init /etc/relais/stock.toml" writes one',
  'see "relais help list"',
  'add one as "relais init --publisher" shows it; "relais publish" needs it',
  'edit it, then run "relais check --config b.toml"',
  "relais list is not in quotes",
];

for (const other of others) {
  Deno.test(`completeCommands() leaves alone: ${other}`, () => {
    assertEquals(completeCommands(other, { job: "stock" }), other);
  });
}
