/**
 * relais serve: the page.
 *
 * @module
 */

import { basename } from "@std/path/posix";
import type { Config } from "../config/config.ts";
import {
  ConfigError,
  type ExitStatus,
  exitStatus,
  UsageError,
} from "../errors.ts";
import { hashToken } from "../serve/gate.ts";
import {
  defaultListen,
  formatAddress,
  isLoopback,
  parseListen,
} from "../serve/listen.ts";
import { limitsFor, placesOf } from "../status/job.ts";
import { Serving } from "../supervisor/serving.ts";
import { Signals } from "../supervisor/signals.ts";
import type { Output } from "./output.ts";

export interface ServeArguments {
  readonly listen: string | undefined;
  readonly tokenFile: string | undefined;
  readonly host: string | undefined;
  /** Milliseconds. */
  readonly maxLag: number | undefined;
  readonly maxAge: number | undefined;
  /** Whether each configuration is a job among others, even if there is one. */
  readonly "all-jobs": boolean;
  readonly criticalFailover: boolean;
}

/** A shorter token can be guessed. */
const leastTokenLength = 16;

/** Serves the page over one configuration, or over several, until a signal ends it. */
export async function serve(
  configs: readonly Config[],
  args: ServeArguments,
  output: Output,
): Promise<ExitStatus> {
  const address = parseListen(args.listen ?? defaultListen);
  const token = args.tokenFile === undefined
    ? null
    : hashToken(await readToken(args.tokenFile));
  if (token === null && !isLoopback(address)) {
    throw new UsageError(
      `Cannot listen at ${
        formatAddress(address)
      }: others than this machine could read the page`,
      { hint: "protect it with --token-file FILE" },
    );
  }
  using signals = new Signals();
  const site = {
    jobs: configs.map((config) => ({
      // The job without a name of its own has that of its file.
      name: args["all-jobs"] ? basename(config.path, ".toml") : null,
      places: placesOf(config),
      limits: limitsFor(config.schedule.everyMs, args),
      log: config.log.file,
    })),
    gate: { host: args.host, token },
  };
  await using serving = new Serving(
    address,
    site,
    (problem) => output.error(problem),
  );
  const listening = await serving.listen(address, site);
  output.note(`the page is at http://${formatAddress(listening)}/`);
  await Promise.race([aborted(signals.signal), serving.failed]);
  return signals.exitStatus ?? exitStatus.done;
}

/**
 * Reads the token, one line.
 *
 * @throws {ConfigError} If it cannot be read, others can read it, or it is too short.
 */
async function readToken(path: string): Promise<string> {
  const [text, { mode }] = await Promise.all([
    Deno.readTextFile(path),
    Deno.stat(path),
  ]).catch((cause) => {
    throw new ConfigError(
      `Cannot read the token in ${path}: ${(cause as Error).message}`,
      [],
      { cause },
    );
  });
  if (((mode ?? 0) & 0o007) !== 0) {
    throw new ConfigError(
      `Cannot use the token in ${path}: everybody may read it`,
      [],
      { hint: `chmod 600 ${path}` },
    );
  }
  const token = text.trim();
  if (token.length >= leastTokenLength && /^[\x21-\x7e]+$/.test(token)) {
    return token;
  }
  throw new ConfigError(
    `Cannot use the token in ${path}: it must be one line of ${leastTokenLength} characters or more, without spaces`,
    [],
    { hint: `openssl rand -hex 32 > ${path}` },
  );
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
