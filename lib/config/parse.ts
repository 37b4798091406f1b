/**
 * From the text of the configuration file to typed values. Every problem is
 * told, with its line, what was found and what is expected.
 *
 * @module
 */

import { basename } from "@std/path/posix";
import { getStaticTOMLValue, ParseError, parseTOML } from "toml-eslint-parser";
import * as v from "valibot";
import { ConfigError } from "../errors.ts";
import { nearest } from "../nearest.ts";
import type {
  Config,
  PublishConfig,
  ReplicaConfig,
  ServerConfig,
} from "./config.ts";
import { join, type KeyPath, lineOf, linesOf } from "./position.ts";
import { keysOf, type Parsed, schema } from "./schema.ts";

/** One thing that is wrong. */
interface Problem {
  readonly path: KeyPath;
  readonly what: string;
}

/**
 * Parses the configuration.
 *
 * @throws {ConfigError} If anything is wrong; its `problems` say all that is.
 */
export function parseConfig(text: string, path: string): Config {
  const { document, value } = parseToml(text, path);
  const result = v.safeParse(schema, value);
  const problems = result.success
    ? check(result.output)
    : result.issues.map(toProblem);
  if (problems.length > 0) {
    const lines = linesOf(document);
    throw failed(
      path,
      problems.map((problem) =>
        tell(path, problem, lineOf(lines, problem.path))
      ),
    );
  }
  return toConfig(path, result.output as Parsed);
}

function parseToml(text: string, path: string) {
  try {
    const document = parseTOML(text);
    return { document, value: getStaticTOMLValue(document) };
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    const { lineNumber, column, message } = error;
    throw failed(path, [
      `${basename(path)}:${lineNumber}: no TOML: ${message}, at column ${
        column + 1
      }`,
    ]);
  }
}

function failed(path: string, problems: readonly string[]): ConfigError {
  const count = problems.length === 1
    ? "one problem"
    : `${problems.length} problems`;
  return new ConfigError(`Cannot use ${path}: ${count}`, problems);
}

function tell(
  path: string,
  { path: keys, what }: Problem,
  line: number,
): string {
  const key = join(keys);
  return `${basename(path)}:${line}: ${key === "" ? "" : `${key}: `}${what}`;
}

function toProblem(issue: v.BaseIssue<unknown>): Problem {
  const path = (issue.path ?? []).map(({ key }) => key as PropertyKey);
  if (issue.type === "strict_object" && issue.expected === "never") {
    return { path, what: unknownKey(path) };
  }
  if (issue.type === "strict_object" && issue.input === undefined) {
    return { path, what: "is missing" };
  }
  return { path, what: `${issue.message}, found ${show(issue.input)}` };
}

function unknownKey(path: KeyPath): string {
  const meant = nearest(String(path.at(-1)), keysOf(path.slice(0, -1)));
  return `unknown key${
    meant === undefined ? "" : `; did you mean "${meant}"?`
  }`;
}

function show(input: unknown): string {
  return JSON.stringify(input) ?? String(input);
}

/** What the schema cannot say of one key alone. */
function check(parsed: Parsed): Problem[] {
  return [
    ...checkServers(parsed),
    ...checkTables(parsed),
    ...parsed.replica === undefined ? [] : checkReplica(parsed.replica),
    ...parsed.publish === undefined ? [] : checkPublish(parsed.publish),
    ...checkFiles(parsed),
  ];
}

function checkTables({ server, replica, publish }: Parsed): Problem[] {
  if (replica === undefined && publish === undefined) {
    return [{ path: [], what: "neither [replica] nor [publish] is there" }];
  }
  return replica !== undefined && server.length === 0
    ? [{
      path: ["replica"],
      what: "there is no server: add a [[server]] table",
    }]
    : [];
}

const fingerprintForm = /^SHA256:[A-Za-z0-9+/]{43}$/;

function checkServers({ server: servers }: Parsed): Problem[] {
  return servers.flatMap((server, index) => {
    const path = ["server", index];
    const problems: Problem[] = [];
    if (servers.findIndex(({ name }) => name === server.name) < index) {
      problems.push({
        path: [...path, "name"],
        what: `another server is called "${server.name}"`,
      });
    }
    if (server.identity === undefined && !server.agent) {
      problems.push({
        path,
        what: "identity is missing: give a key file, or set agent = true",
      });
    }
    const pinned = [server.host_key].flat();
    if (pinned.length === 0 && server.known_hosts.length === 0) {
      problems.push({
        path,
        what:
          "its host key is not known: set known_hosts (see ssh-keyscan) or host_key",
      });
    }
    for (const key of pinned.filter((key) => !fingerprintForm.test(key))) {
      problems.push({
        path: [...path, "host_key"],
        what:
          `expected a fingerprint as ssh-keygen -l prints it, like "SHA256:…", found ${
            show(key)
          }`,
      });
    }
    return problems;
  });
}

function checkReplica(
  { into, state }: NonNullable<Parsed["replica"]>,
): Problem[] {
  if (!contains(into, state) && !contains(state, into)) return [];
  return [{
    path: ["replica", "state"],
    what: `state and into must not lie in each other, found ${
      show(state)
    } and ${show(into)}`,
  }];
}

function checkPublish(
  { files, base, into }: NonNullable<Parsed["publish"]>,
): Problem[] {
  const problems: Problem[] = files.filter((glob) => !contains(base, glob)).map(
    (glob) => ({
      path: ["publish", "files"],
      what: `expected globs below base ${show(base)}, found ${show(glob)}`,
    }),
  );
  if (base === into) {
    problems.push({ path: ["publish", "into"], what: "into must not be base" });
  }
  return problems;
}

function checkFiles({ log, stat }: Parsed): Problem[] {
  const problems: Problem[] = [];
  if (log.file !== "" && !log.file.startsWith("/")) {
    problems.push({
      path: ["log", "file"],
      what: `expected an absolute path, or "" for none, found ${
        show(log.file)
      }`,
    });
  }
  if (stat.prometheus !== "" && !/^\/.*\.prom$/.test(stat.prometheus)) {
    problems.push({
      path: ["stat", "prometheus"],
      what:
        `expected an absolute path that ends in .prom, or "" for none, found ${
          show(stat.prometheus)
        }`,
    });
  }
  return problems;
}

/** Whether `inner` is `outer`, or lies in it. */
function contains(outer: string, inner: string): boolean {
  return inner === outer ||
    inner.startsWith(outer === "/" ? outer : `${outer}/`);
}

function toConfig(path: string, parsed: Parsed): Config {
  const { probe, copy, limits, schedule, log, stat, hooks } = parsed;
  return {
    path,
    servers: parsed.server.map(toServer),
    replica: parsed.replica === undefined ? null : toReplica(parsed.replica),
    probe: {
      timeoutMs: probe.timeout,
      rise: probe.rise,
      fall: probe.fall,
      holdMs: probe.hold,
      maxAgeMs: probe.max_age,
      failback: probe.failback,
    },
    copy,
    limits: {
      connectMs: limits.connect,
      handshakeMs: limits.handshake,
      keepaliveMs: limits.keepalive,
      requestMs: limits.request,
    },
    schedule: { everyMs: schedule.every },
    log: {
      file: log.file,
      level: log.level,
      maxSize: log.max_size,
      keep: log.keep,
    },
    stat,
    hooks: {
      onNew: hooks.on_new,
      onFailover: hooks.on_failover,
      onError: hooks.on_error,
    },
    publish: (parsed.publish ?? null) as PublishConfig | null,
  };
}

function toServer(server: Parsed["server"][number]): ServerConfig {
  const {
    name,
    host,
    port,
    user,
    identity = null,
    agent,
    known_hosts,
    host_key,
    root,
  } = server;
  return {
    name,
    host,
    port,
    user,
    identity,
    agent,
    knownHosts: [known_hosts].flat(),
    hostKeys: [host_key].flat(),
    root,
  };
}

function toReplica(
  { max_delete, ...replica }: NonNullable<Parsed["replica"]>,
): ReplicaConfig {
  return { ...replica, maxDelete: max_delete };
}
