/**
 * A command run as a service of its own, which is gone when the command has
 * ended: systemd-run(1).
 *
 * @module
 */

import { type ServiceSettings, valuesOf } from "./installed.ts";

/** What is about the unit and its own command, and not about what any command in it is allowed. */
const ofTheUnit =
  /^(?:Type|Exec|Restart|Watchdog|Standard|SuccessExit|RuntimeMax|Timeout|NotifyAccess|Nice|IOScheduling)/;

/** Directories that systemd makes. */
const directories = {
  StateDirectory: "/var/lib",
  LogsDirectory: "/var/log",
} as const;

export interface TransientOptions {
  /** Name of the service. */
  readonly name: string;
  readonly description: string;
  readonly settings: ServiceSettings;
  /** True if systemd is to make no directory of the state or the log. */
  readonly makesNothing: boolean;
  /** Variables of the environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** Returns the command line that runs `command` so, with the standard streams of its caller. */
export function transientCommand(
  command: readonly string[],
  { name, description, settings, makesNothing, env }: TransientOptions,
): string[] {
  const given = settings.filter((setting) =>
    !ofTheUnit.test(setting) && !isMissingKey(setting) &&
    !(makesNothing && isMissingDirectory(setting))
  );
  return [
    ...["systemd-run", "--quiet", "--pipe", "--wait", "--collect"],
    ...[`--unit=${name}`, `--description=${description}`],
    "--service-type=exec",
    ...Object.entries(env).map(([key, value]) => `--setenv=${key}=${value}`),
    // There are no specifiers here.
    ...given.map((setting) => `--property=${setting.replaceAll("%%", "%")}`),
    "--",
    ...command.map((argument) => argument.replaceAll("$", "$$$$")),
  ];
}

/** A key that is not there: relais says so better than systemd, which would not even start it. */
function isMissingKey(setting: string): boolean {
  const [path] = valuesOf([setting], "LoadCredential").map((value) =>
    value.slice(value.indexOf(":") + 1).replaceAll("%%", "%")
  );
  return path !== undefined && !exists(path);
}

function isMissingDirectory(setting: string): boolean {
  return Object.entries(directories).some(([key, above]) =>
    valuesOf([setting], key).some((name) => !exists(`${above}/${name}`))
  );
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
