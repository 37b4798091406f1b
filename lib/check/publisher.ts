/**
 * What `relais check` examines on a server: can this account read what is to be
 * published, and write it where readers find it?
 *
 * @module
 */

import { dirname } from "@std/path/posix";
import type { PublishReady } from "../config/load.ts";
import { describe, exitStatus, RelaisError } from "../errors.ts";
import { ownDirectoryOf } from "../files/own-directory.ts";
import { reasonOf, unreadable } from "../publish/reason.ts";
import { compileGlob, Sources } from "../publish/sources.ts";
import { diskOf } from "../status/disk.ts";
import { formatBytes } from "../text/human.ts";
import { shellWord } from "../text/shell-word.ts";
import { requireNoReplica } from "../files/keeper.ts";
import { isReadable } from "./access.ts";
import { examineDirectory, nearestDirectory, ownName } from "./directory.ts";
import { bad, doubtful, type Finding, good } from "./finding.ts";
import { examineKeeper } from "./keeper.ts";

/** Examines what is published, and where to. Changes nothing. */
export function examinePublisher(
  { publish }: PublishReady,
): Finding[] {
  const { into } = publish;
  return [
    ...examineSources(publish),
    ...examineExport(into),
    examineChroot(into),
    ...examineClock(into),
  ];
}

/** Sources that are named. */
const named = 3;

/** Finds all that is to be published, and asks of each file whether it can be read. */
function examineSources(
  publish: PublishReady["publish"],
): Finding[] {
  using sources = new Sources(publish);
  const globs = publish.files.map((glob) => ({
    glob,
    test: compileGlob(glob),
    matches: false,
  }));
  const closed: string[] = [];
  let files = 0;
  let bytes = 0;
  try {
    for (const found of sources.find()) {
      if ("passedOver" in found) continue;
      const path = sources.nameOf(found.path);
      if ("failed" in found) {
        closed.push(`${path}: ${found.failed}`);
        continue;
      }
      files++;
      try {
        bytes += sources.glance(found.path).size;
      } catch (error) {
        closed.push(`${path}: ${reasonOf(error)}`);
        continue;
      }
      for (const each of globs) each.matches ||= each.test.test(path);
      if (!isReadable(path)) closed.push(`${path}: ${unreadable}`);
    }
  } catch (error) {
    if (!(error instanceof RelaisError)) throw error;
    return [bad("sources", describe(error), error.exitStatus)];
  }
  const all = `${files} files, ${formatBytes(bytes)}, below ${publish.base}`;
  return [
    closed.length === 0
      ? good("sources", all)
      : bad("sources", tellClosed(closed, files), exitStatus.incomplete),
    ...globs.filter(({ matches }) => !matches)
      .map(({ glob }) => doubtful("sources", `nothing matches ${glob}`)),
    ...examineRoom(publish.into, bytes),
  ];
}

function tellClosed(closed: readonly string[], files: number): string {
  const first = closed.slice(0, named).join("; ");
  const more = closed.length > named ? `; … and ${closed.length - named}` : "";
  return `${closed.length} of ${files} files cannot be published: ${first}${more}`;
}

/** A first run copies everything. */
function examineRoom(into: string, bytes: number): Finding[] {
  if (lookAt(`${ownDirectoryOf({ into })}/list`) !== undefined) return [];
  const there = nearestDirectory(into);
  const { free } = diskOf(there)!;
  if (bytes < free) return [];
  return [bad(
    "export",
    `the sources need ${formatBytes(bytes)}, and only ${
      formatBytes(free)
    } are free in ${there}`,
  )];
}

/** The export, and what an earlier publisher has left in it. */
function examineExport(into: string): Finding[] {
  const findings = [
    examineDirectory("export", into),
    ...examineKeeper("export", () => requireNoReplica(into)),
  ];
  const own = ownDirectoryOf({ into });
  for (const path of [into, own]) {
    if (lookAt(path)?.isSymlink) {
      findings.push(bad(
        "export",
        `${path} is a symbolic link; set publish.into to its target`,
      ));
    }
  }
  // Whoever owns it alone may set the modes of what is in it.
  for (const path of [own, `${own}/list`]) {
    const owner = lookAt(path)?.uid ?? null;
    if (owner !== null && Deno.uid() !== 0 && owner !== Deno.uid()) {
      findings.push(bad(
        "export",
        `${path} belongs to another account (uid ${owner}); publish as that account, or run as root: chown -R ${ownName()}: ${
          shellWord(into)
        }`,
      ));
      break;
    }
  }
  return findings;
}

/**
 * Says which directory sshd can confine readers to: each one down to it must be
 * root's, and writable by root alone (sshd_config(5), ChrootDirectory).
 */
function examineChroot(into: string): Finding {
  const above = [];
  for (let at = dirname(into);; at = dirname(at)) {
    above.unshift(at);
    if (at === "/") break;
  }
  const broken = above.findIndex((path) => !isRoots(path));
  const last = broken === -1 ? above.at(-1)! : above[broken - 1] ?? "/";
  const unfit = broken === -1
    ? ""
    : `${above[broken]} does not belong to root, or others may write to it`;
  if (last === "/") {
    return doubtful(
      "sshd",
      `no directory above ${into} can be its ChrootDirectory${
        unfit === "" ? "" : `: ${unfit}`
      }`,
    );
  }
  const root = `with ChrootDirectory ${last}, the replica's root is "${
    into.slice(last.length)
  }"`;
  return good("sshd", unfit === "" ? root : `${root}; ${unfit}`);
}

function isRoots(path: string): boolean {
  const there = lookAt(path);
  // What is not there yet will be made by root.
  if (there === undefined) return true;
  return there.isDirectory && there.uid === 0 &&
    ((there.mode ?? 0) & 0o022) === 0;
}

/** A clock that goes by so much is no reason to speak. */
const clockMs = 60_000;

/** The list is dated by each run: it cannot have been renewed in the future. */
function examineClock(into: string): Finding[] {
  const renewed = lookAt(`${ownDirectoryOf({ into })}/list`)?.mtime?.getTime();
  if (renewed === undefined || renewed < Date.now() + clockMs) return [];
  return [doubtful(
    "clock",
    `the list was renewed at ${
      new Date(renewed).toISOString()
    }, which is in the future; check the clock (timedatectl)`,
  )];
}

function lookAt(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch {
    // Missing, or out of reach, which the directory above it tells.
    return undefined;
  }
}
