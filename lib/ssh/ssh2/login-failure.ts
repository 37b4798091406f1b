/**
 * Why a server does not let us in, in an administrator's words.
 *
 * @module
 */

import { statSync } from "node:fs";
import ssh2 from "ssh2";
import { AuthenticationError } from "../../errors.ts";
import { certificateOf } from "../../config/certificate.ts";
import { who } from "../circumstances.ts";
import { fingerprint } from "./host-key.ts";
import { keyOf } from "./identity.ts";
import type { LoginCircumstances } from "./login-circumstances.ts";
import { peerText } from "../peer-text.ts";

/** Why, and what to do. */
interface Reason {
  readonly reason: string;
  readonly hint: string;
}

/** The server has refused all that was shown to it. */
export function loginRefused(at: LoginCircumstances): AuthenticationError {
  const { reason, hint } = refusalReason(at);
  return failed(at, reason, { hint });
}

/** The ssh-agent, or our own key, does not sign. */
export function agentFailed(
  cause: Error,
  at: LoginCircumstances,
): AuthenticationError {
  const { agent } = at.identity;
  if (agent === null) {
    // ssh2 calls it the agent's failure as well when our own key does not sign.
    return failed(
      at,
      `the key ${keyOf(at.server)} does not sign (${peerText(cause)})`,
      { cause, hint: "make one with ssh-keygen -t ed25519" },
    );
  }
  return failed(
    at,
    `the ssh-agent at ${agent} does not answer (${peerText(cause)})`,
    {
      cause,
      hint: `start ssh-agent, and add the key with ssh-add; ${ownKey}`,
    },
  );
}

/** The methods that ssh knows besides, and that need nobody to answer questions. */
const ofSsh = /^(?:gssapi-|hostbased$)/;

/** What a person types, ssh can use as long as the connection lasts. */
function byHand({ refusal, server }: LoginCircumstances): string {
  const isTyped = refusal!.methods.some((method) =>
    method === "password" || method === "keyboard-interactive"
  );
  return isTyped
    ? `; or set transport = "openssh" for ${server.name}, and hold a connection open that a person has logged in (ControlMaster)`
    : "";
}

const ownKey = "for a service, set identity to a key file without passphrase";

function refusalReason(at: LoginCircumstances): Reason {
  const { refusal, server: { user } } = at;
  const methods = refusal?.methods.join(" and ");
  if (refusal?.partial) {
    return {
      reason: `the key was accepted, but the server wants ${methods} as well`,
      hint:
        `set "AuthenticationMethods publickey" for ${user} in the sshd_config there${
          byHand(at)
        }`,
    };
  }
  if (refusal !== undefined && !refusal.methods.includes("publickey")) {
    const others = refusal.methods.filter((method) => ofSsh.test(method));
    return {
      reason:
        `the server does not let ${user} log in by key, it offers only ${methods}; relais logs in by key, never by password`,
      hint:
        `set "PubkeyAuthentication yes" for ${user} in the sshd_config there, and reload sshd${
          others.length === 0
            ? byHand(at)
            : `, or set transport = "openssh" for ${at.server.name}, whose ssh knows ${
              others.join(" and ")
            }`
        }`,
    };
  }
  if (at.identity.privateKey === null) return agentRefused(at);
  return keyRefused(at, at.identity.privateKey);
}

function agentRefused(
  { agentKeys, identity, server }: LoginCircumstances,
): Reason {
  if (agentKeys === 0) {
    return {
      reason: `the ssh-agent at ${identity.agent} holds no key`,
      hint: "add one with ssh-add, or set identity to a key file",
    };
  }
  const keys = agentKeys === 1 ? "the key" : `any of the ${agentKeys} keys`;
  return {
    reason: `the server does not accept ${keys} that the ssh-agent holds`,
    hint:
      `compare ssh-add -l with the authorized_keys of ${server.user} there, and read the log of its sshd`,
  };
}

function keyRefused(
  { server, agentKeys }: LoginCircumstances,
  privateKey: string,
): Reason {
  const { user, algorithms } = server;
  const identity = keyOf(server);
  const key = ssh2.utils.parseKey(privateKey);
  // It was parsed, and has signed, before it was shown.
  if (key instanceof Error) throw key;
  const agents = agentKeys === undefined
    ? ""
    : `, nor any of the ${agentKeys} keys of the ssh-agent`;
  const reason = `the server does not accept the key ${identity} (${
    fingerprint(key.getPublicSSH())
  })${agents}`;
  const add =
    `add ${identity}.pub to the authorized_keys of ${user} there; if it is there, read the log of its sshd`;
  const certificate = certificateOf(identity!);
  if (exists(certificate)) {
    return {
      reason:
        `${reason}; relais does not use the certificate ${certificate}: it supports plain keys only`,
      hint:
        `set transport = "openssh" for ${server.name}, whose ssh uses it, or ${add}`,
    };
  }
  if (key.type === "ssh-rsa" && algorithms !== "legacy") {
    return {
      reason: `${reason} with a SHA-2 signature`,
      hint:
        `${add}; if that sshd accepts only SHA-1 for RSA keys (ssh-rsa), use an ed25519 key, or set algorithms = "legacy" for ${server.name}`,
    };
  }
  return { reason, hint: add };
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function failed(
  at: LoginCircumstances,
  what: string,
  options: { readonly hint: string; readonly cause?: Error },
): AuthenticationError {
  return new AuthenticationError(
    `Cannot log in to ${who(at)} as ${at.server.user}: ${what}`,
    options,
  );
}
