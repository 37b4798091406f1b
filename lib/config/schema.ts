/**
 * The shape of the configuration file: all its tables.
 *
 * @module
 */

import * as v from "valibot";
import { schemaOf } from "./table.ts";
import { cluster } from "./tables/cluster.ts";
import { copy, limits, probe, schedule } from "./tables/fetching.ts";
import { publish } from "./tables/publish.ts";
import { replica } from "./tables/replica.ts";
import { server } from "./tables/server.ts";
import { hooks, log, stat } from "./tables/telling.ts";
import { expected } from "./value.ts";

/** All tables, in the order in which they are shown. */
export const tables = {
  server,
  replica,
  probe,
  copy,
  limits,
  schedule,
  log,
  stat,
  hooks,
  cluster,
  publish,
} as const;

/** What the file must be. */
export const schema = v.object({
  server: v.optional(
    v.array(
      schemaOf(server),
      expected(
        "[[server]] tables: write [[server]], in double brackets, before the keys of each server",
      ),
    ),
    [],
  ),
  replica: v.optional(schemaOf(replica)),
  probe: v.optional(schemaOf(probe), {}),
  copy: v.optional(schemaOf(copy), {}),
  limits: v.optional(schemaOf(limits), {}),
  schedule: v.optional(schemaOf(schedule), {}),
  log: v.optional(schemaOf(log), {}),
  stat: v.optional(schemaOf(stat), {}),
  hooks: v.optional(schemaOf(hooks), {}),
  cluster: v.optional(schemaOf(cluster)),
  publish: v.optional(schemaOf(publish)),
});

/** What the schema makes of a file. */
export type Parsed = v.InferOutput<typeof schema>;
