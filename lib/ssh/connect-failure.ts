/**
 * Why a connection failed, in an administrator's words: what the network, the
 * server and ssh2 say, translated to the errors of relais.
 *
 * @module
 */

import type { LimitsConfig, ServerConfig } from "../config/config.ts";
import {
  AuthenticationError,
  HostKeyError,
  RelaisError,
  UnreachableError,
  UnusableError,
} from "../errors.ts";
import type { Depth } from "../protocol.ts";
import { peerText } from "./peer-text.ts";

/** What is known of an attempt to connect when it fails. */
export interface Circumstances {
  readonly server: ServerConfig;
  /** How far it got. */
  readonly depth: Depth;
  /** The first bytes that the server sent, as text. */
  readonly opening: string;
  /** The key types that known_hosts has for the server; empty: any will do. */
  readonly keyTypes: readonly string[];
  /** What the server said of our keys. */
  readonly refusal: Refusal | undefined;
}

/** How a server refused a key. */
export interface Refusal {
  /** The methods it would go on with. */
  readonly methods: readonly string[];
  /** Whether the key was right, but not enough. */
  readonly partial: boolean;
}

/** An error of ssh2, of the network, or of both. */
export type ConnectionError = Error & { code?: unknown; level?: string };

/** Puts the failure of an attempt into words. */
export function explainFailure(
  error: ConnectionError,
  at: Circumstances,
): RelaisError {
  if (error instanceof RelaisError) return error;
  if (
    error.level === "client-authentication" ||
    /too many authentication failures/i.test(error.message)
  ) return loginRefused(at);
  if (error.level === "agent") return agentFailed(error, at);
  switch (at.depth) {
    case "nothing":
      return unreachable(at, networkReason(error), error);
    case "connected":
      return explainHandshake(error, at);
    case "authenticated":
      return explainSubsystem(error, at);
    default:
      return unreachable(
        at,
        `${networkReason(error)} (during the login)`,
        error,
      );
  }
}

/** Puts a time limit that ran out into words. */
export function explainLateness(
  { connectMs, handshakeMs }: LimitsConfig,
  at: Circumstances,
): UnreachableError {
  if (at.depth === "nothing") {
    return unreachable(at, `no answer within ${connectMs / 1_000} s`);
  }
  const missing = at.opening === ""
    ? "no SSH banner"
    : at.depth === "authenticated"
    ? "no SFTP session"
    : "no SSH session";
  return unreachable(at, `${missing} within ${handshakeMs / 1_000} s`);
}

/** An attempt that was not wanted any more. */
export function givenUp(at: Pick<Circumstances, "server">): UnreachableError {
  return unreachable(at, "it was given up");
}

function explainHandshake(
  error: ConnectionError,
  at: Circumstances,
): RelaisError {
  if (/maxstartups/i.test(at.opening)) {
    return unreachable(at, "it has too many connections (MaxStartups)", error);
  }
  if (/not allowed at this time/i.test(at.opening)) {
    return unreachable(
      at,
      "it refuses this machine for a while (PerSourcePenalties)",
      error,
    );
  }
  if (at.opening === "") {
    return unreachable(
      at,
      `${
        networkReason(error)
      } before the SSH banner (too many connections? see MaxStartups)`,
      error,
    );
  }
  if (!/^SSH-/m.test(at.opening)) {
    return unusable(
      at,
      "it is not an SSH server",
      "see its host and port",
      error,
    );
  }
  return explainAgreement(error, at);
}

/** Both speak SSH, but came to no agreement. */
function explainAgreement(
  error: ConnectionError,
  at: Circumstances,
): RelaisError {
  // A server that hides the key we know, and shows one of another type, may be somebody else.
  if (/no matching host key/i.test(error.message) && at.keyTypes.length > 0) {
    return new HostKeyError(
      `Cannot trust ${
        who(at)
      }: it has no host key of the types in known_hosts (${
        at.keyTypes.join(", ")
      })`,
      { cause: error, hint: "compare its keys there with ssh-keygen -l" },
    );
  }
  if (error.level === "handshake") {
    return unusable(
      at,
      `the SSH handshake failed (${peerText(error)})`,
      "see the algorithms of its sshd",
      error,
    );
  }
  return unreachable(
    at,
    `${networkReason(error)} during the SSH handshake`,
    error,
  );
}

function explainSubsystem(
  error: ConnectionError,
  at: Circumstances,
): RelaisError {
  if (/packet|malformed|expected version/i.test(error.message)) {
    return unusable(
      at,
      "its shell prints text before SFTP starts (a profile that echoes?)",
      "see that the start-up files of its shell, or ForceCommand, print nothing",
      error,
    );
  }
  if (/subsystem|exit code|channel open|termination/i.test(error.message)) {
    return unusable(
      at,
      `it offers no SFTP (${peerText(error)})`,
      "see Subsystem sftp, ForceCommand and MaxSessions in its sshd_config",
      error,
    );
  }
  return unreachable(
    at,
    `${networkReason(error)} before SFTP started`,
    error,
  );
}

function loginRefused(at: Circumstances): AuthenticationError {
  const { reason, hint } = refusalReason(at.refusal);
  return new AuthenticationError(
    `Cannot log in to ${
      who(at)
    } as ${at.server.user}: authentication failed: ${reason}`,
    { hint },
  );
}

function refusalReason(refusal: Refusal | undefined) {
  if (refusal === undefined) {
    return {
      reason: "the ssh-agent holds no key that the server takes",
      hint: "see ssh-add -l, and the server's authorized_keys",
    };
  }
  const methods = refusal.methods.join(",");
  return refusal.partial
    ? {
      reason: `the key was accepted, but the server wants ${methods} as well`,
      hint: "see AuthenticationMethods in its sshd_config",
    }
    : {
      reason: `the server offers ${methods}`,
      hint:
        "see that its authorized_keys holds the public key, and what its sshd logs",
    };
}

function agentFailed(
  cause: ConnectionError,
  at: Circumstances,
): AuthenticationError {
  const { user, agent, identity } = at.server;
  // ssh2 calls it the agent's failure as well when our own key does not sign.
  const [what, hint] = agent ? ["the ssh-agent failed", "see ssh-add -l"] : [
    `the key ${identity} does not sign`,
    "make one with ssh-keygen -t ed25519",
  ];
  return new AuthenticationError(
    `Cannot log in to ${who(at)} as ${user}: ${what} (${peerText(cause)})`,
    { cause, hint },
  );
}

/** What Deno says of a connection that failed. */
function networkReason(error: ConnectionError): string {
  switch (error.code) {
    case "ECONNREFUSED":
      return "connection refused";
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "EAI_NONAME":
      return "host name not found";
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return "no route to it";
    case "ETIMEDOUT":
      return "no answer";
    case "ECONNRESET":
    case "EPIPE":
      return "the connection was closed";
    default:
      return peerText(error);
  }
}

function unreachable(
  at: Pick<Circumstances, "server">,
  what: string,
  cause?: Error,
): UnreachableError {
  return new UnreachableError(`Cannot reach ${who(at)}: ${what}`, { cause });
}

function unusable(
  at: Circumstances,
  what: string,
  hint: string,
  cause: Error,
): UnusableError {
  return new UnusableError(`Cannot use ${who(at)}: ${what}`, { cause, hint });
}

function who(
  { server: { name, host, port } }: Pick<Circumstances, "server">,
): string {
  return `${name} (${host}:${port})`;
}
