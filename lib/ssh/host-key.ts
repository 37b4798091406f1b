/**
 * Whether a host key can be trusted.
 *
 * ssh2 takes every answer of a host verifier but exactly `false` for a yes, so
 * that the verifier here is synchronous, answers exactly `true` or `false`, and
 * answers `false` to whatever goes wrong in it. It runs again at each rekeying.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { ServerConfig } from "../config/config.ts";
import { ConfigError, HostKeyError } from "../errors.ts";
import {
  keyTypesOf,
  type KnownHost,
  linesFor,
  parseKnownHosts,
  standingOf,
} from "./known-hosts.ts";

/** What is trusted of one server. */
export interface Trust {
  /** Lines of known_hosts about it. */
  readonly lines: readonly KnownHost[];
  /** Pinned fingerprints. */
  readonly fingerprints: readonly string[];
}

/** Returns the fingerprint of a key, as `ssh-keygen -l` prints it. */
export function fingerprint(keyBlob: Uint8Array): string {
  const hash = createHash("sha256").update(keyBlob).digest("base64");
  return `SHA256:${hash.replace(/=+$/, "")}`;
}

/**
 * Reads what is trusted of `server`.
 *
 * @throws {ConfigError} If a known_hosts file cannot be read.
 */
export function readTrust(server: ServerConfig): Trust {
  const lines = server.knownHosts.flatMap((path) =>
    linesFor(parseKnownHosts(readText(path, server)), server.host, server.port)
  );
  return { lines, fingerprints: server.hostKeys };
}

/** Key types to ask the server for; empty if any will do, because a fingerprint is pinned. */
export function trustedKeyTypes({ lines, fingerprints }: Trust): string[] {
  return fingerprints.length > 0 ? [] : keyTypesOf(lines);
}

/** Judges one key; remembers why it was refused. */
export class HostKeyVerifier {
  readonly #server: ServerConfig;
  readonly #trust: Trust;
  #refusal: HostKeyError | undefined;

  constructor(server: ServerConfig, trust: Trust) {
    this.#server = server;
    this.#trust = trust;
  }

  /** Why the key was refused; `undefined` as long as none was. */
  get refusal(): HostKeyError | undefined {
    return this.#refusal;
  }

  /** For ssh2's `hostVerifier`: answers exactly true or false, at once. */
  readonly verify = (keyBlob: Uint8Array): boolean => {
    try {
      this.#refusal = this.#judge(keyBlob);
    } catch (cause) {
      this.#refusal = this.#refuse(
        "its host key cannot be judged",
        undefined,
        cause,
      );
    }
    return this.#refusal === undefined ? true : false;
  };

  #judge(keyBlob: Uint8Array): HostKeyError | undefined {
    const shown = fingerprint(keyBlob);
    const { lines, fingerprints } = this.#trust;
    const standing = standingOf(lines, keyBlob);
    if (standing === "revoked") {
      return this.#refuse(
        `its host key ${shown} is revoked`,
        "do not connect to it",
      );
    }
    if (standing === "known" || fingerprints.includes(shown)) return undefined;
    if (fingerprints.length > 0) {
      return this.#refuse(
        `its host key is not the pinned one: expected ${
          fingerprints.join(" or ")
        }, got ${shown}`,
        changedHint,
      );
    }
    return this.#refuseUnpinned(standing, shown);
  }

  #refuseUnpinned(standing: string, shown: string): HostKeyError {
    const { host, port } = this.#server;
    switch (standing) {
      case "mismatch":
        return this.#refuse(
          `its host key is not the one in known_hosts: expected ${this.#expected()}, got ${shown}`,
          changedHint,
        );
      case "certificate":
        return this.#refuse(
          "known_hosts has only a @cert-authority for it, and host certificates are not supported",
          `set host_key = "${shown}" once you have compared it on the server`,
        );
      default:
        return this.#refuse(
          `its host key ${shown} is in no known_hosts`,
          `add it with "ssh-keyscan -p ${port} ${host}" once you have compared it on the server`,
        );
    }
  }

  #expected(): string {
    return this.#trust.lines.filter(({ marker }) => marker === null)
      .map(({ key }) => fingerprint(Buffer.from(key, "base64")))
      .join(" or ");
  }

  #refuse(what: string, hint?: string, cause?: unknown): HostKeyError {
    const { name, host, port } = this.#server;
    return new HostKeyError(`Cannot trust ${name} (${host}:${port}): ${what}`, {
      ...(hint === undefined ? {} : { hint }),
      cause,
    });
  }
}

const changedHint =
  "if the server really has a new key, compare it there with ssh-keygen -l and replace the old one";

function readText(path: string, { name }: ServerConfig): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (cause) {
    throw new ConfigError(
      `Cannot read known_hosts of ${name}: ${(cause as Error).message}`,
      [],
      { cause, hint: `make it with ssh-keyscan, or set host_key` },
    );
  }
}
