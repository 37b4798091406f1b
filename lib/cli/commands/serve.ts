/**
 * The declaration of `relais serve`.
 *
 * @module
 */

import { defaultListen } from "../../serve/listen.ts";
import { healthOptions } from "./health.ts";
import { allJobsOption } from "./jobs.ts";
import type { Command } from "../option.ts";

export const serve = {
  name: "serve",
  summary: "a page to look at, for a browser and for monitors",
  description: [
    "Serves a read-only page: the active server, lag and files over time, the last passes, failing and newest files, the log as it happens, the figures of each module. It changes nothing, and runs while passes run.",
    "/metrics is for Prometheus; /healthz answers 200 or 503, as relais status exits with 0 or 1.",
    "With --all-jobs the first page leads to that of each job; /metrics and /healthz are over all.",
    "Beyond this machine it needs a token, which a browser asks for as a password and a monitor sends as a bearer token. It speaks plain HTTP: put a TLS proxy or an SSH tunnel before it.",
  ],
  arguments: [],
  options: [
    {
      long: "listen",
      kind: "path",
      value: "ADDRESS",
      help: "serve it there",
      default: defaultListen,
    },
    {
      long: "token-file",
      kind: "path",
      value: "FILE",
      help: "let in only who shows the token in FILE",
    },
    {
      long: "host",
      kind: "path",
      value: "NAME",
      help: "a name it may be asked for by, besides addresses and localhost",
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
} as const satisfies Command;
