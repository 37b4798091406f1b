/**
 * What can be configured, in typed values. `parse.ts` makes it from TOML.
 *
 * @module
 */

import type { Account } from "./accounts.ts";

/** What is offered to a server: nothing weak, or also what an old UNIX has (SHA-1, CBC, ssh-rsa). */
export const algorithmSets = ["modern", "legacy"] as const;
export type Algorithms = typeof algorithmSets[number];

/** A machine files come from. */
export interface ServerConfig {
  readonly name: string;
  readonly host: string;
  /** @default 22 */
  readonly port: number;
  /** @default "relais" */
  readonly user: string;
  /** Path of a private key file; `null` when only the agent is to be asked. */
  readonly identity: string | null;
  /** Whether to ask the ssh-agent at `$SSH_AUTH_SOCK`. @default false */
  readonly agent: boolean;
  /** Paths of OpenSSH known_hosts files. */
  readonly knownHosts: readonly string[];
  /** Pinned host keys as `SHA256:…` fingerprints. */
  readonly hostKeys: readonly string[];
  /** @default "modern" */
  readonly algorithms: Algorithms;
  /** The export directory on that server, an absolute path. */
  readonly root: string;
  /** A list of its own that relais did not write; `null` for one that it did. */
  readonly list: ForeignListConfig | null;
}

/** A list that a server keeps by means of its own. */
export interface ForeignListConfig {
  /** Where it lies on the server, absolute. */
  readonly path: string;
  /** How its lines are written; see `lib/list/foreign.ts`. */
  readonly format: string;
  /** Whether it only ever grows; else it is read again whole when it has changed. @default false */
  readonly grows: boolean;
}

/** Where entries come from: the published list, a walk of the tree, or the list if there is one. */
export const sources = ["list", "tree", "auto"] as const;
export type Source = typeof sources[number];

/** What happens to symbolic links: they are counted and told, or followed where they lead inside. */
export const linkRules = ["skip", "follow"] as const;
export type LinkRule = typeof linkRules[number];

/** What happens on the replica to a file that its server withdrew. */
export const deletions = ["keep", "trash", "remove"] as const;
export type Deletion = typeof deletions[number];

/** How many files a pass may delete: a share of those here, or a number. */
export type MaxDelete = { readonly share: number } | { readonly files: number };

/** The copy, on this machine. */
export interface ReplicaConfig {
  readonly into: string;
  /** @default "/var/lib/relais", or "/var/lib/relais/JOB" */
  readonly state: string;
  /** @default "auto" */
  readonly source: Source;
  /** Globs on the relative path; empty: everything. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** @default "keep" */
  readonly delete: Deletion;
  /** @default 10 % */
  readonly maxDelete: MaxDelete;
  /** How long a file stays in the trash; 0: for ever. @default 30 days */
  readonly trashKeepMs: number;
  /** Who may do what with the copies, and whose they are. */
  readonly rights: RightsConfig;
  /** What names are made readable from that were not UTF-8 on the server; `null`: they keep their `%XX` form. */
  readonly filenameCharset: string | null;
  /** A tree is read whole at least so often, and else only where its directories have changed; 0: always. @default 1 h */
  readonly treeRescanMs: number;
  /** Of a tree. @default "skip" */
  readonly links: LinkRule;
}

/** Who may do what with the copies, and whose they are. */
export interface RightsConfig {
  /** Permission bits of files; `null`: those that the server tells, less the umask. @default null */
  readonly fileMode: number | null;
  /** Permission bits of directories that relais makes; `null`: those that the umask leaves. @default 0o755 */
  readonly directoryMode: number | null;
  /** `null`: the account that runs relais. */
  readonly owner: Account | null;
  /** `null`: that of the account. */
  readonly group: Account | null;
}

/** How servers are tested and chosen. */
export interface ProbeConfig {
  /** How long one probe may take. @default 5 s */
  readonly timeoutMs: number;
  /** Good probes in a row before a server counts as up again. @default 2 */
  readonly rise: number;
  /** Bad probes in a row before the active server is left. @default 3 */
  readonly fall: number;
  /** At least this long on a server before going back to a preferred one. @default 1 min */
  readonly holdMs: number;
  /** A list not touched for so long is stale; 0: never. @default 0 */
  readonly maxAgeMs: number;
  /** Whether to go back to a preferred server by oneself. @default "auto" */
  readonly failback: "auto" | "manual";
}

/** Which of the wanted files come first: those published first, or the smallest. */
export const copyOrders = ["oldest", "smallest"] as const;
export type CopyOrder = typeof copyOrders[number];

/** When a changed file is made of what is here of it: when it pays, always, or never. */
export const deltas = ["auto", "always", "never"] as const;
export type Delta = typeof deltas[number];

/** How files are fetched. */
export interface CopyConfig {
  /** Requests in flight, of up to 64 KiB each; a longer one counts for several. @default 512 */
  readonly parallel: number;
  /** @default 1 */
  readonly connections: number;
  /** Bytes per second; 0: no limit. @default 0 */
  readonly bandwidth: number;
  /** Attempts for each file in a pass after the first. @default 3 */
  readonly retries: number;
  /** @default "oldest" */
  readonly order: CopyOrder;
  /** @default "auto" */
  readonly delta: Delta;
}

/** Limits on every wait, on monotonic clocks. */
export interface LimitsConfig {
  /** TCP connect. @default 10 s */
  readonly connectMs: number;
  /** SSH handshake and authentication. @default 20 s */
  readonly handshakeMs: number;
  /** Between SSH keepalives; three unanswered ones end a connection. @default 5 s */
  readonly keepaliveMs: number;
  /** One SFTP request. @default 30 s */
  readonly requestMs: number;
}

/** Levels of the log, from the chattiest to the gravest. */
export const levels = ["debug", "info", "warning", "error"] as const;
export type Level = typeof levels[number];

export interface LogConfig {
  /** Path of the log file; empty: none. @default "/var/log/relais/relais.log", or "/var/log/relais/JOB/relais.log" */
  readonly file: string;
  /** @default "info" */
  readonly level: Level;
  /** Bytes a log file may reach before it is rotated. @default 10 MB */
  readonly maxSize: number;
  /** Rotated files kept. @default 5 */
  readonly keep: number;
}

/** What is kept of the past, and for whom. */
export interface StatConfig {
  /** Path of a Prometheus textfile; empty: none. */
  readonly prometheus: string;
  /** How long the history is kept; 0: for ever. @default 400 days */
  readonly keepMs: number;
}

export interface HooksConfig {
  /** Command and arguments; empty: none. Gets the new files on stdin, NUL-separated. */
  readonly onNew: readonly string[];
  /** `onNew` is ended after so many milliseconds. @default 10 minutes */
  readonly onNewTimeoutMs: number;
  /** Those that follow get a notice on stdin, as JSON. */
  readonly onFailover: readonly string[];
  readonly onFailback: readonly string[];
  readonly onError: readonly string[];
  readonly onRecovered: readonly string[];
  readonly onLag: readonly string[];
  /** A lag of more than so many milliseconds is told; 0: none is. @default 0 */
  readonly maxLagMs: number;
  /** What has not been seen for so many milliseconds is over. @default 10 minutes */
  readonly settleMs: number;
  /** Address that is told when a pass begins and ends; empty: none. */
  readonly ping: string;
}

/** Which files a server publishes, and where. */
export interface SourcesConfig {
  /** Globs of absolute paths. */
  readonly files: readonly string[];
  /** The part of each source path that is left out in the export. */
  readonly base: string;
  /** The export directory. */
  readonly into: string;
  /** @default "skip" */
  readonly links: LinkRule;
}

/** What a server publishes. */
export interface PublishConfig extends SourcesConfig {
  /** Bytes of the smallest file that gets a signature; `Infinity`: none does. @default 4 MiB */
  readonly signatures: number;
  /** What may be withdrawn in one run; more than that is a reason to stop and ask. @default 50% */
  readonly maxWithdraw: MaxDelete;
  /** How long withdrawn files, and versions that were replaced, are kept beside the export; 0: not at all. @default 0 */
  readonly keepMs: number;
  readonly compaction: Compaction;
  /** Who writes the list; empty: made from the machine and `into`. */
  readonly writer: string;
}

/** When a list is written anew, without what is no longer so. */
export interface Compaction {
  /** Bytes of the smallest list that is; `Infinity`: none is. @default 1 MB */
  readonly size: number;
  /** The share of its lines that still hold, at most. @default 50% */
  readonly share: number;
}

/** The whole configuration file. */
export interface Config {
  /** Path of the file it was read from. */
  readonly path: string;
  /** The job that it is of; `null`: it needs no name. */
  readonly job: string | null;
  /** In order of preference. */
  readonly servers: readonly ServerConfig[];
  readonly replica: ReplicaConfig | null;
  readonly probe: ProbeConfig;
  readonly copy: CopyConfig;
  readonly limits: LimitsConfig;
  readonly schedule: { /** @default 1 min */ readonly everyMs: number };
  readonly log: LogConfig;
  readonly stat: StatConfig;
  readonly hooks: HooksConfig;
  readonly publish: PublishConfig | null;
}

/** A configuration that can keep a replica: `[replica]` is there, and at least one server. */
export interface ReplicaReady extends Config {
  readonly replica: ReplicaConfig;
}
