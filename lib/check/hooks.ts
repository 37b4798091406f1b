/**
 * The programs that hooks start.
 *
 * @module
 */

import type { HooksConfig } from "../config/config.ts";
import { exitStatus } from "../errors.ts";
import { bad, type Finding } from "./finding.ts";
import { examineProgram } from "./program.ts";

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
