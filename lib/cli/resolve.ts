/**
 * relais resolve: decides a conflict that nothing else can decide.
 *
 * @module
 */

import type { ReplicaReady } from "../config/config.ts";
import {
  type ExitStatus,
  exitStatus,
  RefusedError,
  UsageError,
} from "../errors.ts";
import { hasState, openState } from "../state/database.ts";
import { type KnownFile, knownFile, resolve as decide } from "../state/file.ts";
import type { Output } from "./output.ts";
import { passNow } from "./pass-now.ts";
import { pathHere } from "./why.ts";

export interface ResolveArguments {
  readonly path: string;
  /** Name of the server whose version is the newer one. */
  readonly from: string | undefined;
  readonly json: boolean;
}

/**
 * Lets the version of one server be the newer one, and has a pass take it.
 *
 * @throws {UsageError} If no server is given, or none of that name is configured.
 * @throws {RefusedError} If there is no conflict about the path.
 */
export async function resolve(
  config: ReplicaReady,
  { path: given, from, json }: ResolveArguments,
  output: Output,
): Promise<ExitStatus> {
  const { servers, replica } = config;
  const path = pathHere(given, replica);
  const names = servers.map(({ name }) => name);
  if (from === undefined || !names.includes(from)) {
    const what = from === undefined
      ? "no server is given"
      : `no server is called ${from}`;
    throw new UsageError(`Cannot resolve ${path}: ${what}`, {
      hint: `add --from and one of ${names.join(", ")}`,
    });
  }
  if (!hasState(replica.state)) throw noConflict(path);
  {
    using db = openState(replica.state);
    if (!isConflict(knownFile(db, path))) throw noConflict(path);
    decide(db, path, from);
  }
  await passNow(
    config,
    output,
    "The relais that is at work here takes it in its next pass.",
  );
  using db = openState(replica.state);
  const file = knownFile(db, path);
  const isOver = !isConflict(file);
  if (json) output.json({ path, from, resolved: isOver, here: file.here });
  else if (isOver) {
    output.result(`The conflict about ${path} is over: ${said(file)}.`);
  }
  return isOver ? exitStatus.done : exitStatus.incomplete;
}

function isConflict({ named }: KnownFile): boolean {
  return named.some(({ standing }) => standing === "conflict");
}

function said({ here }: KnownFile): string {
  return here === null
    ? "it is not here any more"
    : `what is here is of ${here.server}`;
}

function noConflict(path: string): RefusedError {
  return new RefusedError(
    `Cannot resolve ${path}: there is no conflict about it`,
    {
      hint: `"relais why ${path}" tells what is known of it`,
    },
  );
}
