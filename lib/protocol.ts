/**
 * Everything the modules say to each other: what each one is started with,
 * what it can be asked, and what it tells unasked. Types only, plain data.
 *
 * @module
 */

import type { Notice, NoticePolicy } from "./notify/notices.ts";
import type {
  CopyConfig,
  CopyOrder,
  Level,
  LimitsConfig,
  LogConfig,
  ProbeConfig,
  PublishConfig,
  ReplicaConfig,
  ServerConfig,
} from "./config/config.ts";
import type { Failure } from "./errors.ts";
import type { Version } from "./list/entry.ts";
import type { NotFiles } from "./list/not-files.ts";
import type { FailedFile, PassReport } from "./pass-report.ts";
import type { Refused } from "./state/refusals.ts";
import type { FileStat } from "./ssh/file-stat.ts";
import type { Timestamp } from "./timestamp.ts";

/** The modules, by the names they have everywhere: worker, log, figures, file. */
export const moduleNames = [
  "test-server",
  "synchro-list",
  "copy-list",
  "stat",
  "log",
  "publish",
] as const;
export type ModuleName = typeof moduleNames[number];

/** What every module is started with; asked once, before anything else, as `start`. */
export interface Start<Settings> {
  readonly settings: Settings;
  /** The stats block. */
  readonly stats: SharedArrayBuffer;
  /** Messages below this level are not even posted. */
  readonly level: Level;
}

/** Joins a module to another one, or again to one that was replaced; or to one of its connections. */
export interface Wire {
  readonly wire: ModuleName | "connection";
  /** Whether the module asks the other one through `port`, or answers it. */
  readonly role: "ask" | "answer";
  readonly port: MessagePort;
}

/** Tells a module which pass its log lines belong to from now on. */
export interface NewPass {
  readonly pass: string;
}

// ---------------------------------------------------------------- test-server

export interface TestServerSettings {
  readonly servers: readonly ServerConfig[];
  readonly probe: ProbeConfig;
  readonly limits: LimitsConfig;
  readonly replica: Pick<ReplicaConfig, "state" | "source">;
  readonly dryRun: boolean;
}

/** How far into a list its reader has come, and how to recognise it. */
export interface Cursor {
  readonly generation: string;
  /** Bytes read so far; a line ends there. */
  readonly offset: number;
  /** The last bytes before `offset`. */
  readonly tail: Uint8Array;
  /** `seq` of the last line read. */
  readonly seq: number;
  /** Date of the list when it was read, in seconds since the epoch; `null`: it does not tell whether the list has changed. */
  readonly modified: number | null;
}

/** How deep a probe got, from nothing to all that matters. */
export const depths = [
  "nothing",
  "connected",
  "handshaken",
  "trusted",
  "authenticated",
  "sftp",
  "list",
] as const;
export type Depth = typeof depths[number];

/** What a probe says of a server. */
export const verdicts = [
  /** It serves. */
  "up",
  /** It does not answer. */
  "unreachable",
  /** It answers, but what we need is not there. */
  "unusable",
  /** Its list was not touched for longer than `probe.max_age`. */
  "stale",
  /** Its host key is not the known one. */
  "untrusted",
  /** It does not let us in. */
  "refused",
] as const;
export type Verdict = typeof verdicts[number];

/** One probe of one server. */
export interface Probe {
  readonly server: string;
  readonly verdict: Verdict;
  readonly depth: Depth;
  /** Why the server is not up, in plain words. */
  readonly failure: Failure | null;
  /** From the first byte to the last answer, in milliseconds. */
  readonly milliseconds: number;
  /** The list it publishes; `null` if there is none, or it was not reached. */
  readonly list: PublishedList | null;
  /** Whether its list is the one settled last time, to the byte. */
  readonly unchanged: boolean;
  /** Whether the synchronised list has all of its list; a tree is walked only where files are taken from. */
  readonly read: boolean;
  /** The agreed algorithms that only `algorithms = "legacy"` offers; `undefined` if it did not get so far. */
  readonly weak?: readonly string[];
  readonly wireBytes: number;
}

/** A list as a probe sees it. */
export interface PublishedList {
  readonly generation: string;
  /** Bytes. */
  readonly size: number;
  /** The heartbeat: when the publisher last ran, in seconds since the epoch; 0 if the server does not tell it. */
  readonly mtime: number;
}

export interface Probed {
  /** The server this pass takes its files from; `null` if none serves. */
  readonly active: string | null;
  /** Since when it is the active one, in milliseconds since the epoch; 0 if none was yet. */
  readonly activeSince: number;
  /** The active server before this probe. */
  readonly previous: string | null;
  /** Why the active server is the active one, in plain words. */
  readonly reason: string;
  /** The last probe of each server, in order of preference. */
  readonly probes: readonly Probe[];
  readonly wireBytes: number;
  readonly left: Left;
}

/** What earlier passes have left to do, whichever server serves. */
export interface Left {
  /** Whether there are files that no hook has been told of yet. */
  readonly unannounced: boolean;
  /** Now minus the date of the oldest entry not yet on the replica. */
  readonly lagSeconds: number;
  readonly missing: Missing;
}

/** What stays away, pass after pass, until somebody does something about it. */
export interface Missing {
  /** Lines of the active server's list. */
  readonly refused: Refused;
  /** Files of any server that could not be copied last time; the first ones. */
  readonly failed: readonly FailedFile[];
}

export type TestServerOperations = {
  /** Probes all servers and chooses. */
  probe: {
    request: {
      readonly fingerprint: string;
      /** Why servers cannot be used that a probe finds nothing wrong with, by name. */
      readonly unusable: Readonly<Record<string, Failure>>;
    };
    reply: Probed;
  };
  /** Probes all servers once and chooses nothing: for `relais check`. */
  examine: { request: null; reply: readonly Probe[] };
  /** Remembers that nothing of this list is left to do. */
  settle: {
    request: {
      readonly server: string;
      readonly cursor: Cursor;
      /** Of the configuration it was settled under. */
      readonly fingerprint: string;
    };
    reply: null;
  };
};

// --------------------------------------------------------------- synchro-list

export interface SynchroListSettings {
  readonly servers: readonly ServerConfig[];
  readonly limits: LimitsConfig;
  readonly replica: ReplicaConfig;
  readonly order: CopyOrder;
  /** Whether new files are to be announced to a hook. */
  readonly announces: boolean;
  /** Whether a list that lost entries is believed, and what it lost deleted. */
  readonly acceptShrink: boolean;
  readonly dryRun: boolean;
}

export interface Synchronised {
  readonly source: "list" | "tree";
  /** `null` for a tree. */
  readonly generation: string | null;
  /** Entries read. */
  readonly seen: number;
  /** Entries among them that are wanted. */
  readonly new: number;
  /** Entries not wanted: excluded, or older than what is here. */
  readonly skipped: number;
  /** Lines that break a rule of the format, or names that may not be used. */
  readonly refused: readonly string[];
  readonly refusedCount: number;
  /** What lies in a tree and is not copied. */
  readonly notFiles: NotFiles;
  readonly wireBytes: number;
  /** Where reading will go on; `null` for a tree. */
  readonly cursor: Cursor | null;
}

/** An entry to fetch. */
export interface Wanted extends Version {
  /** Position in the list of its server. */
  readonly seq: number;
  readonly path: string;
  /** Its path on the server, if that is another one. */
  readonly remote: string | null;
  /** Permission bits; `null` if the server tells none. */
  readonly mode: number | null;
  /** What is on the replica under this path, as far as the synchronised list knows. */
  readonly here: Version | null;
  /** Whether it could not be copied last time. */
  readonly failedBefore: boolean;
  /** Path of a large file on the replica that had the same contents when it was copied; `null` if none is known. */
  readonly twin: string | null;
}

/** What is on the replica, durably, from now on. */
export interface Arrived {
  readonly path: string;
  /** `seq` of the entry in the list of the server it came from. */
  readonly seq: number;
  /** False if the file was there already, and only adopted. */
  readonly fetched: boolean;
}

/** A file on the replica. */
export interface CopyHere extends Pick<Version, "size" | "mtime"> {
  readonly path: string;
  /** Permission bits; `null` if its server told none. */
  readonly mode: number | null;
}

/** Files of which nothing tells whether what a server names is newer than what is here. */
export interface Conflicts {
  readonly files: number;
  /** The first path of them. */
  readonly first: string | null;
}

/** What is still to be done. */
export interface Backlog {
  readonly pending: number;
  readonly bytes: number;
  /** Now minus the date of the oldest entry of a server in use that is not yet on the replica. */
  readonly lagSeconds: number;
  readonly conflicts: Conflicts;
}

export type SynchroListOperations = {
  /** Brings the synchronised list up to date with what `server` publishes. */
  synchronise: {
    request: {
      readonly server: string;
      /** Whether files are taken from it, and what it withdrew is followed. */
      readonly active: boolean;
    };
    reply: Synchronised;
  };
  /** Ends at once what is being read from a server. */
  abandon: { request: null; reply: null };
  /** The next entries to fetch from `server` after `last`, in the order of `copy.order`. */
  wanted: {
    request: {
      readonly server: string;
      readonly last: Pick<Wanted, "seq" | "size"> | null;
      readonly limit: number;
    };
    reply: readonly Wanted[];
  };
  arrived: {
    request: { readonly server: string; readonly files: readonly Arrived[] };
    reply: null;
  };
  failed: {
    request: { readonly server: string; readonly files: readonly FailedFile[] };
    reply: null;
  };
  /** The next files here after `after`, by path, that `server` withdrew; the first are refused if all are too many. */
  withdrawn: {
    request: {
      readonly server: string;
      /** `null`: from the first one on. */
      readonly after: string | null;
      readonly limit: number;
    };
    reply: readonly { readonly path: string; readonly size: number }[];
  };
  removed: { request: { readonly paths: readonly string[] }; reply: null };
  /** The next files here after `after`, by path. */
  here: {
    request: { readonly after: string; readonly limit: number };
    reply: readonly CopyHere[];
  };
  backlog: { request: { readonly server: string }; reply: Backlog };
  missing: { request: { readonly server: string }; reply: Missing };
  /** Files that arrived and that no hook has been told of yet. */
  unannounced: { request: null; reply: readonly string[] };
  announced: { request: { readonly paths: readonly string[] }; reply: null };
};

// ------------------------------------------------------------------ copy-list

/** What copy-list asks one of its connections, each in a worker of its own. */
export type ConnectionOperations = {
  /** Asked before anything else; ends the session that there was. */
  connect: {
    request: { readonly server: ServerConfig; readonly limits: LimitsConfig };
    reply: { readonly maxRead: number; readonly maxHandles: number };
  };
  /** Answers at once. */
  ping: { request: null; reply: null };
  /** Reads the first `length` bytes of a file. */
  fetch: {
    request: { readonly path: string; readonly length: number };
    reply: Uint8Array;
  };
  /** Follows a symbolic link. */
  stat: { request: { readonly path: string }; reply: FileStat };
  /** Opens a file; the reply stands for it. */
  open: { request: { readonly path: string }; reply: number };
  read: {
    request: {
      readonly file: number;
      readonly position: number;
      readonly length: number;
    };
    reply: Uint8Array;
  };
  close: { request: { readonly file: number }; reply: null };
  /** Ends the session, and tells what went over the wire. */
  end: {
    request: null;
    reply: { readonly received: number; readonly sent: number };
  };
};

export interface CopyListSettings {
  /** Whether each file is told as it arrives. */
  readonly tellsFiles: boolean;
  readonly servers: readonly ServerConfig[];
  readonly limits: LimitsConfig;
  readonly copy: CopyConfig;
  readonly replica: ReplicaConfig;
}

export interface Copied {
  readonly copied: number;
  readonly adopted: number;
  readonly bytes: number;
  /** Bytes of what was copied that were on the replica already. */
  readonly reused: number;
  readonly wireBytes: number;
  readonly failed: readonly FailedFile[];
  /** Paths of failed files that something else is in the way of on the replica. */
  readonly blocked: readonly string[];
  /** Paths of failed files that came too slowly to be waited for: another server may have them. */
  readonly slow: readonly string[];
  /** Paths of those that were asked for with `only`, and are here now. */
  readonly got: readonly string[];
  /** Why copying ended before its end: the server was lost, or the disk. */
  readonly ended: Failure | null;
}

export type CopyListOperations = {
  /** Settles what a crash left between the disk and the state; comes before all else. */
  recover: { request: null; reply: null };
  /** Opens the connection, so that it is there when the list has been read. */
  connect: { request: { readonly server: string }; reply: null };
  /** Closes it again, if nothing was copied over it. */
  hangUp: { request: null; reply: null };
  /** Fetches all that is wanted from `server`, or no more than `maxTransfer` bytes. */
  copy: {
    request: {
      readonly server: string;
      readonly maxTransfer: number | undefined;
      /** Paths to leave alone: this pass has tried them already. */
      readonly without: readonly string[];
      /** The only paths to copy. @default all */
      readonly only?: readonly string[] | undefined;
    };
    reply: Copied;
  };
  /** Removes what earlier passes have begun to fetch and nobody wants any more; hangs up. */
  tidy: { request: { readonly server: string }; reply: null };
  /** Ends a copy under way in good order: what is under way arrives and is committed, the rest stays staged. */
  stop: { request: null; reply: null };
  /** Ends it without waiting for the server: what is whole is committed, the rest stays staged. */
  abandon: { request: { readonly reason: string }; reply: null };
  /** Gives what is here its rights, if they were changed; returns the files for which that failed. */
  amend: { request: null; reply: readonly FailedFile[] };
  /** Takes away what `server` withdrew, as `replica.delete` says. */
  remove: {
    request: { readonly server: string };
    reply: {
      /** Number of files that are gone. */
      readonly removed: number;
      readonly failed: readonly FailedFile[];
    };
  };
};

/** What copy-list tells unasked of a file that has arrived, whole. */
export interface FileFetched {
  readonly fetched: string;
}

// ----------------------------------------------------------------------- stat

export interface StatSettings {
  /** Directory the snapshot is written to. */
  readonly directory: string;
  readonly prometheus: string;
  /** How long passes are kept in the state, 0 for ever. */
  readonly keepMs: number;
  /** What the administrator is told of. */
  readonly notices: NoticePolicy;
  /** Whether to write nothing at all. */
  readonly dryRun: boolean;
  /** Whether one pass follows the other. */
  readonly loop: boolean;
}

/** What recording a pass brought to light. */
export interface Recorded {
  /** The errors of the pass before it. */
  readonly before: readonly string[];
  /** What the administrator is to be told. */
  readonly notices: readonly Notice[];
}

export type StatOperations = {
  /** Writes the pass into the history, and the snapshot. */
  record: {
    request: { readonly report: PassReport; readonly started: Timestamp };
    reply: Recorded;
  };
  /** Judges that another server is the active one; returns what there is to tell of it. */
  switched: {
    request: { readonly server: string | null; readonly reason: string };
    reply: readonly Notice[];
  };
  /** Remembers that nobody heard that this state has begun, or lasts. */
  unheard: { request: { readonly condition: string }; reply: null };
  /** Writes the snapshot. */
  write: { request: null; reply: null };
};

// ------------------------------------------------------------------------ log

export interface LogSettings extends LogConfig {
  /** The gravest level below which nothing goes to stderr; `null`: nothing at all does. */
  readonly stderr: Level | null;
  /** Whether stderr is the journal. */
  readonly journal: boolean;
  /** Whether lines are drawn on stderr that a message must take the place of. */
  readonly live?: boolean;
  readonly dryRun: boolean;
}

export type LogOperations = {
  /** Answers when all that was posted before is written. */
  flush: { request: null; reply: null };
};

// -------------------------------------------------------------------- publish

export interface PublishSettings {
  readonly publish: PublishConfig;
}

export interface PublishRequest {
  /** Whether `max_withdraw` does not hold this time. */
  readonly acceptShrink: boolean;
  /** Whether the export is read again, and what is not as the list says published again. */
  readonly verify: boolean;
  /** The only sources, or directories of them, to look at: paths below the base. @default all */
  readonly only?: readonly string[] | undefined;
}

/** What one run of publish did. */
export interface PublishReport {
  readonly scanned: number;
  readonly published: number;
  readonly withdrawn: number;
  readonly unchanged: number;
  /** What lies among the sources and is not copied. */
  readonly not_files: NotFiles;
  readonly bytes: number;
  readonly failed: readonly FailedFile[];
  readonly generation: string;
  readonly seconds: number;
}

export type PublishOperations = {
  publish: { request: PublishRequest; reply: PublishReport };
};
