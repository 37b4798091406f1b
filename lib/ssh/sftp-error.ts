/**
 * What a server answers when it does not do what was asked with one file:
 * SSH_FXP_STATUS of draft-ietf-secsh-filexfer-02, section 7.
 *
 * @module
 */

import { FileError } from "../errors.ts";

/** Answers that concern one file, in the words of the draft. */
const sftpCodes = [
  "no such file",
  "permission denied",
  "failure",
] as const;
export type SftpCode = typeof sftpCodes[number];

/** A server did not do what was asked with one file; the session goes on. */
export class SftpError extends FileError {
  override readonly name = "SftpError";

  /** @param about What could not be done, such as `Cannot open /export/a on production`; `reason` says why. */
  constructor(
    about: string,
    readonly code: SftpCode,
    { reason, ...options }: ErrorOptions & { reason: string },
  ) {
    super(`${about}: ${reason}`, {
      ...options,
      retriable: code === "failure",
      answer: { code, reason },
    });
    this.reason = reason;
  }

  readonly reason: string;
}

/** The other SSH_FX_*: what to switch on, and what to say. Texts of the server itself are not repeated. */
const meanings = new Map<number, { code: SftpCode; words: string }>([
  [2, { code: "no such file", words: "no such file" }],
  [3, { code: "permission denied", words: "permission denied" }],
  [5, { code: "failure", words: "the server could not parse the request" }],
  [8, { code: "failure", words: "the server does not support it" }],
]);
const failure = { code: "failure", words: "failure" } as const;

/** Makes an error of a status. `what` is what was asked, such as `open /export/a`. */
export function sftpError(
  what: string,
  server: string,
  status: number,
): SftpError {
  const { code, words } = meanings.get(status) ?? failure;
  return new SftpError(`Cannot ${what} on ${server}`, code, { reason: words });
}
