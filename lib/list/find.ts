/**
 * Finding the list of a server, or finding that it needs none.
 *
 * @module
 */

import type { ServerConfig, Source } from "../config/config.ts";
import { UnusableError } from "../errors.ts";
import { type Cursor, foreignGeneration } from "./cursor.ts";
import type { SessionRequests } from "../ssh/session-requests.ts";
import { SftpError } from "../ssh/sftp-error.ts";
import { requireRoot } from "./root.ts";
import { listPath, RemoteList } from "./remote.ts";

/** Options for finding a list. */
export interface Search {
  readonly source: Source;
  /** Position in its list after the last pass; `undefined` if none was read, or the tree was walked since. */
  readonly cursor: Cursor | undefined;
}

/**
 * Opens the list of a server; returns nothing if there is none, and none was
 * ever read or asked for: then the tree takes its place.
 *
 * @throws {UnusableError} If it is missing, or is not a list.
 */
export async function findList(
  session: SessionRequests,
  server: ServerConfig,
  { source, cursor }: Search,
): Promise<RemoteList | undefined> {
  if (source === "tree") return undefined;
  try {
    return await RemoteList.open(session, server, cursor);
  } catch (error) {
    const missing = error instanceof SftpError && error.code === "no such file";
    if (!missing) throw error;
    // Not to find the list is no wonder where the directory is not found.
    await requireRoot(session, server.root);
    if (isListNeeded(source, server)) throw noList(session, server, error);
    // A disk that is not mounted there is not to look like a tree without files.
    if (cursor !== undefined && cursor.generation !== foreignGeneration) {
      throw goneList(session, server, error);
    }
    return undefined;
  }
}

/** Tells whether a server is of no use without its list: whoever says where one lies does not mean the tree. */
function isListNeeded(
  source: Source,
  { list }: Pick<ServerConfig, "list">,
): boolean {
  return source === "list" || list !== null;
}

function noList(
  session: SessionRequests,
  { root, list }: ServerConfig,
  cause: Error,
): UnusableError {
  if (list !== null) {
    return new UnusableError(
      `Cannot find the list ${list.path} on ${session.server}`,
      {
        cause,
        hint:
          `correct list of ${session.server}, or start the program that writes it there`,
      },
    );
  }
  return new UnusableError(
    `Cannot find a list in ${root} on ${session.server}`,
    {
      cause,
      hint:
        `run "relais publish --once" there, or set replica.source to "tree"`,
    },
  );
}

function goneList(
  session: SessionRequests,
  { root }: ServerConfig,
  cause: Error,
): UnusableError {
  return new UnusableError(
    `Cannot find ${root}/${listPath} on ${session.server} any more: it was there in an earlier pass`,
    {
      cause,
      hint:
        `check that the file system is mounted there, or run "relais publish --once" there; to copy without a list from now on, set replica.source = "tree"`,
    },
  );
}
