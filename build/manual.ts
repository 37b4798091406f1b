/**
 * Writes the manual pages.
 *
 * @module
 */

import { formatConfigManual } from "../lib/cli/manual-config.ts";
import { formatManual } from "../lib/cli/manual.ts";
import { allCommands } from "../main.ts";

const docs = new URL("../docs/", import.meta.url);
await Deno.writeTextFile(
  new URL("relais.1", docs),
  formatManual(await allCommands()),
);
await Deno.writeTextFile(new URL("relais.toml.5", docs), formatConfigManual());
