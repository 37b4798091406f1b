/**
 * Identity of a list's writer: the same for everything that publishes into one export on
 * one machine, and for nothing else.
 *
 * @module
 */

import type { PublishConfig } from "../config/config.ts";
import { createHasher } from "../files/digest.ts";
import { machineIdentity } from "./machine.ts";

/** Returns the name of the writer of `into`, as lib/publish/sh/publish.sh makes it. */
export function writerOf(
  { writer, into }: Pick<PublishConfig, "writer" | "into">,
): string {
  if (writer !== "") return writer;
  const hasher = createHasher("cksum:0");
  const text = `${machineIdentity()} ${Deno.realPathSync(into)}`;
  hasher.update(new TextEncoder().encode(text));
  return hasher.digest().slice("cksum:".length);
}
