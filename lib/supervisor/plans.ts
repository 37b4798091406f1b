/**
 * How each module is run: its file, its settings, and the permissions it needs
 * and no others.
 *
 * @module
 */

import { descriptorsOf } from "../files/descriptors.ts";
import { hostText, isLocal, socketOf } from "../config/address.ts";
import type { NodeSettings } from "../cluster/operations.ts";
import { databaseOf } from "../config/database.ts";
import type {
  ClusterConfig,
  Config,
  Level,
  ProbeConfig,
  ReplicaReady,
} from "../config/config.ts";
import type { ConnectionSettings } from "../connection/operations.ts";
import type { CopyListSettings } from "../copy-list/operations.ts";
import type { LogSettings } from "../log/operations.ts";
import type { ModuleName } from "../worker/protocol.ts";
import type { PublishSettings } from "../publish/operations.ts";
import type { NoticePolicy } from "../stat/notices.ts";
import type { SharedNoticeSettings, StatSettings } from "../stat/operations.ts";
import type { SynchroListSettings } from "../synchro-list/operations.ts";
import type { TestServerSettings } from "../test-server/operations.ts";
import type { TransportSettings } from "../transport/operations.ts";
import { logFiles } from "../log/file.ts";
import { ownDirectoryOf } from "../files/own-directory.ts";
import { machineIdFile } from "../publish/machine.ts";
import { isByClient } from "../ssh/by-client.ts";
import { clientCommand, clientEnvironment } from "../ssh/openssh/command.ts";
import { sessionPermissions } from "../ssh/permissions.ts";
import { databasePath } from "../state/database.ts";
import { besideOf } from "../files/replace.ts";
import { snapshotPath } from "../stat/snapshot.ts";
import type { ModulePlan } from "./module-worker.ts";
import { realDirectory, realPath } from "./real-path.ts";

/** The module files. The URLs are literal, so that `deno compile` finds them. */
export const moduleUrls: Readonly<Record<ModuleName, URL>> = {
  "connection": new URL("../../modules/connection.ts", import.meta.url),
  "transport": new URL("../../modules/transport.ts", import.meta.url),
  "test-server": new URL("../../modules/test-server.ts", import.meta.url),
  "synchro-list": new URL("../../modules/synchro-list.ts", import.meta.url),
  "copy-list": new URL("../../modules/copy-list.ts", import.meta.url),
  "stat": new URL("../../modules/stat.ts", import.meta.url),
  "log": new URL("../../modules/log.ts", import.meta.url),
  "publish": new URL("../../modules/publish.ts", import.meta.url),
};

/** Runs in place of synchro-list where nodes share a replica. */
const clusterUrl = new URL("../../modules/cluster.ts", import.meta.url);

/** What the command line says about a run. */
export interface RunOptions {
  readonly dryRun: boolean;
  /** True if a list that lost entries is believed. @default false */
  readonly acceptShrink?: boolean;
  /** True to go back to a preferred server at once. @default false */
  readonly failback?: boolean;
  /** What goes to stderr at least; `null`: nothing. */
  readonly stderr: Level | null;
  /** True if stderr is the journal. */
  readonly journal: boolean;
  /** True if each file is told as it arrives. @default false */
  readonly tellsFiles?: boolean;
  /** True if one pass follows the other. @default false */
  readonly loop?: boolean;
  /** True if a pass is drawn on the terminal that stderr is. @default false */
  readonly live?: boolean;
}

/** The modules of the replica. */
export type ReplicaModule = Exclude<ModuleName, "publish">;

const nothing = {
  read: false,
  write: false,
  net: false,
  env: false,
  run: false,
  sys: false,
  ffi: false,
} satisfies Deno.PermissionOptionsObject;

/** Returns how the modules of a replica are run. */
export function replicaPlans(
  config: ReplicaReady,
  options: RunOptions,
): Record<ReplicaModule, ModulePlan> {
  const { servers, replica, copy, limits, hooks, cluster } = config;
  const { dryRun, acceptShrink = false, failback = false, tellsFiles = false } =
    options;
  const probe: ProbeConfig = failback
    ? { ...config.probe, failback: "auto", holdMs: 0 }
    : config.probe;
  const byClient = servers.filter(isByClient);
  // Its files, and not its directory: the way to what all modules hold open lies there.
  const state = readAndWrite([databasePath(replica.state)]);
  const listSettings = {
    servers,
    limits,
    replica,
    order: copy.order,
    announces: hooks.onNew.length > 0,
    acceptShrink,
    dryRun,
  };
  return {
    "connection": plan<ConnectionSettings>(
      "connection",
      { servers, limits },
      [sessionPermissions(servers)],
    ),
    "transport": plan<TransportSettings>(
      "transport",
      {
        commands: Object.fromEntries(
          byClient.map((server) => [
            server.name,
            clientCommand(server, limits),
          ]),
        ),
        environment: byClient.length === 0 ? {} : clientEnvironment(),
      },
      [{ run: byClient.map(({ openssh }) => openssh.client[0]!) }],
    ),
    "test-server": plan<TestServerSettings>(
      "test-server",
      { servers, probe, limits, replica, dryRun },
      [state],
    ),
    "synchro-list": cluster === null
      ? plan<SynchroListSettings>(
        "synchro-list",
        listSettings,
        [state, { sys: ["statfs"] }],
      )
      : clusterPlan(
        { ...listSettings, notices: noticePolicy(config) },
        cluster,
        state,
        options,
      ),
    "copy-list": plan<CopyListSettings>(
      "copy-list",
      {
        servers,
        limits,
        copy,
        replica,
        tellsFiles,
        ...cluster === null ? {} : { leaseMs: cluster.leaseMs },
      },
      [
        readAndWrite([
          replica.into,
          realDirectory(replica.into),
          descriptorsOf(replica.state),
        ]),
        // The barrier.
        { run: ["sync"], sys: ["statfs", "uid", "umask"] },
      ],
    ),
    "stat": statPlan(config, replica.state, {
      keepMs: config.stat.keepMs,
      notices: noticePolicy(config),
      dryRun,
      loop: options.loop ?? false,
      isShared: cluster !== null,
    }),
    "log": logPlan(config, options),
  };
}

/** Returns how the modules of a publisher are run. */
export function publishPlans(
  config: Config & { publish: NonNullable<Config["publish"]> },
  options: RunOptions,
): Record<"publish" | "stat" | "log", ModulePlan> {
  const { publish } = config;
  return {
    "publish": plan<PublishSettings>("publish", { publish }, [
      readAndWrite([publish.into, realDirectory(publish.into)]),
      {
        read: [publish.base, machineIdFile],
        run: ["sync"],
        sys: ["hostname", "uid", "statfs"],
      },
    ]),
    // Where a machine is a replica as well, the textfile is that of the replica.
    "stat": statPlan(
      {
        stat: {
          ...config.stat,
          ...config.replica === null ? {} : { prometheus: "" },
        },
      },
      ownDirectoryOf(publish),
      {
        keepMs: config.stat.keepMs,
        // No server, and no lag: what is told is that runs fail.
        notices: {
          preferred: "",
          maxLagMs: 0,
          settleMs: config.hooks.settleMs,
        },
        dryRun: false,
        loop: options.loop ?? false,
        isShared: false,
      },
    ),
    "log": logPlan(config, options),
  };
}

/** Returns what the administrator of a replica is told of. */
function noticePolicy(
  { servers, hooks: { maxLagMs, settleMs }, cluster }: ReplicaReady,
): NoticePolicy {
  const preferred = servers[0]!.name;
  const policy = { preferred, maxLagMs, settleMs };
  return cluster === null
    ? policy
    : { ...policy, serverSettleMs: settleMs, node: nameOf(cluster) };
}

/** Returns the name of a node. */
function nameOf({ node }: ClusterConfig): string {
  return node ?? Deno.hostname();
}

/** Talks to the database of the cluster, and keeps in the state what it sees there. */
function clusterPlan(
  settings: SynchroListSettings & SharedNoticeSettings,
  cluster: ClusterConfig,
  state: Deno.PermissionOptionsObject,
  { loop = false }: Pick<RunOptions, "loop">,
): ModulePlan {
  const { passwordFile, ca } = cluster;
  const database = databaseOf(cluster);
  const { address } = database;
  const { pgpass = null } = database;
  const files = [passwordFile, pgpass, ca].filter((path) => path !== null);
  const { replica } = settings;
  return {
    url: clusterUrl,
    settings: {
      ...settings,
      // A tree cannot be shared yet.
      replica: { ...replica, source: "list" },
      database,
      node: nameOf(cluster),
      loop,
    } satisfies SynchroListSettings & NodeSettings & SharedNoticeSettings,
    permissions: [
      state,
      { read: files, env: ["PGAPPNAME"] },
      ...isLocal(address)
        ? [
          readAndWrite([socketOf(address)]),
          { net: [`unix:${socketOf(address)}`] },
        ]
        : [{ net: [`${hostText(address)}:${address.port}`] }],
    ].reduce(merge, nothing),
  };
}

function statPlan(
  { stat: { prometheus } }: Pick<Config, "stat">,
  directory: string,
  how: Pick<
    StatSettings,
    "keepMs" | "notices" | "dryRun" | "loop" | "isShared"
  >,
): ModulePlan {
  const replaced = [snapshotPath(directory), prometheus]
    .filter((path) => path !== "");
  return plan<StatSettings>(
    "stat",
    { directory, prometheus, ...how },
    [readAndWrite([
      databasePath(directory),
      ...replaced.flatMap((path) => [path, besideOf(path)]),
    ])],
  );
}

function logPlan(
  { log }: Config,
  { dryRun, stderr, journal, live = false }: RunOptions,
): ModulePlan {
  return plan<LogSettings>(
    "log",
    { ...log, stderr, journal, live, dryRun },
    [readAndWrite(logFiles(log))],
  );
}

function plan<Settings>(
  name: ModuleName,
  settings: Settings,
  permissions: readonly Deno.PermissionOptionsObject[],
): ModulePlan {
  return {
    url: moduleUrls[name],
    settings,
    permissions: permissions.reduce(merge, nothing),
  };
}

function readAndWrite(paths: readonly string[]): Deno.PermissionOptionsObject {
  const both = [...new Set(paths.flatMap((path) => [path, realPath(path)]))];
  return { read: both, write: both };
}

/** Adds the lists of two sets of permissions up. */
function merge(
  a: Deno.PermissionOptionsObject,
  b: Deno.PermissionOptionsObject,
): Deno.PermissionOptionsObject {
  const merged: Record<string, unknown> = { ...a };
  for (const [name, list] of Object.entries(b)) {
    const before = merged[name];
    merged[name] = Array.isArray(before) ? [...before, ...list] : list;
  }
  return merged;
}
