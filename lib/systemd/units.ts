/**
 * The units that run relais on a machine with a given configuration.
 *
 * @module
 */

import { dirname } from "@std/path/posix";
import type { Config } from "../config/config.ts";
import { forJob } from "../config/job.ts";
import { calendarEvery, timeSpan } from "./calendar.ts";
import { credentialName } from "../config/credentials.ts";
import { type Needs, sandbox, unprivileged } from "./sandbox.ts";
import { commandLine, type Setting, type Unit } from "./unit-file.ts";

export interface UnitOptions {
  /** Path of the executable. */
  readonly executable: string;
  /** Path of the configuration. */
  readonly config: string;
  /** Account that runs relais; `null`: one that exists only while it runs. */
  readonly user: string | null;
  /** True if the units are for the manager of a user, and not of the system. */
  readonly perUser: boolean;
}

/** A loop that sends no watchdog message for this long is killed and restarted. */
const watchdog = timeSpan(120_000);

/** How long the manager waits for an orderly end; relais takes less than 5 s. */
const stopTimeout = timeSpan(15_000);

/** Returns all directories that belong to its services. */
export function writtenBy({ replica, publish, log }: Config): string[] {
  return [
    ...replica === null ? [] : replicaDirectories(replica),
    ...publish === null ? [] : [publish.into],
    ...logDirectories(log),
  ];
}

/** Returns all units that the configuration has work for. */
export function unitsFor(config: Config, options: UnitOptions): Unit[] {
  const { everyMs } = config.schedule;
  return [
    ...config.replica === null ? [] : [
      passService(config, options),
      timer(
        unitOf("relais", "timer", config),
        `a pass every ${timeSpan(everyMs)}`,
        everyMs,
      ),
      loopService(config, options),
    ],
    ...config.publish === null ? [] : [
      publishService(config, options),
      timer(
        unitOf("relais-publish", "timer", config),
        `publishes every ${timeSpan(everyMs)}`,
        everyMs,
      ),
    ],
    serveService(config, options),
  ];
}

/** What a pass is allowed, as settings of a service. */
export function passSettings(config: Config, options: UnitOptions): string[] {
  return settingsOf(replicaNeeds(config, options), options);
}

/** What publishing is allowed, likewise. */
export function publishSettings(
  config: Config,
  options: UnitOptions,
): string[] {
  return settingsOf(publishNeeds(config, options), options);
}

function settingsOf(needs: Needs, options: UnitOptions): string[] {
  return confinement(needs, options).flatMap((setting) =>
    typeof setting === "string" ? [] : [setting.join("=")]
  );
}

/**
 * Returns the name of a unit: of a job, that of an instance. Each has a file of
 * its own and no template, since what a job may read, write and reach is its own.
 */
export function unitOf(
  name: "relais" | "relaisd" | "relais-publish" | "relais-serve",
  kind: "service" | "timer",
  { job }: Pick<Config, "job">,
): string {
  return `${forJob(name, job, "@")}.${kind}`;
}

function passService(config: Config, options: UnitOptions): Unit {
  return {
    name: unitOf("relais", "service", config),
    sections: {
      Unit: [
        ["Description", "relais: one pass, from the servers to the replica"],
        ["Documentation", "man:relais(1)"],
        ...afterNetwork,
      ],
      Service: [
        ["Type", "oneshot"],
        ["ExecStart", command(options, "--once")],
        ["TimeoutStopSec", stopTimeout],
        ...confinement(replicaNeeds(config, options), options),
      ],
    },
  };
}

function loopService(config: Config, options: UnitOptions): Unit {
  return {
    name: unitOf("relaisd", "service", config),
    sections: {
      Unit: [
        ["Description", "relais: keeps the replica up to date"],
        ["Documentation", "man:relais(1)"],
        ...afterNetwork,
        "Both at once would only get in each other's way.",
        [
          "Conflicts",
          `${unitOf("relais", "timer", config)} ${
            unitOf("relais", "service", config)
          }`,
        ],
        ["StartLimitIntervalSec", "10min"],
        ["StartLimitBurst", "5"],
      ],
      Service: [
        ["Type", "notify"],
        ["ExecStart", command(options)],
        ["ExecReload", "/bin/kill -HUP $MAINPID"],
        ["WatchdogSec", watchdog],
        ...lasting,
        ...confinement(replicaNeeds(config, options), options),
      ],
      Install: [["WantedBy", wantedBy(options)]],
    },
  };
}

function publishService(config: Config, options: UnitOptions): Unit {
  return {
    name: unitOf("relais-publish", "service", config),
    sections: {
      Unit: [
        ["Description", "relais: publishes new files"],
        ["Documentation", "man:relais(1)"],
      ],
      Service: [
        ["Type", "oneshot"],
        ["ExecStart", command(options, "publish", "--once")],
        ["TimeoutStopSec", stopTimeout],
        ["Nice", "10"],
        ["IOSchedulingClass", "idle"],
        ...confinement(publishNeeds(config, options), options),
      ],
    },
  };
}

function serveService(config: Config, options: UnitOptions): Unit {
  return {
    name: unitOf("relais-serve", "service", config),
    sections: {
      Unit: [
        ["Description", "relais: a page for a browser, and for monitors"],
        ["Documentation", "man:relais(1)"],
      ],
      Service: [
        ["Type", "notify"],
        ["ExecStart", command(options, "serve")],
        ...lasting,
        ...confinement(serveNeeds(config, options), options),
      ],
      Install: [["WantedBy", wantedBy(options)]],
    },
  };
}

/** How a service is kept running, and how it ends. */
const lasting: readonly Setting[] = [
  ["Restart", "on-failure"],
  ["RestartSec", "5s"],
  "A wrong configuration does not get better by itself.",
  ["RestartPreventExitStatus", "2"],
  ["SuccessExitStatus", "143"],
  ["TimeoutStopSec", stopTimeout],
];

/** A timer spreads its passes a little, so that many replicas do not come at once. */
function timer(name: string, what: string, everyMs: number): Unit {
  const calendar = calendarEvery(everyMs);
  const spreadMs = Math.min(60_000, Math.floor(everyMs / 10 / 1_000) * 1_000);
  const when: Setting[] = calendar === undefined
    ? [["OnActiveSec", "1s"], ["OnUnitInactiveSec", timeSpan(everyMs)]]
    : [["OnCalendar", calendar], ["Persistent", "yes"]];
  return {
    name,
    sections: {
      Unit: [["Description", `relais: ${what}`]],
      Timer: [
        ...when,
        ["AccuracySec", "1s"],
        ["RandomizedDelaySec", timeSpan(spreadMs)],
      ],
      Install: [["WantedBy", "timers.target"]],
    },
  };
}

const afterNetwork: readonly Setting[] = [
  ["Wants", "network-online.target"],
  ["After", "network-online.target"],
];

function wantedBy({ perUser }: UnitOptions): string {
  return perUser ? "default.target" : "multi-user.target";
}

function command(
  { executable, config }: UnitOptions,
  ...args: readonly string[]
): string {
  return commandLine([executable, ...args, "--config", config]);
}

function confinement(needs: Needs, { perUser }: UnitOptions): Setting[] {
  return perUser ? [["UMask", "0027"], ...unprivileged(needs)] : sandbox(needs);
}

function replicaNeeds(
  { servers, replica, cluster, log, stat, job }: Config,
  { user, executable, config }: UnitOptions,
): Needs {
  const { passwordFile = null, ca = null } = cluster ?? {};
  const secrets = new Set([
    ...servers.flatMap(({ identity }) => identity ?? []),
    ...passwordFile === null ? [] : [passwordFile],
  ]);
  return {
    user,
    reads: [
      executable,
      config,
      ...servers.flatMap(({ knownHosts }) => knownHosts),
      ...servers.flatMap(({ openssh }) => openssh?.config ?? []),
      ...ca === null ? [] : [ca],
    ],
    writes: [...replicaDirectories(replica!), ...logDirectories(log)],
    shares: figureDirectories(stat),
    cache: cacheOf(job),
    network: true,
    gives: {
      owner: replica!.rights.owner !== null,
      group: replica!.rights.group?.name ?? null,
    },
    credentials: [...secrets].map((path) => ({
      name: credentialName(path),
      path,
    })),
  };
}

function replicaDirectories(
  { state, into }: NonNullable<Config["replica"]>,
): string[] {
  return [state, into];
}

function publishNeeds(
  { publish, log, stat, hooks, job }: Config,
  { user, executable, config }: UnitOptions,
): Needs {
  return {
    user,
    reads: [executable, config, publish!.base],
    writes: [publish!.into, ...logDirectories(log)],
    shares: figureDirectories(stat),
    cache: cacheOf(job),
    // It talks to nobody itself: who is told of its runs is reached over the network.
    network: hooks.ping !== "" ||
      hooks.onError.length + hooks.onRecovered.length > 0,
    gives: { owner: false, group: null },
    credentials: [],
  };
}

function serveNeeds(
  config: Config,
  { user, executable, config: path }: UnitOptions,
): Needs {
  const { replica, publish, job } = config;
  return {
    user,
    reads: [executable, path],
    // SQLite writes beside a database even to read it; an account that changes reaches only what it is given.
    writes: user === null ? writtenBy(config) : [
      ...replica === null ? [] : [replica.state],
      ...publish === null ? [] : [publish.into],
    ],
    shares: [],
    cache: cacheOf(job),
    network: true,
    gives: { owner: false, group: null },
    credentials: [],
  };
}

/** Jobs may have accounts of their own, none of which must own what another one uses. */
function cacheOf(job: string | null): string {
  return forJob("relais", job, "/");
}

function logDirectories({ file }: Config["log"]): string[] {
  return file === "" ? [] : [dirname(file)];
}

/** Returns where node_exporter looks for figures. */
export function figureDirectories({ prometheus }: Config["stat"]): string[] {
  return prometheus === "" ? [] : [dirname(prometheus)];
}
