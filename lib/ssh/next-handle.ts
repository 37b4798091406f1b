/**
 * The handle that OpenSSH's sftp-server gives next. It keeps closed handles as a
 * stack: an OPEN takes the one that was closed last. With it, OPEN, READ and CLOSE
 * can be sent together, so that a small file takes one round trip and not two.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Handle } from "../sftp/answers.ts";

/** Follows the handles of one session, told of each request as it is sent. */
export class NextHandle {
  /** The handle that was closed last, if nothing was opened since. */
  #closed: Handle | undefined;
  #isProven = false;
  #isRefuted: boolean;
  #trial: PromiseWithResolvers<void> | undefined;

  /** @param isOpenSsh Whether the server says so. Of others nothing is foretold. */
  constructor(isOpenSsh: boolean) {
    this.#isRefuted = !isOpenSsh;
  }

  /** True once the server has given another handle, or if it is not OpenSSH. */
  get isRefuted(): boolean {
    return this.#isRefuted;
  }

  /** Settles once the first foretold handle is known to be right or wrong; `undefined` if that is not under way. */
  get trial(): Promise<void> | undefined {
    return this.#trial?.promise;
  }

  /** The handle that the next OPEN will be given; `undefined` if it cannot be told. */
  get foretold(): Handle | undefined {
    return this.#isRefuted ? undefined : this.#closed;
  }

  /** A file or a directory is opened, and its handle will be known when that is answered. */
  opening(): void {
    this.#closed = undefined;
  }

  /** A file or a directory that is open is closed. */
  closing(handle: Handle): void {
    this.#closed = handle;
  }

  /** A file is opened whose handle is {@link foretold}, and closed. Each time {@link given} or {@link ungiven} is to be called. */
  using(): void {
    if (!this.#isProven) this.#trial ??= Promise.withResolvers();
  }

  /** Tells whether a handle is the one that was foretold. Once one was not, nothing is foretold any more. */
  given(handle: Handle, foretold: Handle): boolean {
    const isRight = Buffer.compare(handle, foretold) === 0;
    if (isRight) this.#isProven = true;
    else this.#isRefuted = true;
    this.ungiven();
    return isRight;
  }

  /** No handle was given. */
  ungiven(): void {
    this.#trial?.resolve();
    this.#trial = undefined;
  }
}
