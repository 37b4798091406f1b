/**
 * relais init: a configuration to start from.
 *
 * @module
 */

import { type Role, sampleConfig } from "../config/sample.ts";
import { type ExitStatus, exitStatus, LocalError } from "../errors.ts";
import type { Output } from "./output.ts";

export interface InitArguments {
  /** Where to; `undefined`: it is only shown. */
  readonly file: string | undefined;
  readonly publisher: boolean;
  readonly replica: boolean;
}

/** Writes a commented configuration to a file, which must not exist yet, or shows it. */
export function init(
  { file, publisher, replica }: InitArguments,
  output: Output,
): ExitStatus {
  const role: Role | undefined = publisher
    ? "publisher"
    : replica
    ? "replica"
    : undefined;
  const text = sampleConfig(role);
  if (file === undefined) {
    output.text(text.trimEnd());
    return exitStatus.done;
  }
  try {
    Deno.writeTextFileSync(file, text, {
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
