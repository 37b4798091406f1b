/**
 * `[probe]`, `[copy]`, `[limits]` and `[schedule]`: how servers are chosen, and
 * how files are fetched from them.
 *
 * @module
 */

import { table } from "../table.ts";
import { duration, flag, limit, oneOf, rate, whole } from "../value.ts";

export const probe = table({
  header: "[probe]",
  role: "replica",
  help:
    "How servers are tested and chosen. Each pass begins with a test of every server: login, root and list.",
  keys: {
    timeout: {
      kind: limit,
      default: "5s",
      example: "15s",
      help: "Time limit for the whole test of one server.",
    },
    rise: {
      kind: whole(1, 100),
      default: 2,
      help:
        "Good tests in a row before a server counts as up again. If the next test decides, it follows within the same pass.",
    },
    fall: {
      kind: whole(1, 100),
      default: 3,
      help:
        "Bad tests in a row before the active server is left. A wrong host key or a refused login counts at once: to try again would only get the replica banned.",
    },
    hold: {
      kind: duration(),
      default: "1m",
      example: "15m",
      help: "Least time on a server before going back to a preferred one.",
    },
    max_age: {
      kind: duration(),
      default: "0s",
      example: "2h",
      help:
        "Age from which a list is stale; 0s: never. A server with a stale list is used only if no other has a fresh one. The publisher renews its list in each run: allow for several of its schedule.every.",
    },
    failback: {
      kind: oneOf("auto", "manual"),
      default: "auto",
      example: "manual",
      help:
        '"manual": stay on the server in use when a preferred one is back. relais --once --failback then goes back. If the server in use fails, the next one takes over all the same.',
    },
    keep: {
      kind: flag,
      default: true,
      example: false,
      help:
        "Stay logged in to each server from one pass of the loop to the next. One idle connection takes the place of a login a pass. Each test still asks the server, and logs in again if it does not answer in time. false: log out at the end of each pass.",
    },
  },
});

export const copy = table({
  header: "[copy]",
  role: "replica",
  help: "How files are fetched.",
  keys: {
    parallel: {
      kind: whole(1, 4_096),
      default: 512,
      example: 64,
      help:
        "Requests in flight, of up to 64 KiB each. This bounds the memory: 512 of them take up to 32 MiB, and no more than 32 MiB are ever asked for at a time. Fewer are slower on a link with a long round trip.",
    },
    connections: {
      kind: whole(1, 10),
      default: 1,
      example: 4,
      help:
        "SSH connections that fetch files at a time. More are faster where the CPU or the window of one connection is the limit. relais goes on with fewer if the server refuses some: see MaxStartups in sshd_config(5).",
    },
    bandwidth: {
      kind: rate,
      default: "0",
      example: "20MB/s",
      help:
        "Bytes a second at most; 0: no limit. The unit is bytes and not bits: a line of 100 Mbit/s carries 12MB/s.",
    },
    retries: {
      kind: whole(0, 100),
      default: 3,
      help:
        "More attempts for a file within a pass. A file that still fails makes the pass exit with 1, and comes last in the next one.",
    },
    order: {
      kind: oneOf("oldest", "smallest"),
      default: "oldest",
      example: "smallest",
      help:
        'Which come first: "oldest", by date of publication, or "smallest".',
    },
    delta: {
      kind: oneOf("auto", "always", "never"),
      default: "auto",
      example: "never",
      help:
        'Fetch only changed blocks of large files: auto, always or never. "auto" does so where it is expected to be faster, "always" at any price in disk reads. Except for files that have only grown, it needs the signatures that relais publish makes: see publish.signatures.',
    },
  },
});

export const limits = table({
  header: "[limits]",
  role: "replica",
  help:
    "How long to wait for a server. If a slow or distant link makes passes fail, raise these first.",
  keys: {
    connect: {
      kind: limit,
      default: "10s",
      help: "Time limit for the TCP connection.",
    },
    handshake: {
      kind: limit,
      default: "20s",
      help:
        "Time limit for the SSH key exchange and the login. A server that looks up the names of its clients in a DNS that does not answer can take longer: UseDNS no in its sshd_config helps.",
    },
    keepalive: {
      kind: limit,
      default: "5s",
      help:
        "Time between keepalives; three without an answer end a connection.",
    },
    request: {
      kind: limit,
      default: "30s",
      example: "2m",
      help:
        "Time limit for one SFTP request. The limit begins again with each 4 KiB of the answer, so it does not depend on the size of a file. A file that brings less is given up, and asked of the other servers that are up.",
    },
  },
});

export const schedule = table({
  header: "[schedule]",
  help: "How often relais works, without --once.",
  keys: {
    every: {
      kind: duration("1s", "7d"),
      default: "1m",
      example: "15m",
      help:
        "Time from the start of one pass to the start of the next. On a server, from one run of relais publish to the next. The timers that relais unit writes have the same interval: run relais unit --install again after a change.",
    },
  },
});
