/**
 * The log as it happens, as server-sent events
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html).
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { formatDate } from "../text/human.ts";
import { LocalError } from "../errors.ts";
import { type LogLine, readLog } from "../log/read.ts";

/** Lines that a stream begins with; so many are on the page as well. */
export const firstLines = 50;

/** A proxy, and a browser that has gone, are heard of by writing; milliseconds. */
const breathEveryMs = 15_000;

/** Pause before a missing log is looked for again. */
const waitMs = 1_000;

/**
 * Returns what a browser hears: the last lines, then each as it is written,
 * until `signal` aborts or the browser goes away. Then `onEnd` is called.
 */
export function streamLog(
  path: string,
  signal: AbortSignal,
  onEnd: () => void,
): ReadableStream<Uint8Array> {
  const gone = new AbortController();
  const either = AbortSignal.any([signal, gone.signal]);
  const lines = follow(path, either);
  let breath: ReturnType<typeof setInterval> | undefined;
  const end = () => {
    clearInterval(breath);
    onEnd();
  };
  return new ReadableStream<string>({
    start(controller) {
      // Sent at once, so that the browser knows it is connected.
      controller.enqueue(": relais\n\n");
      breath = setInterval(() => controller.enqueue(":\n\n"), breathEveryMs);
    },
    // One line is read when the browser has taken the one before it.
    async pull(controller) {
      const { done, value } = await lines.next();
      if (!done) return controller.enqueue(toEvent(value));
      end();
      controller.close();
    },
    cancel() {
      end();
      gone.abort();
    },
  }).pipeThrough(new TextEncoderStream());
}

async function* follow(
  path: string,
  signal: AbortSignal,
): AsyncGenerator<LogLine> {
  while (!signal.aborted) {
    try {
      yield* readLog(path, { lines: firstLines, follow: true, signal });
    } catch (error) {
      if (!(error instanceof LocalError)) throw error;
      // The first pass makes it.
      await delay(waitMs, { signal }).catch(
        () => {/* nobody waits any more */},
      );
    }
  }
}

function toEvent({ time, level, module, text }: LogLine): string {
  const data = {
    at: formatDate(time),
    iso: new Date(time).toISOString(),
    level,
    module,
    text,
  };
  return `data: ${JSON.stringify(data)}\n\n`;
}
