/**
 * relais init: a configuration to start from.
 *
 * @module
 */

import { sampleConfig } from "../config/sample.ts";
import { type ExitStatus, exitStatus, LocalError } from "../errors.ts";
import type { Output } from "./output.ts";

/** Writes a commented configuration to `file`, which must not exist yet, or shows it. */
export function init(file: string | undefined, output: Output): ExitStatus {
  if (file === undefined) {
    output.text(sampleConfig().trimEnd());
    return exitStatus.done;
  }
  try {
    Deno.writeTextFileSync(file, sampleConfig(), {
      createNew: true,
      mode: 0o640,
    });
  } catch (cause) {
    const exists = cause instanceof Deno.errors.AlreadyExists;
    throw new LocalError(
      `Cannot write ${file}: ${
        exists ? "it is there already" : (cause as Error).message
      }`,
      { cause, hint: exists ? "move it away first" : "see its directory" },
    );
  }
  output.note(`${file} is written: edit it, then run "relais check"`);
  return exitStatus.done;
}
