/**
 * Finding the configuration file.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import type { Config, PublishConfig, ReplicaReady } from "./config.ts";
import { parseConfig } from "./parse.ts";

/** Where the configuration is looked for when nobody says. */
export const defaultPaths = [
  "/etc/relais/relais.toml",
  "./relais.toml",
] as const;

/**
 * Reads the configuration at `path`, or at the first of the default paths that
 * is there.
 *
 * @throws {ConfigError} If there is none, or anything in it is wrong.
 */
export async function loadConfig(path: string | undefined): Promise<Config> {
  for (const candidate of path === undefined ? defaultPaths : [path]) {
    const text = await read(candidate);
    if (text !== undefined) return parseConfig(text, candidate);
  }
  throw new ConfigError(
    `Cannot find a configuration: there is no ${
      path ?? defaultPaths.join(" and no ")
    }`,
    [],
    { hint: `"relais init" writes one` },
  );
}

/** @throws {ConfigError} If the configuration does not say what is copied where. */
export function requireReplica(config: Config): ReplicaReady {
  if (config.replica !== null) return config as ReplicaReady;
  throw missing(config, "replica");
}

/** @throws {ConfigError} If the configuration does not say what is published. */
export function requirePublish(
  config: Config,
): Config & { publish: PublishConfig } {
  if (config.publish !== null) {
    return config as Config & { publish: PublishConfig };
  }
  throw missing(config, "publish");
}

function missing({ path }: Config, table: string): ConfigError {
  return new ConfigError(
    `Cannot go on with ${path}: it has no [${table}] table`,
    [],
    {
      hint: `see "relais init"`,
    },
  );
}

async function read(path: string): Promise<string | undefined> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(
      await Deno.readFile(path),
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    const what = error instanceof TypeError
      ? "it is not valid UTF-8"
      : (error as Error).message;
    throw new ConfigError(`Cannot read ${path}: ${what}`, [], { cause: error });
  }
}
