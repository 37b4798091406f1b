/**
 * Finding the configuration file, and asking it for what a command needs.
 *
 * @module
 */

import { resolve } from "@std/path/posix";
import { handedOver, withCredentials } from "./credentials.ts";
import { ConfigError } from "../errors.ts";
import type { Config, PublishConfig, ReplicaReady } from "./config.ts";

/** Where the configuration is looked for when nobody says. */
export const defaultPaths = [
  "/etc/relais/relais.toml",
  "./relais.toml",
] as const;

/**
 * Reads the configuration at `path`, or at the first of the default paths that
 * is there. A default path that is there but cannot be read is not passed over.
 *
 * @throws {ConfigError} If there is none, it cannot be read, or anything in it is wrong.
 */
export async function loadConfig(path: string | undefined): Promise<Config> {
  for (const candidate of path === undefined ? defaultPaths : [path]) {
    const bytes = await read(candidate);
    if (bytes !== undefined) {
      // Some commands do without, and should not wait for the parser.
      const { parseConfig } = await import("./parse.ts");
      return withCredentials(
        parseConfig(decode(bytes, candidate), candidate),
      );
    }
  }
  throw new ConfigError(
    `Cannot find a configuration: there is no ${
      path ?? defaultPaths.join(" and no ")
    }`,
    [],
    { hint: `"relais init ${path ?? defaultPaths[0]}" writes one` },
  );
}

/** A configuration that can publish: `[publish]` is there. */
export interface PublishReady extends Config {
  readonly publish: PublishConfig;
}

/** @throws {ConfigError} If the configuration does not say what is copied where. */
export function requireReplica(config: Config): ReplicaReady {
  if (config.replica !== null) return config as ReplicaReady;
  throw new ConfigError(
    `Cannot keep a replica: ${config.path} has no [replica] table`,
    [],
    {
      hint:
        `add one as "relais init --replica" shows it; on a server, use "relais publish --once" and "relais status"`,
    },
  );
}

/** @throws {ConfigError} If the configuration does not say what is published. */
export function requirePublish(config: Config): PublishReady {
  if (config.publish !== null) return config as PublishReady;
  throw new ConfigError(
    `Cannot publish: ${config.path} has no [publish] table`,
    [],
    {
      hint:
        `relais publish is for the servers: add one there, as "relais init --publisher" shows it`,
    },
  );
}

/** @throws {ConfigError} If the configuration has nothing for relais to do. */
export function requireWork(config: Config): Config {
  if (config.replica !== null || config.publish !== null) return config;
  throw new ConfigError(
    `Cannot do anything: ${config.path} has neither a [replica] nor a [publish] table`,
    [],
    { hint: `add one as "relais init" shows it` },
  );
}

async function read(path: string): Promise<Uint8Array | undefined> {
  try {
    return await Deno.readFile(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    const given = handedOver(resolve(path));
    // Where the file cannot be read, what was handed over is all there is.
    if (given !== undefined) return await Deno.readFile(given);
    throw unreadable(path, cause as Error);
  }
}

function unreadable(path: string, cause: Error): ConfigError {
  const [what, hint] = cause instanceof Deno.errors.PermissionDenied
    ? [
      "permission denied",
      "run it as root, or let the account that runs relais read it",
    ]
    : cause instanceof Deno.errors.IsADirectory
    ? ["it is a directory", "name the file in it"]
    : [cause.message, "see that it is a plain file"];
  return new ConfigError(`Cannot read ${path}: ${what}`, [], { cause, hint });
}

/** A byte order mark, as some editors write it, is left out. */
function decode(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ConfigError(
      `Cannot read ${path}: it is not valid UTF-8`,
      [],
      { cause, hint: "save it as UTF-8" },
    );
  }
}
