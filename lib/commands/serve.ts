/**
 * relais serve: the page.
 *
 * @module
 */

import { basename } from "@std/path/posix";
import {
  command,
  type Declaration,
  type GivenTo,
  type Surroundings,
} from "../cli/command.ts";
import { healthOptions } from "../cli/options-health.ts";
import { allJobsOption } from "../cli/options-jobs.ts";
import { allJobs, configOfJob } from "../config/job.ts";
import { loadConfig, requireWork } from "../config/load.ts";
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
import { ServiceManager } from "../systemd/notify.ts";
import { shellWord } from "../text/shell-word.ts";
import { systemReason } from "../text/system-reason.ts";

const declaration = {
  name: "serve",
  summary:
    "a read-only page for a browser, and /healthz and /metrics for monitors",
  description: [
    "Serves a read-only page: the active server, lag and files over time, the last passes, failing and newest files, the log as it is written, the figures of each module. It changes nothing, and may run while passes run.",
    "/metrics is for Prometheus; /healthz answers 200 or 503, as relais status exits with 0 or 1.",
    "With --all-jobs the first page links to the page of each job; /metrics and /healthz cover all jobs.",
    "On an address that other machines can reach it needs a token: a browser asks for it as a password, a monitor sends it as a bearer token. It speaks plain HTTP: put a TLS proxy or an SSH tunnel before it.",
  ],
  arguments: [],
  options: [
    {
      long: "listen",
      kind: "path",
      value: "ADDRESS",
      help: "the address and port to listen at",
      default: defaultListen,
    },
    {
      long: "token-file",
      kind: "path",
      value: "FILE",
      help: "require the token in FILE",
    },
    {
      long: "host",
      kind: "path",
      value: "NAME",
      help: "a host name to answer to, besides addresses and localhost",
    },
    ...healthOptions,
    allJobsOption,
  ],
  examples: [
    { line: "relais serve", help: "then look at http://127.0.0.1:7878/" },
    {
      line: "ssh -L 7878:127.0.0.1:7878 replica",
      help: "the same from another machine",
    },
  ],
} as const satisfies Declaration;

type Given = GivenTo<typeof declaration>;

export const serve = command(declaration, work);

/** A shorter token can be guessed. */
const leastTokenLength = 16;

/** Serves the page over one configuration, or over several, until a signal ends it. */
async function work(
  given: Given,
  { output, load }: Surroundings,
): Promise<ExitStatus> {
  const configs =
    (given.allJobs
      ? await Promise.all(allJobs().map(configOfJob).map(loadConfig))
      : [await load()]).map(requireWork);
  const address = parseListen(given.listen ?? defaultListen);
  requireHostName(given.host);
  const token = given.tokenFile === undefined
    ? null
    : hashToken(await readToken(given.tokenFile));
  if (token === null && !isLoopback(address)) {
    throw new UsageError(
      `Cannot listen at ${
        formatAddress(address)
      }: other machines could read the page`,
      { hint: "add --token-file FILE" },
    );
  }
  using signals = new Signals();
  const site = {
    jobs: configs.map((config) => ({
      // The job without a name of its own has that of its file.
      name: given.allJobs ? basename(config.path, ".toml") : null,
      places: placesOf(config),
      limits: limitsFor(config.schedule.everyMs, given),
      log: config.log.file,
    })),
    gate: { host: given.host, token },
  };
  await using serving = new Serving(
    address,
    site,
    (problem) => output.error(problem),
  );
  const listening = await serving.listen(address, site);
  using manager = ServiceManager.find();
  manager.ready();
  output.note(`the page is at http://${formatAddress(listening)}/`);
  await Promise.race([aborted(signals.signal), serving.failed]);
  return signals.exitStatus ?? exitStatus.done;
}

/** @throws {UsageError} If no browser asks by that name: with a port, or with what stands before and after it in a URL. */
function requireHostName(host: string | undefined): void {
  if (host === undefined || /^[\w.-]+$/.test(host)) return;
  throw new UsageError(`Cannot answer to "${host}": it is not a host name`, {
    hint:
      "write it without a port and without http://, like replica.example.net",
  });
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
    const isMissing = cause instanceof Deno.errors.NotFound;
    throw new ConfigError(
      `Cannot read the token in ${path}: ${
        isMissing ? "there is no such file" : systemReason(cause)
      }`,
      [],
      {
        cause,
        hint: isMissing
          ? makeToken(path)
          : "name a file that this account may read",
      },
    );
  });
  if (((mode ?? 0) & 0o007) !== 0) {
    throw new ConfigError(
      `Cannot use the token in ${path}: every user can read it`,
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
    { hint: makeToken(path) },
  );
}

/** The command that makes a token which this account alone can read. */
function makeToken(path: string): string {
  return `(umask 077; openssl rand -hex 32 > ${shellWord(path)})`;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
