/**
 * The configuration that `relais init` writes.
 *
 * @module
 */

/** Returns a commented configuration with every key; those commented out show their defaults. */
export function sampleConfig(): string {
  return `# relais.toml: what is copied from where, and how.
# Keys that are commented out show their defaults.

# One table for each server files come from; their order is preference.
[[server]]
name = "production"
host = "192.0.2.10"
# port = 22
user = "relais"
identity = "/etc/relais/id_ed25519"       # a key file that only relais may read
# agent = false                           # or ask the ssh-agent at $SSH_AUTH_SOCK
known_hosts = "/etc/relais/known_hosts"   # made with ssh-keyscan, compared on the server
# host_key = "SHA256:…"                   # and/or a pinned key, as ssh-keygen -l prints it
root = "/export"                          # the export directory on that server

[[server]]
name = "backup"
host = "192.0.2.11"
user = "relais"
identity = "/etc/relais/id_ed25519"
known_hosts = "/etc/relais/known_hosts"
root = "/export"

[replica]
into = "/srv/replica"
# state = "/var/lib/relais"
# source = "auto"          # list, tree, or auto: the list if there is one
# include = []             # globs on the relative path; empty: everything
# exclude = []
# delete = "keep"          # or trash, or remove: what a server withdrew
# max_delete = "10%"       # or a number of files; more than that stops and asks

[probe]
# timeout = "5s"
# rise = 2                 # good probes before a server is taken back
# fall = 3                 # bad ones before it is left
# hold = "1m"              # at least so long on a server before going back
# max_age = "0s"           # a list not touched for longer is stale; 0s: never
# failback = "auto"        # or manual

[copy]
# parallel = 64            # requests in flight
# connections = 1          # a server allows few at a time
# bandwidth = "0"          # 0: no limit; "20MB/s"
# retries = 3

[limits]
# connect = "10s"
# handshake = "20s"
# keepalive = "5s"         # three unanswered ones end a connection
# request = "30s"

[schedule]
# every = "1m"             # without --once

[log]
# file = "/var/log/relais/relais.log"
# level = "info"           # debug, info, warning, error
# max_size = "10MB"
# keep = 5

[stat]
# prometheus = ""          # path of a .prom textfile

[hooks]
# on_new = []              # command and arguments; gets the new files on stdin, NUL-separated
# on_failover = []
# on_error = []

# On a server, and only there:
# [publish]
# files = ["/data/stock/**/*.csv"]
# base = "/data"
# into = "/export"
`;
}
