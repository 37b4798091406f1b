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
  /** Directories of its own. */
  readonly writes: readonly string[];
  /** Directories of others that it writes to as well: systemd would give them to its account. */
  readonly shares: readonly string[];
  /** Directory below /var/cache that a self-extracting executable keeps its payload in, and another one its code cache. */
  readonly cache: string;
  /** True if it talks to servers. */
  readonly network: boolean;
  /** Whom it gives files to: to another user, or to a group; `null`: to nobody else. */
  readonly gives: { readonly owner: boolean; readonly group: string | null };
  /** Private keys and passwords, which root reads for it. */
  readonly credentials: readonly { name: string; path: string }[];
}

/** Name of the account that exists only while relais runs. */
const dynamicUser = "relais";

/** Directories that systemd makes for a service, and the settings that name them. */
const managed = [
  ["/var/lib/", "StateDirectory"],
  ["/var/log/", "LogsDirectory"],
] as const;

/** Directories of persons. */
const homes = /^\/(?:home|root|run\/user)\//;

/** Returns the settings of a service that the system's manager runs. */
export function sandbox(
  needs: Needs,
): Setting[] {
  const { user, reads, writes, shares, cache, network, gives, credentials } =
    needs;
  const atHome = [...reads, ...writes, ...shares].some((path) =>
    homes.test(path)
  );
  return [
    ...user === null
      // One name for all services: the directories of another one would change hands.
      ? [["DynamicUser", "yes"], ["User", dynamicUser]] as const
      : [["User", user] as const],
    ...gives.group === null
      ? []
      : [["SupplementaryGroups", gives.group] as const],
    ["UMask", "0027"],
    ...credentials.map(({ name, path }) =>
      ["LoadCredential", `${name}:${path}`.replaceAll("%", "%%")] as const
    ),
    ...directories(writes, user === null),
    ...opened(shares.filter((path) => !writes.includes(path))),
    ["CacheDirectory", cache],
    "An executable of deno compile keeps its code cache among temporary files, which PrivateTmp= removes.",
    ["Environment", `TMPDIR=/var/cache/${cache}`],
    "Hooks have no other rights: systemctl edit adds what they need, for example",
    "ReadWritePaths=/srv/reports",
    ["ProtectSystem", "strict"],
    ["ProtectHome", atHome ? "read-only" : "yes"],
    ...network ? [] : offline,
    ...unprivileged(needs),
    ...capabilities(gives.owner),
    // Among users of its own there would be nobody to give a file to.
    ["PrivateUsers", givesAway(needs) ? "no" : "yes"],
    ...isolated,
  ];
}

const offline: readonly Setting[] = [
  ["PrivateNetwork", "yes"],
  ["IPAddressDeny", "any"],
];

function givesAway({ gives }: Pick<Needs, "gives">): boolean {
  return gives.owner || gives.group !== null;
}

/** To give a file away, and to change or replace what was given away. */
const ownerCapabilities = "CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER";

function capabilities(toOwner: boolean): Setting[] {
  const most = toOwner ? ownerCapabilities : "";
  return [["CapabilityBoundingSet", most], ["AmbientCapabilities", most]];
}

/** What any manager can refuse a service, that of a user too. */
export function unprivileged(
  needs: Pick<Needs, "network" | "gives">,
): Setting[] {
  return [
    ["NoNewPrivileges", "yes"],
    ["LockPersonality", "yes"],
    ["RestrictRealtime", "yes"],
    ["RestrictSUIDSGID", "yes"],
    ["RestrictNamespaces", "yes"],
    [
      "RestrictAddressFamilies",
      needs.network ? "AF_UNIX AF_INET AF_INET6" : "AF_UNIX",
    ],
    ["SystemCallArchitectures", "native"],
    ["SystemCallFilter", "@system-service"],
    ["SystemCallFilter", "~@privileged @resources"],
    ...givesAway(needs) ? [["SystemCallFilter", "@chown"] as const] : [],
    ["SystemCallErrorNumber", "EPERM"],
  ];
}

/** What only the system's manager can. MemoryDenyWriteExecute= is missing: JavaScript is compiled while it runs. */
const isolated: readonly Setting[] = [
  ["PrivateTmp", "yes"],
  ["PrivateDevices", "yes"],
  ["PrivateMounts", "yes"],
  ["DevicePolicy", "closed"],
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

/**
 * Lets systemd make what lies where it makes directories, and opens the rest,
 * which must be there: systemd refuses a symbolic link in place of its own.
 */
function directories(writes: readonly string[], isDynamic: boolean): Setting[] {
  const settings: Setting[] = [];
  const others = new Set<string>();
  for (const path of new Set(writes)) {
    const found = isDynamic || linkIn(path) === undefined
      ? managed.find(([below]) => isBelow(below, path))
      : undefined;
    if (found === undefined) others.add(path);
    else settings.push([found[1], word(path.slice(found[0].length))]);
  }
  return [...settings, ...opened([...others])];
}

/** Opens directories that must be there. */
function opened(paths: readonly string[]): Setting[] {
  // relais itself says best what is wrong with one that is missing.
  return paths.map((path) => ["ReadWritePaths", `-${word(path)}`] as const);
}

function isBelow(directory: string, path: string): boolean {
  return path.startsWith(directory) && path.length > directory.length;
}

/** Returns the symbolic link on the way to a directory that systemd would make, if there is one. */
function linkIn(path: string): string | undefined {
  const [below] = managed.find(([below]) => isBelow(below, path)) ?? [];
  if (below === undefined) return undefined;
  const parts = path.slice(below.length).split("/");
  return parts.map((_, at) => below + parts.slice(0, at + 1).join("/"))
    .find(isLink);
}

function isLink(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSymlink;
  } catch {
    // It is made when the service starts.
    return false;
  }
}

/** What keeps an account that exists only while relais runs from writing to `paths` from start to start, or to what others `share`; nothing if it can. */
export function obstacles(
  paths: readonly string[],
  shares: readonly string[],
): string[] {
  const outside = paths.filter((path) =>
    !managed.some(([below]) => isBelow(below, path))
  );
  const links = paths.flatMap((path) => linkIn(path) ?? [])
    // systemd keeps the directories of such an account there, and makes links to them.
    .filter((link) => !/^(?:\.\.\/)*private\//.test(Deno.readLinkSync(link)));
  return [
    ...outside.length === 0 ? [] : [
      `${outside.join(" and ")} would belong to an account that changes`,
    ],
    ...shares.filter((path) => !paths.includes(path)).map((path) =>
      `${path} would have to let an account in that changes`
    ),
    ...[...new Set(links)].map((link) =>
      `${link} is a symbolic link, and systemd wants to make it itself`
    ),
  ];
}
