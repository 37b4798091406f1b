/**
 * Why a connection failed, in an administrator's words: what the network, the
 * server and ssh2 say, translated to the errors of relais.
 *
 * @module
 */

import type { LimitsConfig } from "../config/config.ts";
import {
  HostKeyError,
  RelaisError,
  UnreachableError,
  UnusableError,
} from "../errors.ts";
import { ProtocolError } from "../sftp/protocol-error.ts";
import { offer, type Unmet, unmet } from "./algorithms.ts";
import { type Circumstances, who } from "./circumstances.ts";
import { scanCommand } from "./host-key.ts";
import { agentFailed, loginRefused } from "./login-failure.ts";
import { peerText } from "./peer-text.ts";

/** What is told of a server's offer: more than OpenSSH has of one kind. */
const longestOffer = 600;

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
  at: Pick<Circumstances, "server" | "depth" | "opening">,
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
  return unreachable(at, "the attempt was cancelled");
}

function explainHandshake(
  error: ConnectionError,
  at: Circumstances,
): RelaisError {
  if (/maxstartups/i.test(at.opening)) {
    return unreachable(
      at,
      "it dropped the connection: MaxStartups allows no more logins at the same time",
      error,
      'run "ss -tn" there to find the clients, or raise MaxStartups in its sshd_config',
    );
  }
  if (/not allowed at this time/i.test(at.opening)) {
    return unreachable(
      at,
      "it refuses this machine for a while (PerSourcePenalties)",
      error,
      "wait, or add this machine to PerSourcePenaltyExemptList in its sshd_config",
    );
  }
  if (at.opening === "") {
    return unreachable(
      at,
      `${networkReason(error)} before the SSH banner`,
      error,
      "if the server has too many connections, raise MaxStartups in its sshd_config",
    );
  }
  if (!/^SSH-/m.test(at.opening)) {
    return unusable(
      at,
      "it is not an SSH server",
      `correct host and port of ${at.server.name}`,
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
  const { offering, theirs } = at;
  if (error.level === "handshake" && theirs !== undefined) {
    const missing = unmet(offer(offering), theirs);
    if (missing.length > 0) return nothingInCommon(missing, at, error);
  }
  if (error.level === "handshake") {
    return unusable(
      at,
      `the SSH handshake failed (${peerText(error)})`,
      `compare with ssh -v -p ${at.server.port} ${at.server.host}`,
      error,
    );
  }
  return unreachable(
    at,
    `${networkReason(error)} during the SSH handshake`,
    error,
  );
}

function nothingInCommon(
  missing: readonly Unmet[],
  at: Circumstances,
  cause: Error,
): RelaisError {
  const { server, offering, theirs } = at;
  const still = unmet(offer({ ...offering, algorithms: "legacy" }), theirs!);
  // A server that hides the key we know, and shows one of another type, may be somebody else.
  if (
    offering.trusted.length > 0 &&
    still.some(({ keyword }) => keyword === "HostKeyAlgorithms")
  ) {
    return new HostKeyError(
      `Cannot trust ${who(at)}: it has no host key of a type in known_hosts (${
        offering.trusted.join(", ")
      }); it offers ${theirs!.serverHostKey.join(", ")}`,
      {
        cause,
        hint: `check the keys on the server with ssh-keygen -l, then run ${
          scanCommand(server)
        }`,
      },
    );
  }
  const each = missing.map(({ kind, ours, theirs }) =>
    `${kind} (it offers ${
      peerText({ message: theirs.join(", ") }, longestOffer)
    }; relais offers ${ours.join(", ")})`
  );
  const keywords = missing.map(({ keyword }) => keyword).join(", ");
  return unusable(
    at,
    `it has no algorithm in common with relais for ${each.join(", ")}`,
    still.length === 0
      ? `update its sshd, or set algorithms = "legacy" for ${server.name}, which allows SHA-1 and CBC`
      : `set ${keywords} in its sshd_config to offer one of these`,
    cause,
  );
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

export function unusable(
  at: Pick<Circumstances, "server">,
  what: string,
  hint: string,
  cause?: Error,
): UnusableError {
  return new UnusableError(`Cannot use ${who(at)}: ${what}`, { cause, hint });
}
