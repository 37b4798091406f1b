/**
 * Why the ssh client did not come to a session, in its own words, as the errors
 * of relais.
 *
 * @module
 */

import {
  AuthenticationError,
  HostKeyError,
  type RelaisError,
} from "../../errors.ts";
import { shellWord } from "../../text/shell-word.ts";
import type { ClientEnd } from "../../transport/operations.ts";
import type { ClientServer } from "../by-client.ts";
import { type Circumstances, who } from "../circumstances.ts";
import { explainSubsystem, unreachable, unusable } from "../connect-failure.ts";
import { peerText } from "../peer-text.ts";
import { connectionLost } from "../session.ts";
import { trialCommand } from "./command.ts";

/** The exit status of ssh if it fails itself, and not what it runs. */
const ofItself = 255;

/** What is told of its words. */
const longestWords = 400;

/** What is known when a client has ended without a session. */
export interface ClientCircumstances extends Circumstances {
  readonly server: ClientServer;
  /** What it said to a person. */
  readonly lines: readonly string[];
  /** The key whose certificate was shown last. */
  readonly certificate: string | undefined;
}

/** What its words are about. */
const about = {
  hostKey:
    /^No .*host (?:key|certificate) is known |^Host key |certificate|revoked/i,
  hostKeyRefused:
    /Host key verification failed|HOST IDENTIFICATION HAS CHANGED/,
  login:
    /: Permission denied \(|Too many authentication failures|No supported authentication methods|No more authentication methods/i,
  configuration:
    /: line \d+: |^command-line|configuration option|^Can't open user config file|^Bad owner or permissions on |^usage: |unknown option|illegal option/i,
  agreement: /^Unable to negotiate with |no matching .* found/,
  subsystem: /subsystem request failed/,
  session: /^channel \d+: open failed/,
  forwarding: /stdio forwarding failed|kex_exchange_identification/,
} as const;

/** Puts into words that the client has ended. */
export function explainClientEnd(
  end: ClientEnd,
  at: ClientCircumstances,
): RelaisError {
  const { depth, output, lines } = at;
  if (end.status !== ofItself) {
    return depth === "authenticated" || output !== ""
      ? explainSubsystem(exit(end), at)
      : unusable(
        at,
        `the ssh client ended before it had logged in (${howEnded(end)}${
          lines.length === 0 ? "" : `; ${wordsOf(lines)}`
        })`,
        tryIt(at),
      );
  }
  const says = (what: RegExp) => lines.some((line) => what.test(line));
  if (says(about.hostKeyRefused)) return hostKeyRefused(at);
  if (says(about.login)) return loginRefused(at);
  if (says(about.agreement)) {
    return unusable(
      at,
      wordsOf(lines.filter((line) => about.agreement.test(line))),
      at.server.algorithms === "legacy"
        ? "update its sshd"
        : `update its sshd, or set algorithms = "legacy" for ${at.server.name}, which allows SHA-1 and CBC`,
    );
  }
  if (says(about.configuration)) {
    return unusable(
      at,
      `ssh refuses its configuration: ${wordsOf(lines)}`,
      tryIt(at),
    );
  }
  if (depth === "authenticated" && !says(about.forwarding)) {
    if (says(about.subsystem)) {
      return explainSubsystem(new Error("subsystem"), at);
    }
    if (says(about.session)) {
      return explainSubsystem(new Error(`channel open: ${wordsOf(lines)}`), at);
    }
  }
  return lines.length === 0
    ? unreachable(at, `ssh: ${howEnded(end)}`, undefined, tryIt(at))
    : unreachable(at, wordsOf(lines));
}

/** Puts into words that the client has ended, and its session with it. */
export function explainLostClient(
  end: ClientEnd,
  at: ClientCircumstances,
): RelaisError {
  const { server, lines } = at;
  // Whenever keys are exchanged again, ssh verifies the host key again.
  const isRefused = end.status === ofItself &&
    lines.some((line) => about.hostKeyRefused.test(line));
  return isRefused ? hostKeyRefused(at) : connectionLost(
    server.name,
    new Error(lines.at(-1) ?? `ssh: ${howEnded(end)}`),
  );
}

function hostKeyRefused(at: ClientCircumstances): HostKeyError {
  const words = wordsOf(at.lines.filter((line) => about.hostKey.test(line)));
  return new HostKeyError(`Cannot trust ${who(at)}: ${words}`, {
    hint: hostKeyHint(at),
  });
}

function hostKeyHint({ server, lines }: ClientCircumstances): string {
  const says = (what: RegExp) => lines.some((line) => what.test(line));
  if (says(/revoked/i)) {
    return "ask the administrator of the server for its new host key; do not trust this one";
  }
  if (says(/certificate/i)) {
    return 'check the dates and principals of its certificate with "ssh-keygen -Lf /etc/ssh/ssh_host_ed25519_key-cert.pub" on the server, and the @cert-authority in known_hosts';
  }
  const [file] = server.knownHosts;
  const account = file === undefined
    ? "as the account of relais"
    : `as an account that may write ${file}`;
  const commands = [...removal(lines), trialCommand(server)]
    .map((command) => `"${command}"`);
  return `compare the key with ssh-keygen -l on the server, then run ${
    commands.join(" and ")
  } ${account}, and answer yes`;
}

/**
 * The command that removes a host key that has changed. On the way to a server,
 * a bastion may print what looks like the words of ssh: only a plain path and a
 * plain name are repeated.
 */
function removal(lines: readonly string[]): string[] {
  const find = (what: RegExp) =>
    lines.map((line) => what.exec(line)?.[1]).findLast((found) => found);
  const file = find(/^Offending \S+ key in (\/[\w@%+=:,./-]+):\d+$/);
  const name = find(/^Host key for ([\w.:[\]-]+) has changed /);
  return file === undefined || name === undefined
    ? []
    : [`ssh-keygen -f ${file} -R ${shellWord(name)}`];
}

function loginRefused(at: ClientCircumstances): AuthenticationError {
  const { server, lines } = at;
  return new AuthenticationError(
    `Cannot log in to ${who(at)} as ${server.user}: ${wordsOf(lines)}`,
    { hint: loginHint(at) },
  );
}

function loginHint(at: ClientCircumstances): string {
  if (at.certificate === undefined) {
    return `${
      tryIt(at)
    }, to see which keys it shows, and what it asks; relais lets it ask nothing: a key with a passphrase needs an agent (ssh-add, and agent = true)`;
  }
  const file = at.certificate.replace(/(?:-cert\.pub)?$/, "-cert.pub");
  return `check the dates and principals of the certificate with "ssh-keygen -Lf ${file}", and read the log of its sshd`;
}

/** The last of its words. */
function wordsOf(lines: readonly string[]): string {
  const telling = lines.filter((line) => !consequence.test(line));
  const words = telling.length > 0 ? telling : lines;
  return peerText({ message: words.slice(-3).join("; ") }, longestWords);
}

/** What follows from what is told by another ssh, the one that goes to a bastion. */
const consequence =
  /^(?:kex_exchange_identification: |banner exchange: )?Connection (?:to UNKNOWN|closed by (?:remote host|UNKNOWN))/;

function tryIt({ server }: ClientCircumstances): string {
  return `run "${trialCommand(server)}" as the account of relais`;
}

/** The words that `explainSubsystem()` knows. */
function exit(end: ClientEnd): Error {
  return new Error(
    end.status === null
      ? `Received signal ${end.signal} while establishing SFTP session`
      : `Received exit code ${end.status} while establishing SFTP session`,
  );
}

/** How a client has ended. */
function howEnded({ status, signal }: ClientEnd): string {
  return signal === null ? `exit status ${status}` : `ended by ${signal}`;
}
