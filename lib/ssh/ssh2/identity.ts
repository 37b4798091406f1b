/**
 * What relais proves itself to a server with: a private key file, the
 * ssh-agent, or both.
 *
 * @module
 */

import { type Stats, statSync } from "node:fs";
import "./ciphers.ts";
import { Buffer } from "node:buffer";
import ssh2, { type ParsedKey } from "ssh2";
import type { ServerConfig } from "../../config/config.ts";
import { ConfigError } from "../../errors.ts";
import { shellWord } from "../../text/shell-word.ts";
import { signable } from "./private-key.ts";
import { readRegularFile, UnreadableError } from "./regular-file.ts";

export interface Identity {
  /** The private key, as ssh2 can sign with it; `null` if only the agent is to be asked. */
  readonly privateKey: string | null;
  /** Path of the agent's socket; `null` if it is not to be asked. */
  readonly agent: string | null;
}

/** Bits of a key file's mode that let others read or write it. */
const others = 0o077;

/** Where systemd hands keys over; its access list for the service shows as a right of the group. */
const handedOver = "/run/credentials/";

/** No private key is longer. */
const longestKey = 64 * 1024;

/**
 * Reads the identity that `server` wants.
 *
 * @throws {ConfigError} If the key cannot be used as it is; the key itself is never told.
 */
export function readIdentity(server: ServerConfig): Identity {
  const agent = server.agent ? agentSocket(server) : null;
  const privateKey = server.identity === null
    ? null
    : readKey(server, server.identity, agent);
  return { privateKey, agent };
}

function agentSocket({ name }: ServerConfig): string {
  const socket = Deno.env.get("SSH_AUTH_SOCK");
  if (socket === undefined || socket === "") {
    throw noAgent(name, "SSH_AUTH_SOCK is not set");
  }
  if (!statSync(socket, { throwIfNoEntry: false })?.isSocket()) {
    throw noAgent(name, `there is no socket at ${socket}`);
  }
  return socket;
}

function noAgent(name: string, what: string): ConfigError {
  return new ConfigError(`Cannot ask the ssh-agent for ${name}: ${what}`, [], {
    hint: `start ssh-agent, or set identity for ${name}`,
  });
}

/** Returns the path of the key of a server that people know; `null` if it has none. */
export function keyOf(
  { identity, namedIdentity }: Pick<
    ServerConfig,
    "identity" | "namedIdentity"
  >,
): string | null {
  return namedIdentity ?? identity;
}

function readKey(
  server: ServerConfig,
  file: string,
  agent: string | null,
): string | null {
  const { name } = server;
  const path = keyOf(server) ?? file;
  const text = readPrivate(name, path, file);
  const key = signable(text);
  const parsed = parse(key);
  if (isEncrypted(text, parsed)) {
    // The agent may hold what the file keeps from us.
    if (agent !== null) return null;
    throw unusable(
      name,
      path,
      "it is encrypted",
      `set agent = true and add it with ssh-add, or remove its passphrase with ssh-keygen -p -f ${
        shellWord(path)
      }`,
    );
  }
  checkKey(name, path, text, parsed);
  return key;
}

function isEncrypted(text: string, parsed: ParsedKey | Error): boolean {
  // ssh2 does not know PKCS#8, so it cannot say.
  return text.includes("-----BEGIN ENCRYPTED PRIVATE KEY-----") ||
    (parsed instanceof Error && /encrypted|passphrase/i.test(parsed.message));
}

/** Signs once: a key that cannot would fail in the middle of the login, and look like something else. */
function checkKey(
  name: string,
  path: string,
  text: string,
  parsed: ParsedKey | Error,
): void {
  if (parsed instanceof Error && isSecurityKey(text)) {
    throw unusable(
      name,
      path,
      "it is a FIDO key",
      `set transport = "openssh" for ${name}, whose ssh can use it`,
    );
  }
  if (parsed instanceof Error) {
    throw unusable(
      name,
      path,
      "it is not a private key that relais can read",
      "make one with ssh-keygen -t ed25519",
    );
  }
  const signature = parsed.sign(Buffer.from(name));
  if (!(signature instanceof Error)) return;
  throw unusable(
    name,
    path,
    "it cannot sign: it is damaged, or of a type that relais does not support",
    "make one with ssh-keygen -t ed25519",
    signature,
  );
}

/** Tells whether the key itself is in a device: PROTOCOL.u2f of OpenSSH. */
function isSecurityKey(text: string): boolean {
  const contents = text.replaceAll(/-----[A-Z ]+-----/g, "");
  return /sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com/
    .test(Buffer.from(contents, "base64").toString("latin1"));
}

/** ssh2 returns what it cannot parse as an error, as a rule. */
function parse(key: string): ParsedKey | Error {
  try {
    return ssh2.utils.parseKey(key);
  } catch (error) {
    return error as Error;
  }
}

/** Refuses a public key, or a certificate: it stands beside the private one, and is easily taken for it. */
function refuseOther(name: string, path: string, text: string): void {
  const [type = ""] = text.split(/\s/, 1);
  if (!publicKey.test(text) && !text.includes(publicPem)) return;
  const what = type.includes("-cert-") ? "certificate" : "public key";
  const other = path.replace(/(?:-cert)?\.pub$/, "");
  throw unusable(
    name,
    path,
    `it is a ${what}, and relais needs the private key`,
    other === path
      ? "set identity to the private key"
      : `set identity = "${other}"`,
  );
}

/** A line of a .pub file. */
const publicKey = /^(?:ssh-|ecdsa-|sk-)\S+ AAAA/;
const publicPem = "PUBLIC KEY-----";

/** Reads the key that people know as `path` from `file`. */
function readPrivate(name: string, path: string, file: string): string {
  let found: Stats | undefined;
  try {
    const text = readRegularFile(file, {
      longest: longestKey,
      look: (stat) => void (found = stat),
    });
    // A public key may be open to others: that it is one says more.
    refuseOther(name, path, text);
    refuseOpen(name, file, found!);
    return text;
  } catch (cause) {
    if (!(cause instanceof UnreadableError)) throw cause;
    throw unusable(name, path, cause.message, hintFor(path, cause), cause);
  }
}

/** What to do about a key that cannot be read. */
function hintFor(path: string, { cause }: UnreadableError): string {
  switch ((cause as { code?: string } | undefined)?.code) {
    case "ENOENT":
      return `make it with ssh-keygen -t ed25519 -N '' -f ${
        shellWord(path)
      }, or correct identity`;
    case "EACCES":
    case "EPERM":
      return 'run "relais unit --install", so that systemd hands it over, or let the account of relais own it';
    default:
      return "set identity to a key file that the account of relais may read";
  }
}

/** Tells whether systemd handed a key over. */
export function isHandedOver(path: string): boolean {
  return path.startsWith(handedOver);
}

/** Refuses a key that is open to others. */
function refuseOpen(name: string, path: string, { mode }: Stats): void {
  const forbidden = isHandedOver(path) ? others & ~0o040 : others;
  if ((mode & forbidden) !== 0) {
    throw unusable(name, path, "others can read it", `chmod 600 ${path}`);
  }
}

function unusable(
  name: string,
  path: string,
  what: string,
  hint: string,
  cause?: Error,
): ConfigError {
  return new ConfigError(`Cannot use the key ${path} of ${name}: ${what}`, [], {
    hint,
    cause,
  });
}
