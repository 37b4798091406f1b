/**
 * What relais proves itself to a server with: a private key file, the
 * ssh-agent, or both.
 *
 * @module
 */

import ssh2 from "ssh2";
import type { ServerConfig } from "../config/config.ts";
import { ConfigError } from "../errors.ts";

export interface Identity {
  /** The private key; `null` if only the agent is to be asked. */
  readonly privateKey: string | null;
  /** Path of the agent's socket; `null` if it is not to be asked. */
  readonly agent: string | null;
}

/** Bits of a key file's mode that let others read or write it. */
const others = 0o077;

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
  if (socket !== undefined && socket !== "") return socket;
  throw new ConfigError(
    `Cannot ask the ssh-agent for ${name}: SSH_AUTH_SOCK is not set`,
    [],
    { hint: "start ssh-agent, or give the server an identity" },
  );
}

function readKey(
  { name }: ServerConfig,
  path: string,
  agent: string | null,
): string | null {
  const text = readPrivate(name, path);
  const parsed = ssh2.utils.parseKey(text);
  if (!(parsed instanceof Error)) {
    if (parsed.isPrivateKey()) return text;
    throw unusable(
      name,
      path,
      "it is a public key",
      "give the file without .pub",
    );
  }
  if (!/encrypted|passphrase/i.test(parsed.message)) {
    throw unusable(
      name,
      path,
      "it is no private key that relais can read",
      "make one with ssh-keygen -t ed25519",
    );
  }
  // The agent may hold what the file keeps from us.
  if (agent !== null) return null;
  throw unusable(
    name,
    path,
    "it is encrypted",
    `set agent = true and add it with ssh-add, or take its passphrase away with ssh-keygen -p`,
  );
}

/** Reads the key through one descriptor, so that what is checked is what is read. */
function readPrivate(name: string, path: string): string {
  try {
    using file = Deno.openSync(path);
    const { isFile, mode, size } = file.statSync();
    if (!isFile) {
      throw unusable(name, path, "it is no file", "set identity to a key file");
    }
    if (mode !== null && (mode & others) !== 0) {
      throw unusable(name, path, "others can read it", `chmod 600 ${path}`);
    }
    const bytes = new Uint8Array(size);
    const read = file.readSync(bytes) ?? 0;
    return new TextDecoder().decode(bytes.subarray(0, read));
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw unusable(
      name,
      path,
      (cause as Error).message,
      "set identity to a key file that relais may read",
    );
  }
}

function unusable(
  name: string,
  path: string,
  what: string,
  hint: string,
): ConfigError {
  return new ConfigError(`Cannot use the key ${path} of ${name}: ${what}`, [], {
    hint,
  });
}
