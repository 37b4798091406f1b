/**
 * Where the database of a cluster is, as the configuration has it.
 *
 * @module
 */

/** The address of a database. */
export interface Address {
  readonly user: string;
  readonly database: string;
  /** A host; or, with a leading slash, the directory of a socket on this machine. */
  readonly host: string;
  readonly port: number;
}

/** The port of PostgreSQL. */
const ordinaryPort = 5_432;

/**
 * Reads an address as in `postgres://relais@db.example.net/relais`, or with the
 * directory of a socket: `postgres://relais@/relais?host=/run/postgresql`.
 * Returns the reason if it is not one.
 */
export function parseAddress(
  text: string,
): { readonly address: Address } | { readonly reason: string } {
  const parts =
    /^postgres(?:ql)?:\/\/([^:@/?#]+)(:[^@/?#]*)?@(\[[0-9A-Fa-f:.]+\]|[^:@/?#,]*)(?::(\d+))?\/([^/?#]+)(\?[^#]*)?$/
      .exec(text);
  if (parts === null) {
    return { reason: "write it as in postgres://USER@HOST/DATABASE" };
  }
  const [, user, password, host, port, database, query = ""] = parts;
  if (password !== undefined) {
    return { reason: "keep the password out of it, in cluster.password_file" };
  }
  const more = new URLSearchParams(query);
  const unknown = [...more.keys()].find((key) =>
    host !== "" || !["host", "port"].includes(key)
  );
  if (unknown !== undefined) {
    return { reason: `it cannot have "${unknown}" after the name` };
  }
  const place = host === "" ? more.get("host") ?? "" : host!;
  if (host === "" && !place.startsWith("/")) {
    return { reason: "it names no host" };
  }
  const number = port ?? more.get("port") ?? String(ordinaryPort);
  if (!/^\d{1,5}$/.test(number) || +number < 1 || +number > 65_535) {
    return { reason: "its port is not one from 1 to 65535" };
  }
  const [account, name] = [decoded(user!), decoded(database!)];
  if (account === undefined || name === undefined) {
    return { reason: 'a "%" in it has no two hexadecimal digits after it' };
  }
  return {
    address: {
      user: account,
      database: name,
      host: place.replace(/^\[(.*)\]$/, "$1"),
      port: Number(number),
    },
  };
}

/** Returns a part of an address without its `%XX`; `undefined` if they stand for no text. */
function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

/** Tells whether the database is reached by a socket of this machine, which needs no TLS. */
export function isLocal({ host }: Address): boolean {
  return host.startsWith("/");
}

/** Returns the address as people read it. */
export function addressText({ host, port, database }: Address): string {
  return `${database} at ${host}:${port}`;
}

/** Returns the path of the socket of a database that {@link isLocal}. */
export function socketOf({ host, port }: Address): string {
  return `${host}/.s.PGSQL.${port}`;
}

/** Returns the host as permissions and URLs have it. */
export function hostText({ host }: Address): string {
  return host.includes(":") ? `[${host}]` : host;
}
