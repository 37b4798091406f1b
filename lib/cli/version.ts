/**
 * relais --version.
 *
 * @module
 */

import config from "../../deno.json" with { type: "json" };

/** Says which relais this is, and what it runs on. */
export function versionText(): string {
  const { deno, v8 } = Deno.version;
  return `relais ${config.version} (Deno ${deno}, V8 ${v8}, ${Deno.build.target})`;
}
