/**
 * A command run as another account, without a service manager: setpriv(1).
 *
 * @module
 */

import type { Account } from "./account.ts";

/** Returns the command line that runs `command` as `account`. */
export function setprivCommand(
  { name, ids }: Account,
  command: readonly string[],
): string[] {
  const { uid, gid } = ids!;
  // One without a name is in no group besides its own.
  const groups = name === String(uid) ? "--clear-groups" : "--init-groups";
  return [
    ...["setpriv", `--reuid=${uid}`, `--regid=${gid}`, groups, "--"],
    ...command,
  ];
}

/** The use of a file, as test(1) asks for it. */
export type Need = "r" | "x";

/** Prints each file that cannot be used so: whether it is hidden, and its path. */
const ask = `while [ $# -gt 0 ]; do
  [ "-$1" "$2" ] || { [ -e "$2" ] && echo "seen:$2" || echo "hidden:$2"; }
  shift 2
done`;

/** Why a file cannot be used by an account. */
export interface OutOfReach {
  readonly path: string;
  /** True if the way to it is closed, too. */
  readonly hidden: boolean;
}

/** Returns those files that `account` cannot use. */
export async function outOfReach(
  account: Account,
  files: readonly (readonly [Need, string])[],
): Promise<OutOfReach[]> {
  const [program, ...args] = setprivCommand(account, [
    ...["sh", "-c", ask, "sh"],
    ...files.flat(),
  ]);
  const { stdout } = await new Deno.Command(program!, {
    args,
    cwd: "/",
    stdin: "null",
  }).output();
  return new TextDecoder().decode(stdout).trim().split("\n")
    .filter((line) => line !== "").map((line) => ({
      hidden: line.startsWith("hidden:"),
      path: line.slice(line.indexOf(":") + 1),
    }));
}
