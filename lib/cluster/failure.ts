/**
 * Failures between a node and its database, in words for an administrator.
 *
 * @module
 */

import { LocalError } from "../errors.ts";
import { type Address, addressText, isLocal } from "../config/address.ts";

/** Connections of one process: the leader's transaction, the keeper, the copier. */
export const connections = 4;

/** The oldest PostgreSQL that has all that is used: before it, gen_random_uuid() is missing. */
export const leastVersion = 13;

/** What to do about a program between a node and its database that mixes sessions. */
export const poolerHint =
  "set cluster.database to PostgreSQL itself, without a pooler in between";

/** The part of the configuration that messages name. */
interface Reached {
  readonly address: Address;
  readonly name: string;
}

/** Tells whether PostgreSQL itself has answered with this error; all others concern the connection. */
export function isAnswer(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === "string" && /^(?=.*\d)[0-9A-Z]{5}$/.test(code);
}

/** Tells whether what an error of relais comes from is that there are no tables. */
export function isTableMissing(error: unknown): boolean {
  const { code } = (error as Error).cause as { code?: string } ?? {};
  return code === "42P01" || code === "3F000";
}

/**
 * Returns the error of relais for one of the connection, of TLS, or of PostgreSQL.
 *
 * @param isGivenUp True if this end has closed the connection.
 */
export function explain(
  error: unknown,
  reached: Reached,
  isGivenUp = false,
): LocalError {
  const { code, message } = error as { code?: string; message: string };
  const text = addressText(reached.address);
  const fail = (what: string, hint: string) =>
    new LocalError(`Cannot use the database ${text}: ${what}`, {
      cause: error,
      hint,
    });
  const readOnly = () =>
    fail(
      "it only reads: it is a standby, or its role may not write",
      "set cluster.database to the primary",
    );
  // The client leaves a database that does not write.
  if (code === "CONNECTION_DESTROYED" && !isGivenUp) return readOnly();
  switch (code) {
    case "28P01":
    case "28000":
      return fail(
        message,
        "check the user in cluster.database, cluster.password_file or ~/.pgpass, and pg_hba.conf on the database's host",
      );
    case "3D000":
      return fail(message, `run "createdb ${reached.address.database}" there`);
    case "42501":
      return fail(
        message,
        `set the user in cluster.database to the role that owns the tables in the schema "${reached.name}"`,
      );
    case "26000":
    case "42P05":
      return fail(message, poolerHint);
    case "08P01":
      if (!/startup parameter/i.test(message)) break;
      return fail(message, poolerHint);
    case "25006":
      return readOnly();
    case "42883":
      return fail(message, `relais needs PostgreSQL ${leastVersion} or later`);
    case "53300":
      return fail(
        message,
        `let it accept more connections, ${connections} for each node: max_connections, or the limit of the role or the database`,
      );
  }
  if (/UnknownIssuer|self-signed|unable to verify/i.test(message)) {
    return fail(
      "its certificate is not signed by an authority in cluster.ca",
      "set cluster.ca to the certificate of the authority that signed it",
    );
  }
  if (/NotValidForName|altnames/i.test(message)) {
    return fail(
      `its certificate is not for the name ${reached.address.host}`,
      "set cluster.database to a name that the certificate is for",
    );
  }
  // A server without it says so, and the client begins with it nevertheless.
  if (/before secure TLS connection/.test(message)) {
    return fail(
      "it ends the connection where TLS should begin",
      "set ssl = on in its postgresql.conf, with a certificate that an authority in cluster.ca has signed",
    );
  }
  if (isAnswer(error)) {
    return fail(message, "read the log of PostgreSQL for the reason");
  }
  return fail(plain(code, message), reachHint(reached.address));
}

/** Says in words why there is no connection. */
function plain(code: string | undefined, message: string): string {
  const words: Record<string, string> = {
    ECONNREFUSED: "connection refused",
    ENOENT: "there is no such socket",
    ENOTFOUND: "its name is not known",
    CONNECT_TIMEOUT: "no answer",
    CONNECTION_CLOSED: "the connection was closed",
    CONNECTION_ENDED: "the connection was closed",
    CONNECTION_DESTROYED: "the connection was closed",
  };
  return words[code ?? ""] ?? message;
}

function reachHint(address: Address): string {
  const { host, port } = address;
  return isLocal(address)
    ? `check that PostgreSQL runs: pg_isready -h ${host} -p ${port}`
    : `check that PostgreSQL runs and can be reached from here: pg_isready -h ${host} -p ${port}`;
}
