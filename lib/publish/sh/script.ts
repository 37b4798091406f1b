/**
 * The publisher as a shell script, for servers that relais does not run on.
 *
 * @module
 */

import type { PublishConfig } from "../../config/config.ts";
import type { MaxDelete } from "../../config/units.ts";
import { quoted } from "../../text/shell-word.ts";
import { globsToEre } from "./ere.ts";
import script from "./publish.sh" with { type: "text" };

/** Returns a POSIX shell script that does once what `publish` does with `config`. */
export function publishScript(
  {
    base,
    into,
    files,
    maxWithdraw,
    keepMs,
    compaction: { size, share },
    writer,
    links,
  }: PublishConfig,
): string {
  const settings = {
    base,
    into,
    filter: globsToEre(files),
    max_withdraw: limit(maxWithdraw),
    keep: `${Math.floor(keepMs / dayMs)}`,
    compaction: size === Infinity ? "never" : `${size} ${share}`,
    writer,
    symlinks: links,
  };
  const globs = files.map((glob) => `#   ${inComment(glob)}`).join("\n");
  return Object.entries(settings).reduce(
    (text, [name, value]) =>
      text.replace(
        new RegExp(`^${name}='.*'$`, "m"),
        () => `${name}=${quoted(value)}`,
      ),
    script,
  ).replace(/(?<=reads it\. From:\n)(?:# {3}.*\n)+/, () => `${globs}\n`);
}

const dayMs = 86_400_000;

function limit(given: MaxDelete): string {
  return "files" in given ? `files ${given.files}` : `share ${given.share}`;
}

/** A glob may hold a line break, after which no comment would be left. */
function inComment(glob: string): string {
  return glob.replace(/\p{Cc}/gu, " ");
}
