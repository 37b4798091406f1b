/**
 * From the text of the configuration file to typed values. Every problem is
 * told, with its line, what was found and what is expected.
 *
 * @module
 */

import * as v from "valibot";
import { type Config, toConfig } from "./config.ts";
import { defaultsOf, jobOf } from "./job.ts";
import type { KeyPath } from "./position.ts";
import { type Problem, tell, unusable } from "./problem.ts";
import { brokenRules } from "./rules.ts";
import { type Parsed, schema } from "./schema.ts";
import { parseSyntax } from "./syntax.ts";
import { isTable } from "./table.ts";
import { describeUnknown, unknownKeys } from "./unknown-key.ts";

/**
 * Parses the configuration.
 *
 * @param path Where `text` was read from.
 * @throws {ConfigError} If anything is wrong; its `problems` say all that is, in the order of the file.
 */
export function parseConfig(text: string, path: string): Config {
  const { tables, positions } = parseSyntax(text, path);
  const job = jobOf(path);
  const { parsed, problems } = validate(withDefaults(tables, job));
  if (problems.length === 0) return toConfig(path, job, parsed);
  const where = positions();
  const told = problems
    .map((problem) => ({ problem, line: where.lineOf(problem.path) }))
    .sort((a, b) => a.line - b.line)
    .map(({ problem, line }) => tell(path, { line }, problem));
  throw unusable(path, told);
}

/** Puts what holds in a job where the file says nothing. What is no table is left for others to tell. */
function withDefaults(
  tables: Readonly<Record<string, unknown>>,
  job: string | null,
): Readonly<Record<string, unknown>> {
  if (job === null) return tables;
  const { state, log: file } = defaultsOf(job);
  const { replica, log = {} } = tables;
  return {
    ...tables,
    ...isTable(replica) ? { replica: { state, ...replica } } : {},
    ...isTable(log) ? { log: { file, ...log } } : {},
  };
}

/** Returns what the tables say, as far as they are sound, and all that is wrong with them. */
function validate(
  tables: Readonly<Record<string, unknown>>,
): { parsed: Parsed; problems: Problem[] } {
  const unknown = [...unknownKeys(tables)];
  const meant = unknown.flatMap(({ meant }) =>
    meant === undefined ? [] : [meant]
  );
  const result = v.safeParse(schema, tables, { abortPipeEarly: true });
  // A key that is missing because it was misspelt is one problem, not two.
  const wrong = (result.issues ?? []).map(toProblem)
    .filter(({ path }) => !meant.some((other) => leadsTo(path, other)));
  const unsound = [...meant, ...wrong.map(({ path }) => path)];
  const sound = (...paths: readonly KeyPath[]) =>
    !paths.some((path) =>
      unsound.some((other) => leadsTo(path, other) || leadsTo(other, path))
    );
  const parsed = result.output as Parsed;
  const problems = [
    ...unknown.map((key) => ({ path: key.path, what: describeUnknown(key) })),
    ...wrong,
    ...brokenRules(parsed, sound),
  ];
  return { parsed, problems };
}

function toProblem({ path, message }: v.BaseIssue<unknown>): Problem {
  const keys = path?.map(({ key }) => key as string | number) ?? [];
  return { path: keys, what: message };
}

/** Whether `path` is `other`, or a table above it. */
function leadsTo(path: KeyPath, other: KeyPath): boolean {
  return path.every((part, index) => part === other[index]);
}
