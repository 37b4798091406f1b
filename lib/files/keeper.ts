/**
 * Who keeps the list of an export: a publisher, or a replica that republishes. Two
 * would overwrite what the other has written.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import { ownDirectory } from "../list/path.ts";
import { relaysPath } from "../list/relays.ts";
import { lookAt } from "./if-there.ts";

/**
 * Makes sure that no replica republishes in `into`.
 *
 * @throws {ConfigError} If one does.
 */
export function requireNoReplica(into: string): void {
  const relays = `${into}/${relaysPath}`;
  if (lookAt(relays) === undefined) return;
  throw new ConfigError(
    `Cannot publish into ${into}: a replica republishes there`,
    [],
    {
      hint:
        `set publish.into to another directory; if no replica does any more, remove ${relays} and the list beside it`,
    },
  );
}

/**
 * Makes sure that nothing publishes into `into`.
 *
 * @throws {ConfigError} If something does.
 */
export function requireNoPublisher(into: string): void {
  const list = `${into}/${ownDirectory}/list`;
  if (lookAt(list) === undefined) return;
  if (lookAt(`${into}/${relaysPath}`) !== undefined) return;
  throw new ConfigError(
    `Cannot republish in ${into}: it is the export of a publisher, whose list is ${list}`,
    [],
    {
      hint:
        "set replica.into to another directory; if nothing publishes there any more, remove the list",
    },
  );
}
