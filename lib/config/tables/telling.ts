/**
 * `[log]`, `[stat]` and `[hooks]`: what relais tells, and to whom.
 *
 * @module
 */

import * as v from "valibot";
import { defaultsOf } from "../job.ts";
import { levels } from "../levels.ts";
import { table } from "../table.ts";
import {
  address,
  anyText,
  duration,
  type Kind,
  kind,
  limit,
  oneOf,
  optionalPath,
  size,
  whole,
} from "../value.ts";

export const log = table({
  header: "[log]",
  help: "The log of all modules.",
  keys: {
    file: {
      kind: optionalPath(/^\/[^\0]*[^/\0]$/, "an absolute path"),
      default: defaultsOf(null).log,
      example: "/srv/log/relais.log",
      help:
        'The log file; "": none. For the job NAME the default is /var/log/relais/NAME/relais.log. relais log reads this file.',
    },
    level: {
      kind: oneOf(...levels),
      default: "info",
      example: "debug",
      help: "Least severe messages written: debug, info, warning, error.",
    },
    max_size: {
      kind: size("1KB"),
      default: "10MB",
      example: "100MB",
      help:
        "Size at which the log is rotated. relais does so itself: logrotate is not needed.",
    },
    keep: {
      kind: whole(0, 1_000),
      default: 5,
      help: "Number of rotated files kept.",
    },
  },
});

export const stat = table({
  header: "[stat]",
  help: "Figures for Prometheus, and the history of passes.",
  keys: {
    prometheus: {
      kind: optionalPath(
        /^\/[^\0]*\.prom$/,
        "an absolute path that ends in .prom",
      ),
      default: "",
      example: "/var/lib/node_exporter/relais.prom",
      help:
        'A file for node_exporter\'s textfile collector; "": none. The account that runs relais must be allowed to write to its directory. docs/watching.md names the metrics that deserve an alarm.',
    },
    keep: {
      kind: duration(),
      default: "400d",
      example: "90d",
      help:
        "How long the history of passes is kept; 0s: for ever. With one pass a minute, 400 days take some 35 MB.",
    },
  },
});

const commandForm =
  'a list of a command and its arguments, like ["/usr/local/bin/report", "-q"]';

/** A program and its arguments; empty: none. */
const command: Kind<readonly string[], readonly string[]> = kind(
  commandForm,
  (message) =>
    v.pipe(
      v.array(anyText, message),
      v.check(
        ([name]) => name !== "",
        "expected a command before its arguments",
      ),
    ),
);

/** What a hook of a notice may be. */
const mail = ["relais-mail", "admin@example.net"] as const;

export const hooks = table({
  header: "[hooks]",
  help:
    "Commands to run, as lists of a program and its arguments, without a shell; on stdin they get a notice, as one line of JSON. Only on_new gets the new files instead. docs/watching.md has an example that sends mail. They have the rights of the service and no more: curl and msmtp can send mail, sendmail cannot. A notice comes when a state begins, once a day while it lasts, and when it is over; the command has a minute. If it fails, no pass is affected, and it runs again after settle while the state lasts.",
  keys: {
    on_new: {
      kind: command,
      default: [],
      example: ["/usr/local/bin/report", "--all"],
      role: "replica",
      help:
        "Run when new files have arrived; gets their paths on stdin, NUL-terminated. Paths are relative to replica.into. If it exits with anything but 0, the next pass runs it again with these files and the newer ones. So it may get a file twice.",
    },
    on_new_timeout: {
      kind: limit,
      default: "10m",
      example: "1h",
      role: "replica",
      help:
        "Time limit for on_new and all that it has started. After it they get SIGTERM, and two seconds later SIGKILL.",
    },
    on_failover: {
      kind: command,
      default: [],
      example: mail,
      role: "replica",
      help: "Run when files come from another server than the first one.",
    },
    on_failback: {
      kind: command,
      default: [],
      example: mail,
      role: "replica",
      help: "Run when files come from the first server again.",
    },
    on_error: {
      kind: command,
      default: [],
      example: mail,
      help:
        "Run when a pass, or a run of publish, ends with an exit status other than 0. Each exit status is a state of its own. relais(1) has their meanings.",
    },
    on_recovered: {
      kind: command,
      default: [],
      example: mail,
      help:
        "Run when failures, or too long a lag, have been over for settle. With [cluster], also when a node that lost the lead has shown signs of life again for so long.",
    },
    on_lag: {
      kind: command,
      default: [],
      example: mail,
      role: "replica",
      help:
        "Run when the replica lags more than max_lag behind. Set max_lag, too: without it, this never runs.",
    },
    on_leader: {
      kind: command,
      default: [],
      example: mail,
      role: "replica",
      help:
        "Run when a node leads because the one before is lost. With [cluster] only: that one was killed, stands still, or does not reach the database, and so did not give up the lead. It runs on the node that leads.",
    },
    max_lag: {
      kind: duration(),
      default: "0s",
      example: "15m",
      role: "replica",
      help:
        "Lag from which on_lag runs; 0s: never. The lag is the age of the oldest file that is published and not yet on the replica.",
    },
    settle: {
      kind: duration(),
      default: "10m",
      example: "1h",
      help:
        "How long a state must be gone before it counts as over. Raise it if something comes and goes and causes too many notices; with [cluster], to more than the time between two passes of one node.",
    },
    ping: {
      kind: address,
      default: "",
      example: "https://hc.example/0f3c",
      help:
        'Dead man\'s switch: URL to POST to after each pass; "": none. relais adds /start when a pass begins, and /fail when one fails, as healthchecks.io and others expect. The URL is a secret: relais shows it in no message.',
    },
  },
});
