/**
 * The file in which PostgreSQL's own programs find passwords, `~/.pgpass`.
 *
 * Format: https://www.postgresql.org/docs/current/libpq-pgpass.html
 *
 * @module
 */

import { type Address, isLocal } from "../config/address.ts";

/** A field: a colon or a backslash in it has a backslash before it. */
const field = /((?:\\.|[^\\:])*)/.source;

/** `hostname:port:database:username:password`. */
const form = new RegExp(`^${[field, field, field, field, field].join(":")}`);

/** Returns the password of the first line that is for `address`; `undefined` if there is none. */
export function passwordIn(text: string, address: Address): string | undefined {
  const { host, port, database, user } = address;
  const hosts = isLocal(address) ? [host, "localhost"] : [host];
  const asked = [hosts, [String(port)], [database], [user]];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith("#")) continue;
    const [, ...fields] = form.exec(line) ?? [];
    const isFor = asked.every((names, index) =>
      fields[index] === "*" || names.includes(plain(fields[index] ?? ""))
    );
    if (fields.length > 0 && isFor) return plain(fields.at(-1)!);
  }
  return undefined;
}

/** Leaves the backslash out that stands before a character. */
function plain(text: string): string {
  return text.replaceAll(/\\(.)/g, "$1");
}
