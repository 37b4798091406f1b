/**
 * What a service may do besides its work: as little as can be. Each setting is
 * described in systemd.exec(5).
 *
 * @module
 */

import { type Setting, word } from "./unit-file.ts";

/** What a service needs of the machine. */
export interface Needs {
  /** Account it runs as; `null`: one that exists only while it runs. */
  readonly user: string | null;
  /** Paths it reads. */
  readonly reads: readonly string[];
  /** Directories it writes to. */
  readonly writes: readonly string[];
  /** Whether it talks to servers. */
  readonly network: boolean;
  /** Private keys, which root reads for it. */
  readonly credentials: readonly { name: string; path: string }[];
}

/** Directories that systemd makes for a service, and the settings that name them. */
const managed = [
  ["/var/lib/", "StateDirectory"],
  ["/var/log/", "LogsDirectory"],
] as const;

/** Directories of persons. */
const homes = /^\/(?:home|root|run\/user)\//;

/** Returns the settings of a service that the system's manager runs. */
export function sandbox(
  { user, reads, writes, network, credentials }: Needs,
): Setting[] {
  const atHome = [...reads, ...writes].some((path) => homes.test(path));
  return [
    ...user === null
      ? [["DynamicUser", "yes"] as const]
      : [["User", user] as const],
    ["UMask", "0027"],
    ...credentials.map(({ name, path }) =>
      ["LoadCredential", `${name}:${path}`.replaceAll("%", "%%")] as const
    ),
    ...directories(writes),
    // A self-extracting executable keeps its payload there.
    ["CacheDirectory", "relais"],
    "Hooks have no other rights: systemctl edit adds what they need, for example",
    "ReadWritePaths=/srv/reports",
    ["ProtectSystem", "strict"],
    ["ProtectHome", atHome ? "read-only" : "yes"],
    ...network ? [] : offline,
    ...unprivileged(network),
    ...isolated,
  ];
}

const offline: readonly Setting[] = [
  ["PrivateNetwork", "yes"],
  ["IPAddressDeny", "any"],
];

/** What any manager can refuse a service, that of a user too. */
export function unprivileged(network: boolean): Setting[] {
  return [
    ["NoNewPrivileges", "yes"],
    ["LockPersonality", "yes"],
    ["RestrictRealtime", "yes"],
    ["RestrictSUIDSGID", "yes"],
    ["RestrictNamespaces", "yes"],
    [
      "RestrictAddressFamilies",
      network ? "AF_UNIX AF_INET AF_INET6" : "AF_UNIX",
    ],
    ["SystemCallArchitectures", "native"],
    ["SystemCallFilter", "@system-service"],
    ["SystemCallFilter", "~@privileged @resources"],
    ["SystemCallErrorNumber", "EPERM"],
  ];
}

/** What only the system's manager can. MemoryDenyWriteExecute= is missing: JavaScript is compiled while it runs. */
const isolated: readonly Setting[] = [
  ["CapabilityBoundingSet", ""],
  ["AmbientCapabilities", ""],
  ["PrivateTmp", "yes"],
  ["PrivateDevices", "yes"],
  ["PrivateMounts", "yes"],
  ["DevicePolicy", "closed"],
  ["PrivateUsers", "yes"],
  ["PrivateIPC", "yes"],
  ["RemoveIPC", "yes"],
  ["KeyringMode", "private"],
  ["ProtectClock", "yes"],
  ["ProtectControlGroups", "yes"],
  ["ProtectHostname", "yes"],
  ["ProtectKernelLogs", "yes"],
  ["ProtectKernelModules", "yes"],
  ["ProtectKernelTunables", "yes"],
  ["ProtectProc", "invisible"],
  ["ProcSubset", "pid"],
];

/** Lets systemd make what lies where it makes directories, and opens the rest, which must be there. */
function directories(writes: readonly string[]): Setting[] {
  const settings: Setting[] = [];
  const others = new Set<string>();
  for (const path of new Set(writes)) {
    const found = managed.find(([below]) =>
      path.startsWith(below) && path.length > below.length
    );
    if (found === undefined) others.add(path);
    else settings.push([found[1], word(path.slice(found[0].length))]);
  }
  return [
    ...settings,
    // relais itself says best what is wrong with one that is missing.
    ...[...others].map((path) => ["ReadWritePaths", `-${word(path)}`] as const),
  ];
}
