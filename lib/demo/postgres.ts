/**
 * A PostgreSQL of one's own in a temporary directory: for `relais demo --cluster`, and for
 * tests. It ends with the process that started it, whatever ends that.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { lookUp } from "../account/passwd.ts";
import { setprivCommand } from "../account/setpriv.ts";
import { LocalError } from "../errors.ts";

/** The account that the server runs as when root starts it, which PostgreSQL refuses to be. */
const account = "postgres";

/** Where distributions put the programs of a version, before and after its number. */
const places = [
  { directory: "/usr/lib/postgresql", before: "", after: "/bin" },
  { directory: "/usr", before: "pgsql-", after: "/bin" },
] as const;

/** How long a server may take to answer: the machine may be busy. */
const patienceMs = 60_000;

/** Becomes the server, which is asked to end when stdin does. */
const guarded = `exec 3<&0 </dev/null >>"$0" 2>&1
{ read -r _ <&3 || kill -INT $$; } &
exec 3<&-
exec "$@"`;

/** Settings as `postgresql.conf` has them. */
export type Settings = Readonly<Record<string, string | number>>;

export interface PostgresOptions {
  /** Where its data, its log and its socket are. */
  readonly directory: string;
  /** Part of the name of the socket; and where it listens, if the settings say so. */
  readonly port: number;
  readonly settings: Settings;
  /** A command line that it runs under, such as one that enters a namespace. */
  readonly within?: readonly string[];
}

/** Returns the directory of the newest PostgreSQL's programs; `undefined` if there is none. */
export function findPostgres(): string | undefined {
  const versions = places.flatMap(({ directory, before, after }) =>
    namesIn(directory).filter((name) => name.startsWith(before))
      .map((name) => ({
        version: Number(name.slice(before.length)),
        path: `${directory}/${name}${after}`,
      }))
  ).filter(({ version }) => version > 0)
    .sort((a, b) => b.version - a.version).map(({ path }) => path);
  const paths = Deno.env.get("PATH")?.split(":") ?? [];
  return [...versions, ...paths].find((path) =>
    ["initdb", "postgres"].every((name) => isThere(`${path}/${name}`))
  );
}

/** A server that can be stopped, and started again on its port. */
export class PostgresServer implements AsyncDisposable {
  readonly directory: string;
  readonly port: number;
  readonly #settings: Settings;
  readonly #within: readonly string[];
  #process: Deno.ChildProcess | undefined;

  constructor({ directory, port, settings, within = [] }: PostgresOptions) {
    this.directory = directory;
    this.port = port;
    this.#settings = settings;
    this.#within = within;
  }

  /**
   * Makes the data, and hands the directory to the account that the server runs as.
   *
   * @throws {LocalError} If PostgreSQL is not installed, or refuses.
   */
  async initialise(options: readonly string[]): Promise<void> {
    const command = commandOf("initdb", [
      ...["-D", this.data, "-E", "UTF8", "--locale=C", "--no-sync"],
      ...options,
    ]);
    await this.handOver();
    await run(command);
  }

  /** Hands the directory to the account that the server runs as. */
  protected async handOver(): Promise<void> {
    if (Deno.uid() !== 0) return;
    await run(["chown", "-R", `${account}:`, this.directory]);
  }

  /** Runs a program of PostgreSQL as that account, with `env` in its environment. */
  protected async run(
    program: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    await run(commandOf(program, args), env);
  }

  /**
   * Starts it, and waits until it answers.
   *
   * @throws {LocalError} If it does not.
   */
  async start(): Promise<void> {
    const settings = {
      port: this.port,
      unix_socket_directories: this.directory,
      // Whatever a power cut would take is temporary.
      fsync: "off",
      ...this.#settings,
    };
    const command = commandOf("postgres", [
      ...["-D", this.data],
      ...Object.entries(settings)
        .flatMap(([key, value]) => ["-c", `${key}=${value}`]),
    ]);
    const process = new Deno.Command("sh", {
      args: ["-c", guarded, this.#log, ...this.#within, ...command],
      cwd: "/",
      stdin: "piped",
    }).spawn();
    this.#process = process;
    const ended = { now: false };
    process.status.then(() => ended.now = true);
    const began = performance.now();
    while (!ended.now && performance.now() - began < patienceMs) {
      if (this.#isReady(process.pid)) return;
      await delay(20);
    }
    await this.stop("SIGQUIT");
    throw new LocalError(
      `Cannot start PostgreSQL: ${Deno.readTextFileSync(this.#log).trim()}`,
    );
  }

  /** Ends it; `SIGINT` closes all connections in good order, `SIGQUIT` is a crash. */
  async stop(signal: "SIGINT" | "SIGQUIT" = "SIGINT"): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    if (process === undefined) return;
    // The guard goes first: later, another process may have this number.
    const writer = process.stdin.getWriter();
    await writer.write(new Uint8Array([10])).catch(() => {/* it has gone */});
    await writer.close().catch(() => {/* it has gone */});
    try {
      process.kill(signal);
    } catch (error) {
      // It has ended by itself.
      if (!(error instanceof TypeError)) throw error;
    }
    await process.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGQUIT");
  }

  /** The directory of its data. */
  protected get data(): string {
    return `${this.directory}/data`;
  }

  get #log(): string {
    return `${this.directory}/log`;
  }

  /** A server notes in this file which process it is, and in its eighth line that it answers. */
  #isReady(pid: number): boolean {
    try {
      const lines = Deno.readTextFileSync(`${this.data}/postmaster.pid`)
        .split("\n");
      return Number(lines[0]) === pid && lines[7]?.trim() === "ready";
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }
}

/** How a program of PostgreSQL is run, as another account if this one is root. */
function commandOf(program: string, args: readonly string[]): string[] {
  const programs = findPostgres();
  if (programs === undefined) {
    throw new LocalError("Cannot do this without PostgreSQL on this machine", {
      hint: "install the package postgresql, or postgresql-server",
    });
  }
  const command = [`${programs}/${program}`, ...args];
  if (Deno.uid() !== 0) return command;
  const entry = lookUp(account);
  if (entry === undefined) {
    throw new LocalError(
      `Cannot start PostgreSQL as root, and there is no account ${account}`,
      { hint: "run this as another account" },
    );
  }
  const { name, home } = entry;
  return setprivCommand({ name, ids: entry, home, owns: "" }, command);
}

async function run(
  [program, ...args]: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { success, stderr } = await new Deno.Command(program!, {
    args,
    env,
    cwd: "/",
    stdin: "null",
  }).output();
  if (success) return;
  const told = new TextDecoder().decode(stderr).trim();
  throw new LocalError(`Cannot prepare PostgreSQL: ${told}`);
}

function namesIn(directory: string): string[] {
  return isThere(directory)
    ? Array.from(Deno.readDirSync(directory), ({ name }) => name)
    : [];
}

/** Follows links: one that leads nowhere is left where a package was removed. */
function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
