/**
 * The shapes of a server's answers. ssh2 hands on whatever comes under the
 * number of a request: attributes for a handle, or nothing for names.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Attributes, FileEntry, SFTPWrapper } from "ssh2";
import { UnusableError } from "../errors.ts";
import { peerText } from "./peer-text.ts";

/** No handle is longer: draft-ietf-secsh-filexfer-02, section 6.2. */
const longestHandle = 256;

/** An answer as ssh2 hands it on. */
type Answer = (error: Error | null | undefined, ...result: unknown[]) => void;

/** What `SFTPWrapper` keeps to itself: the requests under way, by number, and the last number. */
interface Internals {
  readonly _requests?: Record<number, { cb: Answer } | undefined>;
  readonly _writeReqid?: number;
}

/** What ssh2 calls errors of the protocol. */
const level = "sftp-protocol";

/** An answer that cannot be read, or does not belong to its request. */
export class ProtocolError extends Error {
  readonly level = level;
}

/** A server that answers one request as if it were another. */
export function misfit(what: string): ProtocolError {
  return new ProtocolError(
    `its reply to "${what}" belongs to another request`,
  );
}

/** Tells whether the server is there, but does not speak SFTP as it should: another session would be no better. */
export function isProtocolError(error: Error | undefined): error is Error {
  return (error as { level?: unknown } | undefined)?.level === level;
}

/** A session with a server that does not speak SFTP as it should. */
export function protocolBroken(server: string, cause: Error): UnusableError {
  return new UnusableError(
    `Cannot use ${server}: it breaks the SFTP protocol (${peerText(cause)})`,
    { cause, hint: `check "Subsystem sftp" in sshd_config on ${server}` },
  );
}

export function isHandle(answer: unknown): answer is Buffer {
  return Buffer.isBuffer(answer) && answer.length <= longestHandle;
}

export function isAttributes(answer: unknown): answer is Attributes {
  return typeof answer === "object" && answer !== null &&
    !Buffer.isBuffer(answer) && !Array.isArray(answer);
}

export function isNames(answer: unknown): answer is FileEntry[] {
  return Array.isArray(answer);
}

export function isText(answer: unknown): answer is string {
  return typeof answer === "string";
}

export function isCount(answer: unknown): answer is number {
  return typeof answer === "number";
}

/** Of a CLOSE, nobody needs to know more than that it came. */
export function isAnything(_answer: unknown): _answer is null {
  return true;
}

/**
 * Refuses an answer to the READ that was just asked for if it is neither data
 * nor a status of failure: ssh2 would take it for the end of the file.
 */
export function refuseOtherThanData(
  sftp: SFTPWrapper,
  refuse: () => void,
): void {
  const { _requests, _writeReqid } = sftp as Internals;
  const request = _requests?.[_writeReqid ?? -1];
  if (request === undefined) return;
  const answer = request.cb;
  request.cb = (error, ...result) => {
    if (!error && !isCount(result[1])) refuse();
    else answer(error, ...result);
  };
}
