/**
 * Jobs: several configurations on one machine, each a file of its own.
 *
 * @module
 */

import { basename, dirname, resolve } from "@std/path/posix";
import { ConfigError } from "../errors.ts";
import { systemReason } from "../text/system-reason.ts";

/** Where the configurations of jobs lie. */
const jobDirectory = "/etc/relais";

/** The job whose directories have no name of their own: it is run without `--job` as well. */
const plain = "relais";

/** What a name may be: it becomes part of the names of files and of units. */
const form = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;

/** Whether a job may have this name. */
export function isJobName(name: string): boolean {
  return form.test(name);
}

/** Returns the path of the configuration of a job. */
export function configOfJob(name: string): string {
  return `${jobDirectory}/${name}.toml`;
}

/** Returns the path of the configuration that a command line names; `undefined` if it names none. */
export function configPath(
  { config, job }: {
    readonly config: string | undefined;
    readonly job: string | undefined;
  },
): string | undefined {
  return job === undefined ? config : configOfJob(job);
}

/** Whether the configuration at `path` is that of a job, with a name or without. */
export function isJobPath(path: string): boolean {
  return dirname(resolve(path)) === jobDirectory && path.endsWith(".toml") &&
    isJobName(basename(path, ".toml"));
}

/** Returns the job that the configuration at `path` is of; `null` if it is no job, or the one that needs no name. */
export function jobOf(path: string): string | null {
  const name = basename(path, ".toml");
  return isJobPath(path) && name !== plain ? name : null;
}

/** Returns the name of a unit, a file or a directory for a job. */
export function forJob(name: string, job: string | null, mark: string): string {
  return job === null ? name : `${name}${mark}${job}`;
}

/**
 * Returns what holds in a job where the configuration says nothing: no two jobs
 * share a lock, a state or a log.
 */
export function defaultsOf(
  job: string | null,
): { readonly state: string; readonly log: string } {
  return {
    state: forJob("/var/lib/relais", job, "/"),
    log: `${forJob("/var/log/relais", job, "/")}/relais.log`,
  };
}

/**
 * Returns the names of all jobs, in order.
 *
 * @throws {ConfigError} If there are none, or nobody may look.
 */
export function allJobs(directory = jobDirectory): string[] {
  const names = listOf(directory)
    .filter((name) => name.endsWith(".toml"))
    .map((name) => basename(name, ".toml"))
    .filter(isJobName).sort();
  if (names.length > 0) return names;
  throw new ConfigError(
    `Cannot find any job: there is no configuration in ${directory}`,
    [],
    { hint: `"relais init ${configOfJob("NAME")}" writes one` },
  );
}

function listOf(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)].map(({ name }) => name);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return [];
    throw new ConfigError(
      `Cannot look for jobs in ${directory}: ${systemReason(cause)}`,
      [],
      { cause, hint: "let this account read it" },
    );
  }
}
