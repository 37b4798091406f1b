/**
 * relais --version.
 *
 * @module
 */

import config from "../../deno.json" with { type: "json" };

/** The commit relais was built from; git archive and the build of the executable put it in. */
const commit = "$Format:%h$";

/** Says which relais this is, and what it runs on. */
export function versionText(): string {
  const { deno, v8 } = Deno.version;
  const built = commit.startsWith("$") ? "sources" : `commit ${commit}`;
  return `relais ${config.version} (${built}, Deno ${deno}, V8 ${v8}, ${Deno.build.target})`;
}
