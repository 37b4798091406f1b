/**
 * Dead man's switch: requests to a URL, or to the same with `/start` or `/fail`,
 * when passes begin and end, as healthchecks.io and similar services take them.
 *
 * @module
 */

import { HookError } from "../errors.ts";

/** Longest wait for an answer. */
const answerMs = 5_000;

/**
 * Tells the service at `url` of a pass. The address is a secret: it is in no
 * error.
 *
 * @throws {HookError} If the service did not take it.
 */
export async function ping(
  url: string,
  what: "start" | "success" | "fail",
  text: string,
  stop: AbortSignal,
): Promise<void> {
  const address = what === "success" ? url : `${url}/${what}`;
  let answer: Response;
  try {
    answer = await fetch(address, {
      method: "POST",
      body: text,
      redirect: "error",
      signal: AbortSignal.any([AbortSignal.timeout(answerMs), stop]),
    });
    await answer.body?.cancel();
  } catch (error) {
    // What the error says may name the address.
    throw failed(
      (error as Error).name === "TimeoutError"
        ? `no answer within ${answerMs / 1_000} s`
        : "the service cannot be reached",
    );
  }
  if (!answer.ok) {
    throw failed(`the service answered with HTTP ${answer.status}`);
  }
}

function failed(what: string): HookError {
  return new HookError(`Cannot ping hooks.ping: ${what}`, {
    hint: "check hooks.ping and the network; the pass is not affected",
  });
}
