/**
 * A program that relais is to start.
 *
 * @module
 */

import { exitStatus } from "../errors.ts";
import { isAllowed } from "./access.ts";
import { bad, type Finding, good } from "./finding.ts";

/** Examines whether this account may run a program; `what` it is for. */
export function examineProgram(what: string, program: string): Finding {
  const found = placesOf(program).find(isProgram);
  if (found !== undefined) return good(what, found);
  const told = program.includes("/")
    ? `${program} is not a program that this account may run; correct the path or chmod +x it`
    : `${program} is not in PATH (${
      Deno.env.get("PATH")
    }); write its full path`;
  return bad(what, told, exitStatus.usage);
}

/** Where the system looks for a program: execvp(3). */
function placesOf(program: string): string[] {
  if (program.includes("/")) return [program];
  return (Deno.env.get("PATH") ?? "").split(":")
    .map((directory) => `${directory}/${program}`);
}

function isProgram(path: string): boolean {
  try {
    return Deno.statSync(path).isFile && isAllowed(path, "-x");
  } catch {
    return false;
  }
}
