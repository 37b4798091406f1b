/**
 * `[cluster]`: several machines that share one replica.
 *
 * @module
 */

import * as v from "valibot";
import { parseAddress } from "../address.ts";
import { table } from "../table.ts";
import { duration, kind, matching, path } from "../value.ts";

const addressForm =
  'the address of a PostgreSQL database, like "postgres://relais@db.example.net/relais"';

/** Where a database is. */
const databaseAddress = kind(addressForm, () =>
  v.pipe(
    v.string(`expected ${addressForm}`),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      const parsed = parseAddress(dataset.value);
      // What was found is not shown: somebody may have put the password into it.
      if ("reason" in parsed) {
        addIssue({ message: `expected ${addressForm}: ${parsed.reason}` });
      }
    }),
  ));

export const cluster = table({
  header: "[cluster]",
  role: "replica",
  isExample: true,
  help:
    "Several machines, called nodes, that share one replica through PostgreSQL. All of them mount the same replica.into, and have the same configuration but for node. Each has a replica.state of its own. docs/cluster.md says when you need it. A machine that keeps its replica alone has no such table.",
  keys: {
    database: {
      kind: databaseAddress,
      example: "postgres://relais@db.example.net/relais",
      help:
        "The database that the nodes share. With a socket: postgres://relais@/relais?host=/run/postgresql.",
    },
    password_file: {
      kind: path,
      optional: true,
      example: "/etc/relais/db-password",
      sample: "example",
      help:
        "File with the password for the database. Without it, relais looks for one in ~/.pgpass of the account that runs it, as psql does; only that account may read that file. Where systemd runs relais, the units that relais unit writes hand the password over, and the file can stay root's.",
    },
    ca: {
      kind: path,
      optional: true,
      example: "/etc/relais/db-ca.pem",
      sample: "example",
      help:
        "Certificates of the authorities that may have signed that of the database. It must be set unless the database is reached by a socket: relais does not talk to a database whose certificate it cannot verify.",
    },
    name: {
      kind: matching(
        /^(?!pg_)[a-z][a-z0-9_]{0,62}$/,
        'a name of small letters, digits and "_" that begins with a letter, but not with "pg_", like "stock"',
      ),
      example: "stock",
      help:
        "What the nodes share. The tables lie in a schema of this name, so several clusters can use one database.",
    },
    node: {
      kind: matching(/^[\w.-]{1,64}$/, 'a name, like "r1"'),
      optional: true,
      example: "r1",
      sample: "example",
      help: "Name of this node; without it, that of the machine.",
    },
    lease: {
      kind: duration("5s", "1h"),
      default: "15s",
      help:
        "Time after which others take over the work of a node that is silent. A shorter one than the default makes takeovers quicker, and asks the database more often.",
    },
  },
});
