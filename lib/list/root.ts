/**
 * The export directory of a server, as the account there sees it.
 *
 * @module
 */

import { UnusableError } from "../errors.ts";
import type { SessionRequests } from "../ssh/session-requests.ts";
import { SftpError } from "../ssh/sftp-error.ts";

/** Names of the top directory that are told. */
const namesTold = 8;

/** Directories of a path that are left out one after the other, to find it inside a chroot. */
const deepestChroot = 16;

/**
 * Makes sure that `root` is a directory on the server.
 *
 * @throws {UnusableError} If it is not; with the directory that was probably
 *   meant, because an account in a chroot sees paths without what lies above it.
 */
export async function requireRoot(
  session: SessionRequests,
  root: string,
): Promise<void> {
  const kind = await kindOf(session, root);
  if (kind === "directory") return;
  if (kind !== undefined) {
    throw new UnusableError(
      `Cannot use ${root} on ${session.server}: it is not a directory`,
      { hint: "set root to the export directory there" },
    );
  }
  throw new UnusableError(
    `Cannot find root = "${root}" on ${session.server}: there is no such directory`,
    { hint: await whereElse(session, root) },
  );
}

/** Tells what the server has in place of `root`. */
async function whereElse(
  session: SessionRequests,
  root: string,
): Promise<string> {
  const names = root.split("/").filter((name) => name !== "");
  for (let left = 1; left <= Math.min(names.length, deepestChroot); left++) {
    const inside = `/${names.slice(left).join("/")}`;
    if (inside === "/") break;
    if (await kindOf(session, inside) === "directory") {
      return `set root = "${inside}", as the account sees it from inside its ChrootDirectory`;
    }
  }
  const top = await namesIn(session, "/");
  return `set root as the account sees it: paths begin at its ChrootDirectory, if it has one; its / contains ${top}`;
}

/** @throws {UnusableError} If the account may not look. */
async function kindOf(session: SessionRequests, path: string) {
  try {
    return (await session.stat(path)).kind;
  } catch (error) {
    if (!(error instanceof SftpError)) throw error;
    if (error.code === "no such file") return undefined;
    throw new UnusableError(
      `Cannot use ${path} on ${session.server}: ${error.reason}`,
      {
        cause: error,
        hint:
          "let the account there read it, and search (x) all directories above",
      },
    );
  }
}

async function namesIn(
  session: SessionRequests,
  path: string,
): Promise<string> {
  try {
    for await (const entries of session.list(path)) {
      const names = entries.map(({ name }) => name).toSorted();
      const more = names.length > namesTold ? " …" : "";
      if (names.length > 0) return names.slice(0, namesTold).join(" ") + more;
    }
    return "nothing";
  } catch (error) {
    if (!(error instanceof SftpError)) throw error;
    return `what the account may not see (${error.reason})`;
  }
}
