/**
 * Having the steps of a node done for real.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import type { Requests, Steps } from "./requests.ts";

/** Does what some steps ask, each kind of request in its way. */
export type Answers = {
  readonly [Kind in keyof Requests]?: (
    request: Requests[Kind]["request"],
  ) => Promise<Requests[Kind]["reply"]> | Requests[Kind]["reply"];
};

/** Goes through `steps`, and returns what they come to; `signal` ends it while it sleeps. */
export async function drive<Result>(
  steps: Steps<Result>,
  given: Answers,
  signal?: AbortSignal,
): Promise<Result> {
  const sleep: Answers["sleep"] = async ({ ms }) => {
    await delay(ms, signal === undefined ? {} : { signal });
    return null;
  };
  const answers: Answers = { ...given, sleep };
  let next = steps.next();
  while (!next.done) {
    const { value: request } = next;
    try {
      const answer = answers[request.ask] as (body: unknown) => unknown;
      next = steps.next(await answer(request));
    } catch (error) {
      next = steps.throw(error);
    }
  }
  return next.value;
}

/** Goes through steps without an end, until `signal` ends them. */
export async function driveUntil(
  signal: AbortSignal,
  steps: Steps<never>,
  answers: Answers,
): Promise<void> {
  try {
    await drive(steps, answers, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Waits for the answer of a database; `undefined`: there is none, and whether it was done is not known. */
export async function unlessLost<Answer>(
  asked: Promise<Answer>,
): Promise<Answer | undefined> {
  try {
    return await asked;
  } catch (error) {
    // It may have come from another module.
    if ((error as Error).name === "LocalError") return undefined;
    throw error;
  }
}
