/**
 * Noticing that the configuration wants something else than before.
 *
 * @module
 */

import type { ReplicaReady } from "../config/config.ts";

/** Changes with whatever decides what is wanted, and where it goes. */
export async function fingerprint(
  { servers, replica }: ReplicaReady,
): Promise<string> {
  const roots = servers.map((
    { name, host, port, jump, openssh, root, list },
  ) => [name, host, port, jump, openssh, root, list]);
  const { into, source, include, exclude, filenameCharset } = replica;
  const text = JSON.stringify([
    roots,
    into,
    source,
    include,
    exclude,
    replica.delete,
    filenameCharset,
    replica.rights,
    // Without these, nothing changes for those who use neither.
    ...replica.republish ? ["republish"] : [],
    ...replica.sets === false ? [] : ["sets", replica.sets],
  ]);
  const bytes = new TextEncoder().encode(text);
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return new Uint8Array(digest).toHex().slice(0, 16);
}
