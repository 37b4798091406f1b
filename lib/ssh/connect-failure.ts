/**
 * Why a connection failed, in an administrator's words, whichever transport was to
 * carry it.
 *
 * @module
 */

import type { LimitsConfig } from "../config/config.ts";
import {
  type RelaisError,
  UnreachableError,
  UnusableError,
} from "../errors.ts";
import { ProtocolError } from "../sftp/protocol-error.ts";
import { type Circumstances, who } from "./circumstances.ts";
import { peerText } from "./peer-text.ts";

/** An error of ssh2, of the network, or of both. */
export type ConnectionError = Error & { code?: unknown; level?: string };

/** Puts a time limit that ran out into words. */
export function explainLateness(
  { connectMs, handshakeMs }: LimitsConfig,
  at: Pick<Circumstances, "server" | "depth"> & { readonly opening: string },
): UnreachableError {
  if (at.depth === "nothing") {
    return unreachable(
      at,
      `no answer within ${connectMs / 1_000} s`,
      undefined,
      networkHint(at),
    );
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
  return unreachable(at, "the attempt was cancelled");
}

/** The server has let us in, but there is no SFTP. */
export function explainSubsystem(
  error: ConnectionError,
  at: Pick<Circumstances, "server" | "output">,
): RelaisError {
  const { user } = at.server;
  if (at.output !== "") {
    return unusable(
      at,
      `it prints ${
        JSON.stringify(peerText({ message: at.output }))
      } where SFTP should begin`,
      `set "ForceCommand internal-sftp" for ${user} in the sshd_config there, or let the shell and the start-up files of ${user} print nothing`,
      error,
    );
  }
  if (/subsystem/i.test(error.message)) {
    return unusable(
      at,
      "its sshd has no sftp subsystem",
      'add "Subsystem sftp internal-sftp" to the sshd_config there, and reload sshd',
      error,
    );
  }
  if (/channel open/i.test(error.message)) {
    return unusable(
      at,
      `it refuses to open a session (${peerText(error)})`,
      "raise MaxSessions in the sshd_config there",
      error,
    );
  }
  if (/exit code|termination/i.test(error.message)) {
    return unusable(
      at,
      `its SFTP server ends at once (${peerText(error)})`,
      `read the log of its sshd; check that ChrootDirectory and all directories above belong to root, and ForceCommand for ${user}`,
      error,
    );
  }
  if (error instanceof ProtocolError) {
    return unusable(
      at,
      "it does not answer in SFTP",
      `correct ForceCommand and "Subsystem sftp" for ${user} in the sshd_config there`,
      error,
    );
  }
  return unreachable(
    at,
    `${networkReason(error)} before SFTP started`,
    error,
  );
}

/** Returns what Deno says of a connection that failed. */
export function networkReason(error: ConnectionError): string {
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

/** What to do about a connection that was not even made; where ssh made it, only ssh_config knows the address. */
export function networkHint(
  { server: { name, host, port, openssh } }: Pick<Circumstances, "server">,
  code?: unknown,
): string | undefined {
  if (openssh !== null) return undefined;
  switch (code) {
    case "ECONNREFUSED":
      return `start sshd there, or correct host and port of ${name}`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "EAI_NONAME":
      return `correct host of ${name}, or the name service: getent hosts ${host}`;
    default:
      return `check the network, and firewalls on the way: ssh-keyscan -p ${port} ${host}`;
  }
}

/** Returns the error of a server that does not answer, or not now. */
export function unreachable(
  at: Pick<Circumstances, "server">,
  what: string,
  cause?: Error,
  hint?: string,
): UnreachableError {
  return new UnreachableError(`Cannot reach ${who(at)}: ${what}`, {
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** Returns the error of a server that answers, but cannot be used as it is. */
export function unusable(
  at: Pick<Circumstances, "server">,
  what: string,
  hint: string,
  cause?: Error,
): UnusableError {
  return new UnusableError(`Cannot use ${who(at)}: ${what}`, { cause, hint });
}
