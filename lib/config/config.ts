/**
 * What can be configured, in typed values, named as the rest of relais does:
 * `schema.ts` has all tables and keys, `parse.ts` reads them.
 *
 * @module
 */

import { type Parsed, tables } from "./schema.ts";
import { type Named, named } from "./table.ts";

type Tables = typeof tables;
type KeysOf<Name extends keyof Tables> = Named<Tables[Name]["keys"]>;

export type ServerConfig = Readonly<ReturnType<typeof toServer>> & {
  /** The key as the file names it, if the service manager has handed it over: the one that people know. */
  readonly namedIdentity?: string;
};
export type Algorithms = ServerConfig["algorithms"];

export type ReplicaConfig = Readonly<ReturnType<typeof toReplica>>;
/** Who may do what with the copies, and whose they are. */
export type RightsConfig = Readonly<ReplicaConfig["rights"]>;
export type Source = ReplicaConfig["source"];
export type Deletion = ReplicaConfig["delete"];
/** What happens to symbolic links. */
export type LinkRule = ReplicaConfig["links"];

export type ProbeConfig = KeysOf<"probe">;
export type CopyConfig = KeysOf<"copy">;
export type CopyOrder = CopyConfig["order"];
export type Delta = CopyConfig["delta"];
export type LimitsConfig = KeysOf<"limits">;
export type LogConfig = KeysOf<"log">;
export type Level = LogConfig["level"];
export type HooksConfig = KeysOf<"hooks">;

export type ClusterConfig = KeysOf<"cluster">;

export type PublishConfig = Readonly<ReturnType<typeof toPublish>>;
/** Which files a server publishes, and where. */
export type SourcesConfig = Pick<
  PublishConfig,
  "files" | "base" | "into" | "links"
>;
/** When a list is rewritten without lines that no longer hold. */
export type Compaction = Readonly<PublishConfig["compaction"]>;

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
  readonly schedule: KeysOf<"schedule">;
  readonly log: LogConfig;
  readonly stat: KeysOf<"stat">;
  readonly hooks: HooksConfig;
  /** `null`: this machine keeps its replica alone. */
  readonly cluster: ClusterConfig | null;
  readonly publish: PublishConfig | null;
}

/** A configuration that can keep a replica: `[replica]` is there, and at least one server. */
export interface ReplicaReady extends Config {
  readonly replica: ReplicaConfig;
}

/** Names what was parsed, and puts together what belongs together. */
export function toConfig(
  path: string,
  job: string | null,
  parsed: Parsed,
): Config {
  return {
    path,
    job,
    servers: parsed.server.map(toServer),
    replica: parsed.replica === undefined ? null : toReplica(parsed.replica),
    probe: named(tables.probe, parsed.probe),
    copy: named(tables.copy, parsed.copy),
    limits: named(tables.limits, parsed.limits),
    schedule: named(tables.schedule, parsed.schedule),
    log: named(tables.log, parsed.log),
    stat: named(tables.stat, parsed.stat),
    hooks: named(tables.hooks, parsed.hooks),
    cluster: parsed.cluster === undefined
      ? null
      : named(tables.cluster, parsed.cluster),
    publish: parsed.publish === undefined ? null : toPublish(parsed.publish),
  };
}

function toServer(parsed: Parsed["server"][number]) {
  const made = named(tables.server, parsed);
  const { hostKey, list, listFormat, listAppend, ...others } = made;
  const { transport, ssh, sshConfig, port, jump, ...server } = others;
  const standard = tables.server.keys;
  const user = server.user ?? standard.user.default;
  return {
    ...server,
    port: port ?? standard.port.default,
    user,
    /** The host that it is reached through; `null`: directly. */
    jump: jump === null ? null : { ...jump, user: jump.user ?? user },
    /** How the system's ssh client is told of it; `null`: relais speaks SSH itself. */
    openssh: transport === "openssh"
      ? {
        client: ssh,
        config: sshConfig,
        port,
        user: server.user,
        /** Of a key that does not lie beside it. */
        certificate: null as string | null,
      }
      : null,
    hostKeys: hostKey,
    list: list === null
      ? null
      : { path: list, format: listFormat!, grows: listAppend },
  };
}

function toReplica(parsed: NonNullable<Parsed["replica"]>) {
  const { fileMode, directoryMode, owner, group, ...replica } = named(
    tables.replica,
    parsed,
  );
  return { ...replica, rights: { fileMode, directoryMode, owner, group } };
}

function toPublish(parsed: NonNullable<Parsed["publish"]>) {
  const { compact, compactShare, ...publish } = named(tables.publish, parsed);
  return { ...publish, compaction: { size: compact, share: compactShare } };
}
