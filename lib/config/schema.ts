/**
 * The shape of the configuration file: every table, key, kind of value, limit
 * and default, once.
 *
 * @module
 */

import * as v from "valibot";
import {
  algorithmSets,
  copyOrders,
  deletions,
  deltas,
  levels,
  linkRules,
  sources,
} from "./config.ts";
import { isCharset } from "../list/charset.ts";
import { findGroup, findUser } from "./accounts.ts";
import { ForeignFormat } from "../list/foreign.ts";
import { table } from "./table.ts";
import {
  account,
  address,
  anyText,
  duration,
  flag,
  glob,
  type Kind,
  list,
  matching,
  maxDelete,
  mode,
  oneOf,
  oneOrMore,
  optionalPath,
  ownDirectory,
  path,
  rate,
  share,
  size,
  sizeOrNever,
  waiting,
  whole,
} from "./value.ts";

const listFormatExample = "{date:%Y-%m-%d %H:%M:%S};{size};{path}";

/** A name, or an IPv6 address with or without a zone; a port or a user does not belong here. */
const host = matching(
  /^(?:[A-Za-z0-9_][A-Za-z0-9_.-]*|(?:[0-9A-Fa-f]*:){2}[0-9A-Fa-f:.]*(?:%[\w.-]+)?)$/,
  "a host name or an address",
);

/** As `ssh-keygen -l` prints it: base64 of 32 bytes, without padding. */
const fingerprint = matching(
  /^SHA256:[A-Za-z0-9+/]{43}$/,
  'a fingerprint as "ssh-keygen -l" prints it, "SHA256:" and 43 characters',
);

const globs = list(glob, 'a list of globs, like ["stock/**", "*.csv"]');

const commandForm =
  'a list of a command and its arguments, like ["/usr/local/bin/report", "-q"]';

const command = v.pipe(
  list(anyText, commandForm),
  v.check(([name]) => name !== "", "expected a command before its arguments"),
);

/** How the lines of a foreign list are written. */
const listFormat = v.pipe(
  v.string(`expected a pattern, like "${listFormatExample}"`),
  v.check(
    (pattern) => "value" in ForeignFormat.parse(pattern),
    ({ input }) => {
      const parsed = ForeignFormat.parse(input);
      const why = "reason" in parsed ? ` (${parsed.reason})` : "";
      return `expected a pattern, like "${listFormatExample}"${why}`;
    },
  ),
);

const charset = v.pipe(
  v.string('expected a charset, like "latin1" or "shift_jis"'),
  v.check(isCharset, 'expected a charset, like "latin1" or "shift_jis"'),
);

/** Files that their owner can read, and not everybody can write. */
const fileMode = v.lazy<Kind<string, number | null>>((given) =>
  given === "keep" ? v.pipe(anyText, v.transform(() => null)) : mode(
    /^0[4-7][0-7][0145]$/,
    '"keep", or a mode that lets the owner read and not everybody write, like "0644"',
  )
);

/** Directories that their owner can use, and not everybody can write to. */
const directoryMode = mode(
  /^07[0-7][0145]$/,
  'a mode that lets the owner do all and not everybody write, like "0755"',
);

/** One wait for a server. */
const limit = waiting("100ms", "1d");

/** The tables of the file, and the keys of each. */
export const tables = {
  server: {
    name: matching(/^[A-Za-z0-9_.-]{1,64}$/, "1 to 64 of A-Z a-z 0-9 _ . -"),
    host,
    port: v.optional(whole(1, 65_535), 22),
    user: v.optional(
      matching(/^[^\s\p{Cc}]+$/u, "a user name without spaces"),
      "relais",
    ),
    identity: v.optional(path),
    agent: v.optional(flag, false),
    known_hosts: v.optional(oneOrMore(path, "a path, or a list of paths"), []),
    host_key: v.optional(
      oneOrMore(fingerprint, "a fingerprint, or a list of them"),
      [],
    ),
    algorithms: v.optional(oneOf(algorithmSets), "modern"),
    root: path,
    list: v.optional(path),
    list_format: v.optional(listFormat),
    list_append: v.optional(flag, false),
  },
  replica: {
    into: ownDirectory,
    state: v.optional(ownDirectory, "/var/lib/relais"),
    source: v.optional(oneOf(sources), "auto"),
    include: v.optional(globs, []),
    exclude: v.optional(globs, []),
    delete: v.optional(oneOf(deletions), "keep"),
    max_delete: v.optional(maxDelete, "10%"),
    trash_keep: v.optional(duration, "30d"),
    file_mode: v.optional(fileMode, "keep"),
    directory_mode: v.optional(directoryMode, "0755"),
    owner: v.optional(account(findUser, "user"), ""),
    group: v.optional(account(findGroup, "group"), ""),
    filename_charset: v.optional(charset),
    tree_rescan: v.optional(duration, "1h"),
    links: v.optional(oneOf(linkRules), "skip"),
  },
  probe: {
    timeout: v.optional(limit, "5s"),
    rise: v.optional(whole(1, 100), 2),
    fall: v.optional(whole(1, 100), 3),
    hold: v.optional(duration, "1m"),
    max_age: v.optional(duration, "0s"),
    failback: v.optional(oneOf(["auto", "manual"]), "auto"),
  },
  copy: {
    parallel: v.optional(whole(1, 4_096), 512),
    connections: v.optional(whole(1, 10), 1),
    bandwidth: v.optional(rate, "0"),
    retries: v.optional(whole(0, 100), 3),
    order: v.optional(oneOf(copyOrders), "oldest"),
    delta: v.optional(oneOf(deltas), "auto"),
  },
  limits: {
    connect: v.optional(limit, "10s"),
    handshake: v.optional(limit, "20s"),
    keepalive: v.optional(limit, "5s"),
    request: v.optional(limit, "30s"),
  },
  schedule: { every: v.optional(waiting("1s", "7d"), "1m") },
  log: {
    file: v.optional(
      optionalPath(/^\/[^\0]*[^/\0]$/, "an absolute path"),
      "/var/log/relais/relais.log",
    ),
    level: v.optional(oneOf(levels), "info"),
    max_size: v.optional(size("1KB"), "10MB"),
    keep: v.optional(whole(0, 1_000), 5),
  },
  stat: {
    prometheus: v.optional(
      optionalPath(
        /^\/[^\0]*\.prom$/,
        "an absolute path that ends in .prom",
      ),
      "",
    ),
    keep: v.optional(duration, "400d"),
  },
  hooks: {
    on_new: v.optional(command, []),
    on_new_timeout: v.optional(limit, "10m"),
    on_failover: v.optional(command, []),
    on_failback: v.optional(command, []),
    on_error: v.optional(command, []),
    on_recovered: v.optional(command, []),
    on_lag: v.optional(command, []),
    max_lag: v.optional(duration, "0s"),
    settle: v.optional(duration, "10m"),
    ping: v.optional(address, ""),
  },
  publish: {
    files: v.pipe(globs, v.minLength(1, "expected at least one glob")),
    base: path,
    into: ownDirectory,
    links: v.optional(oneOf(linkRules), "skip"),
    signatures: v.optional(sizeOrNever("64KiB"), "4MiB"),
    max_withdraw: v.optional(maxDelete, "50%"),
    keep: v.optional(duration, "0s"),
    compact: v.optional(sizeOrNever("1KB"), "1MB"),
    compact_share: v.optional(share, "50%"),
    writer: v.optional(
      matching(
        /^(?:[0-9A-Za-z.-]{1,64})?$/,
        '1 to 64 of A-Z a-z 0-9 . -, or "" for a name made from the machine and publish.into',
      ),
      "",
    ),
  },
} as const satisfies Record<string, v.ObjectEntries>;

/** What the file must be. */
export const schema = v.object({
  server: v.optional(
    list(
      table("[[server]]", tables.server),
      "[[server]] tables: write [[server]], in double brackets, before the keys of each server",
    ),
    [],
  ),
  replica: v.optional(table("[replica]", tables.replica)),
  probe: v.optional(table("[probe]", tables.probe), {}),
  copy: v.optional(table("[copy]", tables.copy), {}),
  limits: v.optional(table("[limits]", tables.limits), {}),
  schedule: v.optional(table("[schedule]", tables.schedule), {}),
  log: v.optional(table("[log]", tables.log), {}),
  stat: v.optional(table("[stat]", tables.stat), {}),
  hooks: v.optional(table("[hooks]", tables.hooks), {}),
  publish: v.optional(table("[publish]", tables.publish)),
});

/** What the schema makes of a file. */
export type Parsed = v.InferOutput<typeof schema>;
