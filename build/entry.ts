/**
 * Where the executable begins.
 *
 * @module
 */

import { main } from "../main.ts";
import { variablesForRuntime } from "./flags.ts";

// They are meant for the runtime, and not for the hooks that relais starts.
for (const name of variablesForRuntime) Deno.env.delete(name);

Deno.exit(await main(Deno.args));
