/**
 * What connection is started with, asked, and answers.
 *
 * @module
 */

import type { LimitsConfig, ServerConfig } from "../config/config.ts";
import type { Failure } from "../errors.ts";
import type { Depth } from "../ssh/depth.ts";
import type { FileStat, OpenFileStat } from "../ssh/file-stat.ts";
import type { SmallFile } from "../ssh/read-file.ts";
import type { Terms } from "../ssh/terms.ts";

export interface ConnectionSettings {
  readonly servers: readonly ServerConfig[];
  readonly limits: LimitsConfig;
}

/**
 * How a session is to be had: `shared` with whoever uses that server; `idle`,
 * shared unless requests of others are under way, which may be what it is stuck
 * in; `own`, a further one for this use alone.
 */
export type Sharing = "shared" | "idle" | "own";

/** A session that is open. */
export interface Opened {
  readonly maxRead: number;
  readonly maxHandles: number;
  /** How it came about. */
  readonly terms: Terms;
  /** True if it was open already. */
  readonly isKept: boolean;
}

/** One name in a directory; see `DirectoryEntry`. */
export interface ListedName {
  readonly name: string;
  readonly stat: FileStat | Failure;
}

/** Each use of a session has a name that its user gives it. */
interface Used {
  readonly use: string;
}

/** Names a file or a directory of a server. */
interface OfPath extends Used {
  readonly path: string;
}

interface OfHandle extends Used {
  readonly handle: Uint8Array;
}

export type ConnectionOperations = {
  /** Begins a use of a session, and opens one if there is none. */
  take: {
    request: Used & { readonly server: string; readonly sharing: Sharing };
    reply: Opened | { readonly failure: Failure; readonly depth: Depth };
  };
  /** Ends a use; a shared session stays open. Tells the bytes that the use took, both ways. */
  leave: { request: Used; reply: number };
  /** Ends the session of a use, or the attempt to open it, without waiting for the server. */
  abandon: { request: Used; reply: null };
  /** Ends all sessions that nobody uses. */
  hangUp: { request: null; reply: null };
  /** Reads small files whole. */
  fetch: {
    request: Used & { readonly files: readonly SmallFile[] };
    reply: readonly (Uint8Array | Failure)[];
  };
  stat: { request: OfPath; reply: FileStat };
  lstat: { request: OfPath; reply: FileStat };
  realPath: { request: OfPath; reply: string };
  open: { request: OfPath; reply: Uint8Array };
  fstat: { request: OfHandle; reply: OpenFileStat };
  read: {
    request: OfHandle & {
      readonly position: number;
      readonly length: number;
      /** What the answer may be put into; it changes hands. */
      readonly memory: ArrayBuffer | undefined;
    };
    reply: Uint8Array;
  };
  close: { request: OfHandle; reply: null };
  /** Begins to list a directory; the reply stands for the listing. */
  list: { request: OfPath; reply: number };
  /** Tells the next names; `null`: that were all. */
  names: {
    request: Used & { readonly listing: number };
    reply: readonly ListedName[] | null;
  };
  /** Ends a listing. */
  unlist: { request: Used & { readonly listing: number }; reply: null };
};
