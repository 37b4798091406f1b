/**
 * The configuration that `relais init` writes.
 *
 * @module
 */

/** What a machine is for. */
export type Role = "replica" | "publisher";

/**
 * Returns a commented configuration; keys commented out show their defaults, or
 * an example. With every key, or those of a role alone.
 */
export function sampleConfig(role?: Role): string {
  if (role === "publisher") {
    return [
      heading("what is published, and where to"),
      `# What "relais publish" offers.\n${publishTable}`,
      commonTables,
      publisherHooks(),
    ].join("\n");
  }
  return [
    heading("what is copied from where, and how"),
    replicaTables,
    commonTables,
    hooksTable,
    ...role === "replica" ? [] : [publishExample()],
  ].join("\n");
}

function heading(what: string): string {
  return `# relais.toml: ${what}.
# Keys that are commented out show their defaults, if not called an example.
# Durations: "500ms", "5s", "1m30s", "2h", "1d". Sizes: "10MB", "64KiB".
`;
}

const replicaTables =
  `# One table for each server files come from; their order is preference.
[[server]]
name = "production"
host = "192.0.2.10"                       # name or address
# port = 22
user = "relais"                           # a restricted account: SFTP only, read only
identity = "/etc/relais/id_ed25519"       # private key, readable by relais alone
# agent = false                           # true: ask the ssh-agent at $SSH_AUTH_SOCK
known_hosts = "/etc/relais/known_hosts"   # one file or a list; made with ssh-keyscan, then compared
# An example; it comes in place of known_hosts or beside it: then both must agree. It may be a list.
# "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" prints it on the server.
# host_key = "SHA256:4Wx0mPzJq7T1cVbN8sYdLkRfHgUaOeI2MnB3vC5xZ6Q"
# algorithms = "modern"                   # "legacy": also SHA-1, CBC and ssh-rsa, for an old UNIX
root = "/export"                          # the export directory on that server
# An example, where something else already lists the files below root: its list, and
# how the lines are written. {_} is a field that does not matter; {size} may be missing.
# list = "/var/lib/copied.txt"
# list_format = "{date:%Y-%m-%d %H:%M:%S};{size};{path}"
# list_append = false          # true: the list only ever grows; false: read again whole when it has changed

[[server]]
name = "backup"
host = "192.0.2.11"
user = "relais"
identity = "/etc/relais/id_ed25519"
known_hosts = "/etc/relais/known_hosts"
root = "/export"

# The copy on this machine.
[replica]
into = "/srv/replica"          # the directory that holds it
# state = "/var/lib/relais"    # what relais remembers; not in into; of a job /var/lib/relais/JOB
# source = "auto"              # list, tree, or auto: the list if there is one
# include = []                 # globs on the path below root; empty: everything
# exclude = []                 # globs, as well
# delete = "keep"              # or trash, or remove: files that a server withdrew
# max_delete = "10%"           # or a number of files; a pass that would delete more stops and asks
# trash_keep = "30d"           # how long files stay in into/.relais/trash; 0s: for ever
# file_mode = "keep"           # as on the server, less the umask; or for all files, like "0644"
# directory_mode = "0755"      # of directories that relais makes
# owner = ""                   # user the copies belong to, name or number; needs root or capabilities
# group = ""                   # their group; the account that runs relais must be a member
# filename_charset = "latin1"  # what names were in that are no UTF-8 on the server, and come as %XX else
# tree_rescan = "1h"           # a tree is read whole so often, else where directories have changed; 0s: always
# links = "skip"               # or "follow": symbolic links of a tree that lead below root

# How servers are tested and chosen.
[probe]
# timeout = "5s"               # a whole test of one server
# rise = 2                     # good tests before a server counts as up again
# fall = 3                     # bad ones before the active server is left
# hold = "1m"                  # at least so long on a server before going back to a preferred one
# max_age = "0s"               # a list not touched for longer is stale, used only if no other is fresh; 0s: never
# failback = "auto"            # or manual: stay on the server in use

# How files are fetched.
[copy]
# parallel = 512               # requests in flight, of up to 64 KiB each
# connections = 1              # 1 to 10; a server allows few at a time
# bandwidth = "0"              # "20MB/s", for example; 0: no limit
# retries = 3                  # more attempts for a file within a pass
# order = "oldest"             # published first; or "smallest"
# delta = "auto"               # or always, or never: fetch only the changed blocks of a large file

# How long to wait for a server.
[limits]
# connect = "10s"              # until it answers at all
# handshake = "20s"            # until it lets us in
# keepalive = "5s"             # between signs of life; three missing ones end a connection
# request = "30s"              # for one answer
`;

const commonTables = `[schedule]
# every = "1m"                 # from one pass to the next, without --once

[log]
# file = "/var/log/relais/relais.log"   # "": none; of a job /var/log/relais/JOB/relais.log
# level = "info"               # debug, info, warning, error
# max_size = "10MB"            # then a new file is begun
# keep = 5                     # older files kept

[stat]
# prometheus = ""              # path of a .prom file for node_exporter's textfile collector
# keep = "400d"                # how long the history of passes is kept; 0s: for ever
`;

const hooksTable =
  `# Commands to run, as lists of the command and its arguments; no shell. They have the rights of
# the service: curl can send a mail, sendmail cannot. docs/watching.md has an example.
[hooks]
# on_new = []                  # after new files have arrived; gets them on stdin, NUL-separated
# on_new_timeout = "10m"       # on_new, and whatever it has started, is ended after so long
# These get a notice on stdin, as JSON: when a state begins, and once a day while it lasts.
# on_failover = []             # another server than the first one serves
# on_failback = []             # the first one serves again
# on_error = []                # passes fail
# on_recovered = []            # they no longer do, or the lag is short again
# on_lag = []                  # the replica lags more than max_lag behind
# max_lag = "0s"               # 0: any lag is well
# settle = "10m"               # a state is over when it has not been seen for so long
# ping = ""                    # an address that watches for silence: POST to it, /start and /fail
`;

/** What a publisher has nothing to tell of. */
const ofReplica =
  /^# (?:on_new|on_new_timeout|on_failover|on_failback|on_lag|max_lag) = /;

function publisherHooks(): string {
  return hooksTable.split("\n").filter((line) => !ofReplica.test(line))
    .join("\n");
}

const publishTable = `[publish]
files = ["/data/stock/**/*.csv"]   # globs of absolute paths below base
base = "/data"                     # left out of the names in the export
into = "/srv/sftp/export"          # the export directory; the root of a server leads here
# links = "skip"                     # or "follow": publish what symbolic links lead to, below base
# signatures = "4MiB"                # sums of the blocks, for files from this size on; or "never"
# max_withdraw = "50%"               # or a number of files; a run that would withdraw more stops and asks
# keep = "0s"                        # withdrawn files, and older versions, stay so long in .relais/trash
# compact = "1MB"                    # a list from this size on is written anew; or "never" …
# compact_share = "50%"              # … when no more than this share of its lines still holds
# writer = ""                        # who writes the list; "": made from the machine and into
`;

/** The same, out of force. */
function publishExample(): string {
  const table = publishTable.trimEnd().split("\n")
    .map((line) => line.startsWith("#") ? line : `# ${line}`);
  return `# On a server, and only there: what "relais publish" offers. An example.
${table.join("\n")}
`;
}
