/**
 * From keys as the file spells them to {@link Config}.
 *
 * @module
 */

import type {
  Config,
  PublishConfig,
  ReplicaConfig,
  ServerConfig,
} from "./config.ts";
import type { Parsed } from "./schema.ts";

/** Names what was parsed as the rest of relais does. */
export function toConfig(
  path: string,
  job: string | null,
  parsed: Parsed,
): Config {
  const { server, replica, copy, schedule, stat, publish } = parsed;
  return {
    path,
    job,
    servers: server.map(toServer),
    replica: replica === undefined ? null : toReplica(replica),
    probe: toProbe(parsed.probe),
    copy,
    limits: toLimits(parsed.limits),
    schedule: { everyMs: schedule.every },
    log: toLog(parsed.log),
    stat: { prometheus: stat.prometheus, keepMs: stat.keep },
    hooks: toHooks(parsed.hooks),
    publish: publish === undefined ? null : toPublish(publish),
  };
}

function toServer(
  {
    identity,
    known_hosts,
    host_key,
    list,
    list_format,
    list_append,
    ...server
  }: Parsed["server"][number],
): ServerConfig {
  return {
    ...server,
    identity: identity ?? null,
    knownHosts: known_hosts,
    hostKeys: host_key,
    list: list === undefined
      ? null
      : { path: list, format: list_format!, grows: list_append },
  };
}

function toReplica(
  {
    max_delete,
    trash_keep,
    file_mode,
    directory_mode,
    owner,
    group,
    filename_charset,
    tree_rescan,
    ...replica
  }: NonNullable<Parsed["replica"]>,
): ReplicaConfig {
  return {
    ...replica,
    maxDelete: max_delete,
    trashKeepMs: trash_keep,
    rights: {
      ...{ fileMode: file_mode, directoryMode: directory_mode },
      ...{ owner, group },
    },
    filenameCharset: filename_charset ?? null,
    treeRescanMs: tree_rescan,
  };
}

function toProbe(
  { timeout, hold, max_age, ...probe }: Parsed["probe"],
): Config["probe"] {
  return { ...probe, timeoutMs: timeout, holdMs: hold, maxAgeMs: max_age };
}

function toLimits(
  { connect, handshake, keepalive, request }: Parsed["limits"],
): Config["limits"] {
  return {
    connectMs: connect,
    handshakeMs: handshake,
    keepaliveMs: keepalive,
    requestMs: request,
  };
}

function toLog({ max_size, ...log }: Parsed["log"]): Config["log"] {
  return { ...log, maxSize: max_size };
}

function toHooks(
  { max_lag, settle, ping, ...commands }: Parsed["hooks"],
): Config["hooks"] {
  return {
    onNew: commands.on_new,
    onNewTimeoutMs: commands.on_new_timeout,
    onFailover: commands.on_failover,
    onFailback: commands.on_failback,
    onError: commands.on_error,
    onRecovered: commands.on_recovered,
    onLag: commands.on_lag,
    maxLagMs: max_lag,
    settleMs: settle,
    ping,
  };
}

function toPublish(
  { max_withdraw, keep, compact, compact_share, ...publish }: NonNullable<
    Parsed["publish"]
  >,
): PublishConfig {
  return {
    ...publish,
    maxWithdraw: max_withdraw,
    keepMs: keep,
    compaction: { size: compact, share: compact_share },
  };
}
