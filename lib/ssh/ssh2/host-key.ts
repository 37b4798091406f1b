/**
 * Verification of host keys.
 *
 * ssh2 takes every answer of a host verifier but exactly `false` for a yes, so
 * that the verifier here is synchronous, answers exactly `true` or `false`, and
 * answers `false` to whatever goes wrong in it. It runs again at each rekeying.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { ServerConfig } from "../../config/config.ts";
import { ConfigError, HostKeyError } from "../../errors.ts";
import { scanCommand } from "./scan-command.ts";
import {
  type KeyStanding,
  keyTypeOf,
  keyTypesOf,
  type KnownHost,
  linesFor,
  parseKnownHosts,
  standingOf,
} from "./known-hosts.ts";
import { readRegularFile, UnreadableError } from "./regular-file.ts";

/** No known_hosts is longer. */
const longestKnownHosts = 64 * 2 ** 20;

/** What is trusted of one server: what both know of it, and what either knows if the other knows nothing. */
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

/**
 * Key types to ask the server for, so that it shows a key that can be compared;
 * empty if any will do. Of what known_hosts has, those that are pinned as well
 * come before others: both must agree.
 */
export function trustedKeyTypes({ lines, fingerprints }: Trust): string[] {
  const pinned = lines.filter(({ key }) =>
    fingerprints.includes(fingerprint(Buffer.from(key, "base64")))
  );
  return keyTypesOf(pinned.length > 0 ? pinned : lines);
}

/** Judges one key; remembers why it was refused. */
export class HostKeyVerifier {
  readonly #server: ServerConfig;
  readonly #trust: Trust;
  #refusal: HostKeyError | undefined;
  #shown = "";

  constructor(server: ServerConfig, trust: Trust) {
    this.#server = server;
    this.#trust = trust;
  }

  /** Why the key was refused; `undefined` as long as none was. */
  get refusal(): HostKeyError | undefined {
    return this.#refusal;
  }

  /** Type and fingerprint of the last key that was shown; empty if there was none. */
  get shown(): string {
    return this.#shown;
  }

  /** For ssh2's `hostVerifier`: answers exactly true or false, at once. */
  readonly verify = (keyBlob: Uint8Array): boolean => {
    try {
      this.#refusal = this.#judge(keyBlob);
    } catch (cause) {
      this.#refusal = this.#refuse(
        "its host key cannot be checked",
        undefined,
        cause,
      );
    }
    return this.#refusal === undefined ? true : false;
  };

  #judge(keyBlob: Uint8Array): HostKeyError | undefined {
    const shown = fingerprint(keyBlob);
    this.#shown = `${keyTypeOf(keyBlob)} ${shown}`;
    const { lines, fingerprints } = this.#trust;
    const standing = standingOf(lines, keyBlob);
    if (standing === "revoked") {
      return this.#refuse(
        `its host key ${shown} is revoked`,
        "ask the administrator of the server for its new host key; do not trust this one",
      );
    }
    if (fingerprints.length === 0) {
      return standing === "known"
        ? undefined
        : this.#refuseUnpinned(standing, shown);
    }
    return this.#judgePinned(standing, shown);
  }

  /** A key that is pinned must not be another one in known_hosts, and the other way round: one of the two is wrong. */
  #judgePinned(
    standing: KeyStanding,
    shown: string,
  ): HostKeyError | undefined {
    const { fingerprints } = this.#trust;
    const pins = fingerprints.join(" or ");
    if (!fingerprints.includes(shown)) {
      return standing === "known"
        ? this.#refuse(
          `its host key ${shown} is in known_hosts, but host_key is ${pins}`,
          `compare both with ssh-keygen -l on the server; if known_hosts is right, set host_key = "${shown}" or remove it`,
        )
        : this.#refuse(
          `its host key is not the pinned one: expected ${pins}, got ${shown}`,
          changedHint,
        );
    }
    return standing === "mismatch"
      ? this.#refuse(
        `its host key ${shown} is the one in host_key, but known_hosts has ${this.#expected()}`,
        `compare both with ssh-keygen -l on the server; if host_key is right, ${this.#replace()}`,
      )
      : undefined;
  }

  /** How to put the key that the server shows in place of the one in known_hosts. */
  #replace(): string {
    const { host, port, knownHosts: [file] } = this.#server;
    const name = port === 22 ? host : `[${host}]:${port}`;
    return `run "ssh-keygen -R '${name}' -f ${file}" and add the key again with ${
      scanCommand(this.#server)
    }`;
  }

  #refuseUnpinned(standing: KeyStanding, shown: string): HostKeyError {
    switch (standing) {
      case "mismatch":
        return this.#refuse(
          `its host key is not the one in known_hosts: expected ${this.#expected()}, got ${shown}`,
          `if the server really has a new key, check it there with ssh-keygen -l, then ${this.#replace()}`,
        );
      case "certificate":
        return this.#refuse(
          "known_hosts has only a @cert-authority for it, and host certificates are not supported",
          `set transport = "openssh" for ${this.#server.name}, whose ssh checks certificates, or host_key = "${shown}" once you have compared it on the server`,
        );
      default:
        return this.#refuse(
          `its host key ${shown} is not in known_hosts`,
          `check it with ssh-keygen -l on the server, then run ${
            scanCommand(this.#server)
          }`,
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

const compareHint =
  "compare its keys with those that ssh-keygen -l shows on the server";

/** What to do about a known_hosts that cannot be read. */
function hintFor(server: ServerConfig, { cause }: UnreadableError): string {
  switch ((cause as { code?: string } | undefined)?.code) {
    case "ENOENT":
      return `make it with ${scanCommand(server)}, and ${compareHint}`;
    case "EACCES":
    case "EPERM":
      return "let the account of relais read it: chmod a+r";
    default:
      return "set known_hosts to a file made with ssh-keyscan, or pin the key with host_key in its place";
  }
}

const changedHint =
  "if the server really has a new key, compare it there with ssh-keygen -l and replace the old one";

function readText(path: string, server: ServerConfig): string {
  try {
    return readRegularFile(path, { longest: longestKnownHosts });
  } catch (cause) {
    if (!(cause instanceof UnreadableError)) throw cause;
    throw new ConfigError(
      `Cannot read known_hosts ${path} of ${server.name}: ${cause.message}`,
      [],
      {
        cause,
        hint: hintFor(server, cause),
      },
    );
  }
}
