/**
 * Where the executable begins.
 *
 * @module
 */

import { main } from "../main.ts";
import { variablesForRuntime } from "./flags.ts";

// They are meant for the runtime, and not for the hooks that relais starts.
for (const name of variablesForRuntime) Deno.env.delete(name);
// Nor is this: a unit of relais sends the runtime's code cache there, and no files of others.
if (Deno.env.get("TMPDIR") === Deno.env.get("CACHE_DIRECTORY")) {
  Deno.env.delete("TMPDIR");
}

Deno.exit(await main(Deno.args));
