/**
 * What `relais check` says of one thing.
 *
 * @module
 */

import { type ExitStatus, exitStatus } from "../errors.ts";

/** One thing that was examined. */
export interface Finding {
  readonly what: string;
  readonly ok: boolean;
  /** Set if it works, but may not be what was meant. */
  readonly warning?: true;
  readonly told: string;
  readonly status: ExitStatus;
}

/** All is as it should be. */
export function good(what: string, told: string): Finding {
  return { what, ok: true, told, status: exitStatus.done };
}

/** It works, but may not be what was meant. */
export function doubtful(what: string, told: string): Finding {
  return { ...good(what, told), warning: true };
}

/** It does not work. */
export function bad(
  what: string,
  told: string,
  status: ExitStatus = exitStatus.local,
): Finding {
  return { what, ok: false, told, status };
}

/** One finding as a line. */
export function findingLine({ what, ok, warning, told }: Finding): string {
  const word = !ok ? "FAILED" : warning ? "warning" : "ok";
  return `${word}  ${what}: ${told}`;
}
