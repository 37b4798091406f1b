/**
 * Why a connection over ssh2 failed, in an administrator's words: what the network,
 * the server and ssh2 say, translated to the errors of relais.
 *
 * @module
 */

import { HostKeyError, RelaisError } from "../../errors.ts";
import { offer, type Unmet, unmet } from "../algorithms.ts";
import { who } from "../circumstances.ts";
import {
  type ConnectionError,
  explainSubsystem,
  networkHint,
  networkReason,
  unreachable,
  unusable,
} from "../connect-failure.ts";
import { peerText } from "../peer-text.ts";
import { scanCommand } from "./scan-command.ts";
import type { LoginCircumstances } from "./login-circumstances.ts";
import { agentFailed, loginRefused } from "./login-failure.ts";

/** What is told of a server's offer: more than OpenSSH has of one kind. */
const longestOffer = 600;

/** Puts the failure of an attempt into words. */
export function explainFailure(
  error: ConnectionError,
  at: LoginCircumstances,
): RelaisError {
  if (error instanceof RelaisError) return error;
  if (
    error.level === "client-authentication" ||
    /too many authentication failures/i.test(error.message)
  ) return loginRefused(at);
  if (error.level === "agent") return agentFailed(error, at);
  switch (at.depth) {
    case "nothing":
      return unreachable(
        at,
        networkReason(error),
        error,
        networkHint(at, error.code),
      );
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

function explainHandshake(
  error: ConnectionError,
  at: LoginCircumstances,
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
  at: LoginCircumstances,
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
  at: LoginCircumstances,
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
