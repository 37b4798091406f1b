/**
 * The PostgreSQL that the nodes of a cluster share.
 *
 * @module
 */

import postgres from "postgres";
import { LocalError, RelaisError } from "../errors.ts";
import { isLocal, socketOf } from "../config/address.ts";
import type { DatabaseConfig } from "../config/database.ts";
import { passwordIn } from "./pgpass.ts";
import { connections, explain, isAnswer } from "./failure.ts";

export type { DatabaseConfig };

/** A session, or a transaction, in which statements are run. */
export type Session = Pick<postgres.ISql, "unsafe">;

/** Runs one statement and returns its rows. */
export type Query = <Row>(
  text: string,
  values?: readonly unknown[],
) => Promise<readonly Row[]>;

/** Values as they come and go, by their numbers in pg_type: numbers are no larger than those of JavaScript. */
const types = {
  bigint: {
    to: 20,
    from: [20],
    parse: Number,
    serialize: (value: number) => String(value),
  },
  bytes: {
    to: 17,
    from: [17],
    parse: (text: string) => Uint8Array.fromHex(text.slice("\\x".length)),
    serialize: (value: Uint8Array) => `\\x${value.toHex()}`,
  },
  bigints: {
    to: 1016,
    from: [1016],
    parse: (text: string) => JSON.parse(`[${text.slice(1, -1)}]`),
    serialize: (values: readonly number[]) => `{${values.join()}}`,
  },
  texts: {
    to: 1009,
    from: [],
    parse: (text: string) => text,
    serialize: (values: readonly string[]) => `{${values.map(quoted).join()}}`,
  },
};

/** The database of one cluster. Connects when it is first asked. */
export class Database implements AsyncDisposable {
  readonly config: DatabaseConfig;
  readonly #options: postgres.Options<Record<string, postgres.PostgresType>>;
  #sql: postgres.Sql;

  /** @throws {LocalError} If the password or the certificates cannot be read. */
  constructor(config: DatabaseConfig) {
    this.config = config;
    this.#options = optionsOf(config);
    this.#sql = postgres(this.#options);
  }

  /**
   * Runs one statement.
   *
   * @throws {LocalError} If there is no answer within half of a lease, which says
   * nothing about whether it was run, or if the database refuses it.
   */
  query<Row>(
    text: string,
    values: readonly unknown[] = [],
  ): Promise<readonly Row[]> {
    return this.#inTime((sql) => run<Row>(sql, text, values));
  }

  /**
   * Runs `work` in one transaction: all of it happens, or none.
   *
   * @throws {LocalError} As {@link query}.
   */
  transaction<Result>(
    work: (session: Session) => Promise<Result>,
  ): Promise<Result> {
    return this.#inTime((sql) => sql.begin(work)) as Promise<Result>;
  }

  /**
   * Runs `work` in a transaction that only reads, and sees everything as it is when it
   * begins. It may take long: only each statement has to be answered in time.
   *
   * @throws {LocalError} As {@link query}.
   */
  snapshot<Result>(work: (query: Query) => Promise<Result>): Promise<Result> {
    return this.#inTime((sql, goOn) =>
      sql.begin(
        "isolation level repeatable read read only",
        (session) =>
          work(async <Row>(text: string, values?: readonly unknown[]) => {
            goOn();
            return await run<Row>(session, text, values).finally(goOn);
          }),
      )
    ) as Promise<Result>;
  }

  /** Ends all connections, without waiting for what is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sql.end({ timeout: 0 });
  }

  /**
   * Gives up, with its connections, what has no answer in time: the next request makes
   * new ones. The time begins again with each call of `goOn`.
   */
  async #inTime<Result>(
    work: (sql: postgres.Sql, goOn: () => void) => Promise<Result>,
  ): Promise<Result> {
    const sql = this.#sql;
    const late = Promise.withResolvers<never>();
    const begin = () =>
      setTimeout(
        () => late.reject(new Error("no answer")),
        this.config.leaseMs / 2,
      );
    let timer = begin();
    const result = work(sql, () => {
      clearTimeout(timer);
      timer = begin();
    });
    try {
      return await Promise.race([result, late.promise]);
    } catch (error) {
      result.catch(() => {
        // It was given up; its connection ends below.
      });
      if (error instanceof RelaisError) throw error;
      const isGivenUp = this.#sql !== sql;
      if (!isAnswer(error)) this.#startAgain(sql);
      throw explain(error, this.config, isGivenUp);
    } finally {
      clearTimeout(timer);
    }
  }

  #startAgain(sql: postgres.Sql): void {
    if (this.#sql !== sql) return;
    this.#sql = postgres(this.#options);
    sql.end({ timeout: 0 }).catch(() => {
      // They are broken already.
    });
  }
}

/** Runs a statement in a session; values are `$1`, `$2` … */
export async function run<Row>(
  session: Session,
  text: string,
  values: readonly unknown[] = [],
): Promise<readonly Row[]> {
  return await session.unsafe<Row[] & object[]>(text, [...values] as never[], {
    prepare: true,
  }) as unknown as readonly Row[];
}

/** Returns text as an element of an array. */
function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** Every option, because for those that are missing the environment would be asked. */
function optionsOf(config: DatabaseConfig) {
  const { address, ca, name, leaseMs } = config;
  const { user, database, host, port } = address;
  const password = passwordFor(config);
  return {
    ...isLocal(address) ? { path: socketOf(address) } : {},
    ...{ host: [host], port: [port], user, database },
    password: () => password,
    ssl: isLocal(address) ? false : { ca: readCa(ca), host },
    sslnegotiation: null,
    max: connections,
    idle_timeout: 0,
    connect_timeout: Math.ceil(leaseMs / 2_000),
    max_lifetime: null,
    max_pipeline: 100,
    backoff: false,
    keep_alive: Math.ceil(leaseMs / 2_000),
    prepare: true,
    debug: false,
    // It would ask for them as a session begins, and nobody would hear of a failure.
    fetch_types: false,
    publications: "alltables",
    target_session_attrs: "read-write",
    types,
    onnotice: () => {},
    // What an administrator has set for the role or the database would count otherwise.
    connection: {
      application_name: "relais",
      search_path: searchPathOf(name),
      default_transaction_isolation: "read committed",
      // What is committed has to survive a crash of the database.
      synchronous_commit: "on",
      bytea_output: "hex",
      extra_float_digits: "1",
      // A node that stands still in a transaction would keep the others waiting.
      idle_in_transaction_session_timeout: leaseMs,
      lock_timeout: leaseMs,
      statement_timeout: leaseMs,
      // Of tables with one row it expects hundreds: to compile a claim took seconds.
      jit: "off",
      client_min_messages: "warning",
    },
  } as unknown as postgres.Options<Record<string, postgres.PostgresType>>;
}

/** Where the tables of a cluster are looked for, as PostgreSQL says it. */
export function searchPathOf(name: string): string {
  return `"${name}"`;
}

/** Returns the password; an empty one if none is known: the database may ask for none. */
function passwordFor(
  { passwordFile, pgpass, address }: DatabaseConfig,
): string {
  if (passwordFile !== null) {
    return read(passwordFile, whatPassword).replace(/\r?\n$/, "");
  }
  if (pgpass === undefined) return "";
  const password = passwordIn(readIfThere(pgpass), address);
  if (password === undefined) return "";
  if (((Deno.statSync(pgpass).mode ?? 0) & 0o077) === 0) return password;
  throw new LocalError(
    `Cannot use ${whatPassword} in ${pgpass}: other accounts may read it`,
    { hint: `chmod 600 ${pgpass}` },
  );
}

const whatPassword = "the password of the database";

/** Reads a file that need not be there, or be for this account: it is empty then. */
function readIfThere(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    const { NotFound, PermissionDenied, NotADirectory } = Deno.errors;
    const isExpected = [NotFound, PermissionDenied, NotADirectory]
      .some((expected) => error instanceof expected);
    if (isExpected) return "";
    throw unreadable(path, whatPassword, error as Error);
  }
}

function readCa(path: string | null): string | undefined {
  return path === null
    ? undefined
    : read(path, "the certificates for the database");
}

function read(path: string, what: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw unreadable(path, what, error as Error);
  }
}

function unreadable(path: string, what: string, cause: Error): LocalError {
  return new LocalError(`Cannot read ${what} in ${path}: ${cause.message}`, {
    cause,
    hint: `let the account that runs relais read ${path}`,
  });
}
