/**
 * Writes the manual page.
 *
 * @module
 */

import { formatManual } from "../lib/cli/manual.ts";
import { commands } from "../main.ts";

const page = new URL("../docs/relais.1", import.meta.url);
await Deno.writeTextFile(page, formatManual(commands));
