/**
 * Examination of a directory: can relais write to it, and how much space is free?
 *
 * @module
 */

import { basename, dirname } from "@std/path/posix";
import { lookUp } from "../account/passwd.ts";
import { isDirectory } from "../files/if-there.ts";
import { formatBytes } from "../text/human.ts";
import { shellWord } from "../text/shell-word.ts";
import { diskOf } from "../status/disk.ts";
import { deniedOf, isAllowed, isReadOnly } from "./access.ts";
import { bad, type Finding, good } from "./finding.ts";

/** Files that are named. */
const named = 3;

export interface DirectoryOptions {
  /** The first part of the names of relais's own files in it. @default none of its files are examined */
  readonly ours?: string;
  /** The key that names a file in it; that must not be a directory. */
  readonly fileOf?: string;
  /** True if it belongs to another program. @default false */
  readonly isShared?: boolean;
}

/**
 * Looks at a directory, or at the nearest one above it that is there; and at
 * the files of relais in it.
 */
export function examineDirectory(
  what: string,
  path: string,
  { ours, fileOf, isShared = false }: DirectoryOptions = {},
): Finding {
  const obstacle = obstacleTo(path);
  if (obstacle !== undefined) {
    return bad(
      what,
      `${obstacle} is not a directory; move it away, or choose another path`,
    );
  }
  const there = nearestDirectory(path);
  const { free } = diskOf(there)!;
  if (!isAllowed(there, "-w", "-x")) {
    return bad(what, tellClosed(there, path, isShared));
  }
  const file = `${path}/${ours}`;
  if (fileOf !== undefined && isDirectory(file)) {
    return bad(
      what,
      `${file} is a directory; move it away, or set ${fileOf} to a file`,
    );
  }
  const foreign = there === path && ours !== undefined
    ? foreignFiles(path, ours)
    : [];
  if (foreign.length > 0) return bad(what, tellForeign(path, foreign));
  const made = there === path ? "" : " (will be made)";
  return good(what, `${path}${made}, ${formatBytes(free)} free`);
}

/** Finds what stands where a directory is to be: `path` itself, or one above it. */
function obstacleTo(path: string): string | undefined {
  for (let at = path; at !== "/"; at = dirname(at)) {
    try {
      return Deno.statSync(at).isDirectory ? undefined : at;
    } catch {
      // Missing, or out of reach: the one above it is looked at.
    }
  }
  return undefined;
}

/** What earlier runs as another account have left behind. */
function foreignFiles(path: string, ours: string): string[] {
  const found = [...Deno.readDirSync(path)]
    .filter(({ name, isSymlink }) => name.startsWith(ours) && !isSymlink);
  return deniedOf(found.map(({ name }) => `${path}/${name}`), ["-r", "-w"])
    .map((denied) => basename(denied));
}

function tellForeign(path: string, names: readonly string[]): string {
  const first = names.slice(0, named).join(", ");
  const more = names.length > named ? ` and ${names.length - named} more` : "";
  const account = ownName();
  return `${account} cannot write ${first}${more} in ${path}; run as root: ${
    chown(account, names.map((name) => `${path}/${name}`))
  }`;
}

/** Says that `there` cannot be written to, which `path` is, or is to be made in, and what opens it. */
function tellClosed(there: string, path: string, isShared: boolean): string {
  const account = ownName();
  const what = `${account} cannot write to ${there}`;
  if (isReadOnly(there)) {
    return `${what}: it is mounted read-only (findmnt -T ${
      shellWord(there)
    }), or the unit does not open it; if it is new in the configuration, run "relais unit --install"`;
  }
  const command = there !== path
    ? `install -d -o ${account} ${shellWord(path)}`
    : isShared
    ? `setfacl -m u:${account}:rwx ${shellWord(path)}`
    : chown(account, [path]);
  return `${what}; run as root: ${command}`;
}

/** The name of the account that this process runs as; its number if it has none. */
export function ownName(): string {
  const number = String(Deno.uid());
  return lookUp(number)?.name ?? number;
}

function chown(account: string, paths: readonly string[]): string {
  return `chown -R ${account}: ${paths.map(shellWord).join(" ")}`;
}

/** Returns a directory, or the nearest one above it that is there. */
export function nearestDirectory(path: string): string {
  let there = path;
  while (!isDirectory(there) && there !== "/") there = dirname(there);
  return there;
}
