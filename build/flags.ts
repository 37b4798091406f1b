/**
 * How the executable runs its program, however it is built.
 *
 * @module
 */

/** What tells the runtime where to keep its caches, and not to look for newer versions of itself. */
export const variablesForRuntime = [
  "DENO_DIR",
  "DENO_NO_UPDATE_CHECK",
] as const;

/** Environment variables that relais reads. */
const variables = [
  ...["CACHE_DIRECTORY", "CREDENTIALS_DIRECTORY", "JOURNAL_STREAM"],
  ...["PATH", "SSH_AUTH_SOCK"],
  ...["NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"],
  ...["HOME", "XDG_CONFIG_HOME", "RELAIS_EXECUTABLE", "TERM"],
  ...["PAGER", "LESS", "RELAIS_ACCOUNT", "TMPDIR"],
  // What the ssh client of the system gets.
  ...["LOGNAME", "USER", "XDG_RUNTIME_DIR"],
  ...["KRB5_CONFIG", "KRB5CCNAME", "KRB5_CLIENT_KTNAME"],
  // Its client of PostgreSQL asks for this one, and it has no effect.
  "PGAPPNAME",
  ...variablesForRuntime,
];

/**
 * Options of `deno run` and `deno compile` alike.
 *
 * Which files, servers and hooks are meant only the configuration knows, so the
 * program itself may read, write, connect and run; each module in it gets no
 * more than it needs. Nothing may load native code, fetch code, or ask.
 */
export const runFlags: readonly string[] = [
  ...["--no-prompt", "--no-remote", "--no-npm"],
  ...["--allow-read", "--allow-write", "--allow-net", "--allow-run"],
  // Of what a module asks of the system, the umask has no name here.
  ...[`--allow-env=${variables.join(",")}`, "--allow-sys"],
  ...["--unstable-worker-options", "--unstable-net"],
  // A larger young generation, or a heap that grows by more before it is collected, costs memory in each worker and gains no time; by default a heap grows by 8 MB at least, for size by 2.
  "--v8-flags=--max-semi-space-size=1,--heap-growing-percent=20,--optimize-for-size",
];

/** The same code as in the repository is looked for nowhere else: no configuration, no lock file, no check of types. */
export const plainFlags: readonly string[] = [
  ...["--no-config", "--no-lock", "--no-check"],
];
