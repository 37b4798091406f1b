/**
 * The programs that hooks start.
 *
 * @module
 */

import { accessSync, constants } from "node:fs";
import type { HooksConfig } from "../config/config.ts";
import { exitStatus } from "../errors.ts";
import { bad, type Finding, good } from "./finding.ts";

/** Examines the program of each hook that is configured. */
export function examineHooks(hooks: HooksConfig): Finding[] {
  const { onNew, onFailover, onFailback, onError, onRecovered, onLag } = hooks;
  const configured = {
    ...{ on_new: onNew, on_failover: onFailover, on_failback: onFailback },
    ...{ on_error: onError, on_recovered: onRecovered, on_lag: onLag },
  };
  const programs = Object.entries(configured).flatMap(([name, [program]]) =>
    program === undefined ? [] : [examineProgram(`hooks.${name}`, program)]
  );
  return onLag.length > 0 && hooks.maxLagMs === 0
    ? [...programs, bad("hooks.on_lag", neverRuns, exitStatus.usage)]
    : programs;
}

const neverRuns = 'it never runs: set hooks.max_lag, for example to "15m"';

function examineProgram(what: string, program: string): Finding {
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
    accessSync(path, constants.X_OK);
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
