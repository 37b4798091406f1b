/**
 * What an installed service is allowed, whoever wrote it: the unit that relais
 * made, and what an administrator has put beside it with systemctl edit.
 *
 * @module
 */

import { commandLine } from "./unit-file.ts";

/** Settings of `[Service]`, `Key=value`, in the order in which they hold. */
export type ServiceSettings = readonly string[];

/** Tells whether systemd is the manager of this system: sd_booted(3). */
export function isBooted(): boolean {
  try {
    return Deno.lstatSync("/run/systemd/system").isDirectory;
  } catch {
    return false;
  }
}

/** Returns the settings of the service `name` if it is installed and runs relais with the configuration at `config`. */
export async function installedSettings(
  name: string,
  config: string,
): Promise<ServiceSettings | undefined> {
  const { success, stdout } = await new Deno.Command("systemctl", {
    args: ["cat", "--no-pager", name],
    stdin: "null",
    stderr: "null",
  }).output();
  if (!success) return undefined;
  const settings = serviceSettings(new TextDecoder().decode(stdout));
  const isOurs = valuesOf(settings, "ExecStart").some((line) =>
    line.endsWith(` --config ${commandLine([config])}`)
  );
  return isOurs ? settings : undefined;
}

/** Reads the settings of `[Service]` in unit files, one after the other. */
export function serviceSettings(text: string): ServiceSettings {
  let section = "";
  const settings: string[] = [];
  for (const line of text.replaceAll("\\\n", " ").split("\n")) {
    const trimmed = line.trim();
    const title = /^\[(\w+)\]$/.exec(trimmed)?.[1];
    if (title !== undefined) section = title;
    else if (section === "Service" && /^\w+\s*=/.test(trimmed)) {
      settings.push(trimmed.replace(/\s*=\s*/, "="));
    }
  }
  return settings;
}

/** Returns all values that a setting is given, in order. */
export function valuesOf(settings: ServiceSettings, key: string): string[] {
  return settings.filter((setting) => setting.startsWith(`${key}=`))
    .map((setting) => setting.slice(key.length + 1));
}
