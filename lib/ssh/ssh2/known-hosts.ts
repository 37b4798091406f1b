/**
 * OpenSSH's known_hosts files: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT".
 *
 * @module
 */

import { createHmac } from "node:crypto";
import { Buffer } from "node:buffer";

/** One usable line. */
export interface KnownHost {
  readonly marker: "revoked" | "cert-authority" | null;
  /** Patterns separated by commas, or one hashed name. */
  readonly hosts: string;
  readonly keyType: string;
  /** The key as SSH sends it, in canonical base64. */
  readonly key: string;
}

/** What the files say of a key shown by a host. */
export type KeyStanding =
  | "known"
  /** No line is about this host. */
  | "unknown"
  /** Lines are about this host, and none has this key. */
  | "mismatch"
  | "revoked"
  /** Only a certification authority is known for this host, and certificates are not supported. */
  | "certificate";

/** Reads the lines of a known_hosts file; what is no line of a key is passed over, as ssh does. */
export function parseKnownHosts(text: string): KnownHost[] {
  return text.split("\n").flatMap((line) => parseLine(line.trim()) ?? []);
}

function parseLine(line: string): KnownHost | undefined {
  if (line === "" || line.startsWith("#")) return undefined;
  const fields = line.split(/[ \t]+/);
  const marker = fields[0]!.startsWith("@") ? fields.shift()!.slice(1) : null;
  const [hosts, keyType, key] = fields;
  if (hosts === undefined || keyType === undefined || key === undefined) {
    return undefined;
  }
  if (marker !== null && marker !== "revoked" && marker !== "cert-authority") {
    return undefined;
  }
  const blob = Buffer.from(key, "base64");
  if (keyTypeOf(blob) !== keyType) return undefined;
  return { marker, hosts, keyType, key: blob.toString("base64") };
}

/** A key begins with the name of its type, as a string of RFC 4251, section 5. */
export function keyTypeOf(keyBlob: Uint8Array): string | undefined {
  if (keyBlob.length < 4) return undefined;
  const blob = Buffer.from(keyBlob);
  return blob.toString("latin1", 4, 4 + blob.readUInt32BE(0));
}

/** The lines that are about a host. A line with no port is about port 22 and no other. */
export function linesFor(
  lines: readonly KnownHost[],
  host: string,
  port: number,
): KnownHost[] {
  const name = port === 22
    ? host.toLowerCase()
    : `[${host.toLowerCase()}]:${port}`;
  return lines.filter(({ hosts }) => matches(hosts, name));
}

/** Says what `lines`, which are about the host, say of the key it shows. */
export function standingOf(
  lines: readonly KnownHost[],
  keyBlob: Uint8Array,
): KeyStanding {
  const key = Buffer.from(keyBlob).toString("base64");
  const withKey = lines.filter((line) => line.key === key);
  if (withKey.some(({ marker }) => marker === "revoked")) return "revoked";
  if (withKey.some(({ marker }) => marker === null)) return "known";
  if (lines.some(({ marker }) => marker === null)) return "mismatch";
  return lines.some(({ marker }) => marker === "cert-authority")
    ? "certificate"
    : "unknown";
}

/** The key types that `lines` hold, so that a server is asked for a key that can be compared. */
export function keyTypesOf(lines: readonly KnownHost[]): string[] {
  const types = lines.filter(({ marker }) => marker === null).map((
    { keyType },
  ) => keyType);
  return [...new Set(types)];
}

function matches(hosts: string, name: string): boolean {
  if (hosts.startsWith("|1|")) return matchesHash(hosts, name);
  const patterns = hosts.toLowerCase().split(",");
  const matching = patterns.filter((pattern) =>
    wildcard(pattern.replace(/^!/, "")).test(name)
  );
  // A negated pattern vetoes the whole line.
  return matching.length > 0 &&
    !matching.some((pattern) => pattern.startsWith("!"));
}

/** A hashed name is `|1|salt|HMAC-SHA1(salt, name)`, both in base64. */
function matchesHash(hosts: string, name: string): boolean {
  const [, , salt = "", hash] = hosts.split("|");
  const hmac = createHmac("sha1", Buffer.from(salt, "base64"));
  return hmac.update(name).digest("base64") === hash;
}

function wildcard(pattern: string): RegExp {
  const source = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replace(/\*+/g, ".*").replaceAll("?", ".");
  return new RegExp(`^${source}$`);
}
