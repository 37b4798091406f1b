/**
 * The files of a package, and their places on the machine.
 *
 * @module
 */

import { gzipSync } from "node:zlib";
import { bashCompletion } from "../lib/cli/completion/bash.ts";
import { fishCompletion } from "../lib/cli/completion/fish.ts";
import { zshCompletion } from "../lib/cli/completion/zsh.ts";
import { formatConfigManual } from "../lib/cli/manual-config.ts";
import { formatManual } from "../lib/cli/manual.ts";
import { parseConfig } from "../lib/config/parse.ts";
import { sampleConfig } from "../lib/config/sample.ts";
import { formatUnit } from "../lib/systemd/unit-file.ts";
import { unitsFor } from "../lib/systemd/units.ts";
import { allCommands } from "../main.ts";

/** A file of the package. */
export interface PackageFile {
  readonly path: string;
  readonly mode: number;
  readonly content: Uint8Array;
}

/** The sample configuration, which an upgrade leaves alone. */
export const configPath = "/etc/relais/relais.toml";

/** Returns all files, the executable first. */
export async function packageFiles(
  executable: Uint8Array,
  spdx: string,
): Promise<PackageFile[]> {
  const commands = await allCommands();
  const document = (name: string) =>
    Deno.readTextFile(new URL(`../${name}`, import.meta.url));
  const doc = "/usr/share/doc/relais";
  const man = "/usr/share/man/man";
  return [
    { path: "/usr/bin/relais", mode: 0o755, content: executable },
    // A URL in it may be a secret; the account relais reads it by its group.
    file(configPath, sampleConfig("replica"), 0o640),
    file(
      "/usr/lib/sysusers.d/relais.conf",
      `u relais - "relais" / /usr/sbin/nologin\n`,
    ),
    ...units(),
    packed(`${man}1/relais.1`, formatManual(commands)),
    packed(
      `${man}1/relais-publish-sh.1`,
      await document("docs/relais-publish-sh.1"),
    ),
    packed(`${man}5/relais.toml.5`, formatConfigManual()),
    packed(`${man}5/relais-list.5`, await document("docs/relais-list.5")),
    file(
      "/usr/share/bash-completion/completions/relais",
      bashCompletion(commands),
    ),
    file(
      "/usr/share/zsh/vendor-completions/_relais",
      zshCompletion(commands),
    ),
    file(
      "/usr/share/fish/vendor_completions.d/relais.fish",
      fishCompletion(commands),
    ),
    packed(`${doc}/changelog`, await document("CHANGELOG.md")),
    file(`${doc}/copyright`, await document("LICENSE")),
    file(`${doc}/relais.spdx.json`, spdx),
  ];
}

/** The units for the paths of the samples. `relais unit --install` puts those for other paths before them. */
function units(): PackageFile[] {
  const options = {
    executable: "/usr/bin/relais",
    config: configPath,
    user: "relais",
    perUser: false,
  };
  const [replica, publisher] = (["replica", "publisher"] as const).map((role) =>
    parseConfig(sampleConfig(role), configPath)
  );
  return unitsFor({ ...replica!, publish: publisher!.publish }, options)
    .map((unit) =>
      file(`/usr/lib/systemd/system/${unit.name}`, formatUnit(unit))
    );
}

function file(path: string, text: string, mode = 0o644): PackageFile {
  return { path, mode, content: new TextEncoder().encode(text) };
}

function packed(path: string, text: string): PackageFile {
  return {
    path: `${path}.gz`,
    mode: 0o644,
    content: gzipSync(text, { level: 9 }),
  };
}
