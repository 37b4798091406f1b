/**
 * The programs that hooks start.
 *
 * @module
 */

import type { HooksConfig } from "../config/config.ts";
import { exitStatus } from "../errors.ts";
import { bad, type Finding } from "./finding.ts";
import { examineProgram } from "./program.ts";

/** Examines the program of each hook that is configured; `isNode` says whether that is for a node of a cluster. */
export function examineHooks(hooks: HooksConfig, isNode = false): Finding[] {
  const { onNew, onFailover, onFailback, onError, onRecovered, onLag } = hooks;
  const { onLeader } = hooks;
  const configured = {
    on_new: onNew,
    on_failover: onFailover,
    on_failback: onFailback,
    on_error: onError,
    on_recovered: onRecovered,
    on_lag: onLag,
    on_leader: onLeader,
  };
  const programs = Object.entries(configured).flatMap(([name, [program]]) =>
    program === undefined ? [] : [examineProgram(`hooks.${name}`, program)]
  );
  return [
    ...programs,
    ...onLag.length > 0 && hooks.maxLagMs === 0
      ? [neverRuns("on_lag", 'set hooks.max_lag, for example to "15m"')]
      : [],
    ...onLeader.length > 0 && !isNode
      ? [neverRuns("on_leader", "remove it, or add [cluster]")]
      : [],
  ];
}

function neverRuns(name: string, hint: string): Finding {
  return bad(`hooks.${name}`, `it never runs: ${hint}`, exitStatus.usage);
}
