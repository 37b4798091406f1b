/**
 * The shape of the configuration file: every table, key, type, limit and
 * default, once.
 *
 * @module
 */

import * as v from "valibot";
import { deletions, levels, sources } from "./config.ts";
import {
  parseDuration,
  parseMaxDelete,
  parseRate,
  parseSize,
} from "./units.ts";

/** Says what is expected; the finding is added where the problem is told. */
function expected(what: string) {
  return () => `expected ${what}`;
}

const text = v.pipe(
  v.string(expected("a text")),
  v.minLength(1, expected("a text that is not empty")),
);
const anyText = v.string(expected("a text"));
const flag = v.boolean(expected("true or false"));
const texts = v.array(text, expected("a list of texts"));
const textOrTexts = v.union(
  [text, texts],
  expected("a text, or a list of texts"),
);
const absolute = v.pipe(
  text,
  v.regex(
    /^\/(?:[^\0]*[^/\0])?$/,
    expected("an absolute path, without / at its end"),
  ),
  v.check(
    (path) => !path.split("/").includes(".."),
    expected('a path without ".."'),
  ),
);

function whole(least: number, most: number) {
  const message = expected(`a whole number from ${least} to ${most}`);
  return v.pipe(
    v.number(message),
    v.integer(message),
    v.minValue(least, message),
    v.maxValue(most, message),
  );
}

/** A text in units, as a number. */
function measure(
  parse: (text: string) => number | undefined,
  what: string,
  least = 0,
) {
  const message = expected(what);
  return v.pipe(
    v.string(message),
    v.check((given) => (parse(given) ?? -1) >= least, message),
    v.transform((given) => parse(given)!),
  );
}

const duration = measure(parseDuration, 'a duration, like "5s" or "1m30s"');
const duration1s = measure(parseDuration, 'a duration of at least "1s"', 1_000);
const limit = measure(parseDuration, 'a duration of at least "100ms"', 100);
const size = measure(parseSize, 'a size of at least "1KB", like "10MB"', 1_000);
const rate = measure(parseRate, 'a rate, like "20MB/s", or "0"');

/** A table all of whose keys have defaults. */
function table<const Entries extends v.ObjectEntries>(entries: Entries) {
  const keys = v.strictObject(entries, expected("a table"));
  return v.optional(keys, {} as v.InferInput<typeof keys>);
}

const server = v.strictObject({
  name: v.pipe(
    text,
    v.regex(/^[A-Za-z0-9_.-]{1,64}$/, expected("1 to 64 of A-Z a-z 0-9 _ . -")),
  ),
  host: v.pipe(
    text,
    v.regex(/^[^\s/]+$/, expected("a host name or an address")),
  ),
  port: v.optional(whole(1, 65_535), 22),
  user: v.optional(text, "relais"),
  identity: v.optional(absolute),
  agent: v.optional(flag, false),
  known_hosts: v.optional(textOrTexts, []),
  host_key: v.optional(textOrTexts, []),
  root: absolute,
}, expected("a table"));

export const schema = v.strictObject({
  server: v.optional(v.array(server, expected("[[server]] tables")), []),
  replica: v.optional(v.strictObject({
    into: absolute,
    state: v.optional(absolute, "/var/lib/relais"),
    source: v.optional(
      v.picklist(sources, expected(sources.join(", "))),
      "auto",
    ),
    include: v.optional(texts, []),
    exclude: v.optional(texts, []),
    delete: v.optional(
      v.picklist(deletions, expected(deletions.join(", "))),
      "keep",
    ),
    max_delete: v.optional(
      v.pipe(
        v.union(
          [v.string(), v.number()],
          expected('a share, like "10%", or a number of files'),
        ),
        v.check(
          (given) => parseMaxDelete(given) !== undefined,
          expected('a share up to "100%", or a number of files'),
        ),
        v.transform((given) => parseMaxDelete(given)!),
      ),
      "10%",
    ),
  }, expected("a table"))),
  probe: table({
    timeout: v.optional(limit, "5s"),
    rise: v.optional(whole(1, 100), 2),
    fall: v.optional(whole(1, 100), 3),
    hold: v.optional(duration, "1m"),
    max_age: v.optional(duration, "0s"),
    failback: v.optional(
      v.picklist(["auto", "manual"], expected("auto, manual")),
      "auto",
    ),
  }),
  copy: table({
    parallel: v.optional(whole(1, 1_024), 64),
    connections: v.optional(whole(1, 10), 1),
    bandwidth: v.optional(rate, "0"),
    retries: v.optional(whole(0, 100), 3),
  }),
  limits: table({
    connect: v.optional(limit, "10s"),
    handshake: v.optional(limit, "20s"),
    keepalive: v.optional(limit, "5s"),
    request: v.optional(limit, "30s"),
  }),
  schedule: table({ every: v.optional(duration1s, "1m") }),
  log: table({
    file: v.optional(anyText, "/var/log/relais/relais.log"),
    level: v.optional(v.picklist(levels, expected(levels.join(", "))), "info"),
    max_size: v.optional(size, "10MB"),
    keep: v.optional(whole(0, 1_000), 5),
  }),
  stat: table({ prometheus: v.optional(anyText, "") }),
  hooks: table({
    on_new: v.optional(texts, []),
    on_failover: v.optional(texts, []),
    on_error: v.optional(texts, []),
  }),
  publish: v.optional(v.strictObject({
    files: v.pipe(texts, v.minLength(1, expected("at least one glob"))),
    base: absolute,
    into: absolute,
  }, expected("a table"))),
}, expected("a table"));

/** What the schema makes of a file. */
export type Parsed = v.InferOutput<typeof schema>;

/** Returns the keys of the table that `path` leads to; none if there is no such table. */
export function keysOf(path: readonly PropertyKey[]): string[] {
  const entries = path.reduce<unknown>((found, key) => {
    const inner = unwrap(found) as {
      entries?: Record<string, unknown>;
      item?: unknown;
    };
    return typeof key === "number" ? inner.item : inner.entries?.[String(key)];
  }, schema);
  return Object.keys(
    (unwrap(entries) as { entries?: object } | undefined)?.entries ?? {},
  );
}

/** The schema within `optional`. */
function unwrap(found: unknown): unknown {
  const { wrapped } = (found ?? {}) as { wrapped?: unknown };
  return wrapped === undefined ? found : unwrap(wrapped);
}
