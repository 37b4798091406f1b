/**
 * What `relais check` examines on a replica: the servers, with the files that
 * prove who they and we are, and where copies and state are kept.
 *
 * @module
 */

import { databaseOf } from "../config/database.ts";
import { ownDirectory } from "../list/path.ts";
import type { ReplicaReady, ServerConfig } from "../config/config.ts";
import { describe, exitStatus, RelaisError } from "../errors.ts";
import { requireNoPublisher } from "../files/keeper.ts";
import { formatBytes } from "../text/human.ts";
import type { Probe } from "../test-server/operations.ts";
import { isByClient } from "../ssh/by-client.ts";
import { readIdentity } from "../ssh/ssh2/identity.ts";
import { Replica } from "../supervisor/replica.ts";
import { examineBastions } from "./bastions.ts";
import { examineCopy } from "./copy.ts";
import { examineDirectory } from "./directory.ts";
import { examineServerFiles } from "./files.ts";
import { examineKeeper } from "./keeper.ts";
import { examineRights } from "./rights.ts";
import { bad, doubtful, type Finding, good } from "./finding.ts";

/** Examines what a replica needs. Changes nothing. */
export async function examineReplica(config: ReplicaReady): Promise<Finding[]> {
  const { into, state, republish } = config.replica;
  const { cluster } = config;
  return [
    ...examineServerFiles(config),
    ...await examineServers(config),
    ...await examineBastions(config.servers),
    examineDirectory("destination", into, { ours: ownDirectory }),
    ...cluster === null ? examineCopy(config.replica) : [],
    ...republish
      ? examineKeeper("destination", () => requireNoPublisher(into))
      : [],
    ...examineRights(config.replica.rights),
    examineDirectory("state", state, { ours: "" }),
    ...cluster === null
      ? []
      : await (await import("./cluster.ts")).examineCluster(
        config,
        databaseOf(cluster),
      ),
  ];
}

/** Tries each server that relais can log in to; of the others it is told why it cannot. */
async function examineServers(config: ReplicaReady): Promise<Finding[]> {
  const refused = new Map(config.servers.flatMap((server) => {
    const finding = identityProblem(server);
    return finding === undefined ? [] : [[server.name, finding] as const];
  }));
  const servers = config.servers.filter(({ name }) => !refused.has(name));
  return [
    ...refused.values(),
    ...servers.length === 0 ? [] : await probeServers({ ...config, servers }),
  ];
}

function identityProblem(server: ServerConfig): Finding | undefined {
  if (isByClient(server)) return undefined;
  try {
    readIdentity(server);
    return undefined;
  } catch (error) {
    return bad(`server ${server.name}`, describe(error), exitStatus.usage);
  }
}

async function probeServers(config: ReplicaReady): Promise<Finding[]> {
  try {
    await using replica = await Replica.open(config, {
      dryRun: true,
      stderr: null,
      journal: false,
    });
    return (await replica.examine()).flatMap((probe) => [
      toFinding(probe),
      ...way(probe),
      ...weakness(probe, config.servers),
    ]);
  } catch (error) {
    // A state that cannot be read, for example: there is more to tell.
    if (!(error instanceof RelaisError)) throw error;
    return [bad("servers", describe(error), error.exitStatus)];
  }
}

/** Tells how a server was reached. */
function way({ server, terms }: Probe): Finding[] {
  if (terms === undefined) return [];
  const { transport, way, hostKey, cipher } = terms;
  const [last = "", ...before] = way.toReversed();
  const told = way.length === 0
    ? [transport, "over a connection that ssh had already"]
    : [
      transport,
      ...before.toReversed().map((hop) => `through ${hop}`),
      `to ${last}`,
      `host key ${hostKey}`,
      `cipher ${cipher}`,
    ];
  return [good(`way to ${server}`, told.join(", "))];
}

/** Warns of weak algorithms. */
function weakness(
  { server, terms }: Probe,
  servers: readonly ServerConfig[],
): Finding[] {
  const config = servers.find(({ name }) => name === server);
  if (config?.algorithms !== "legacy" || terms === undefined) return [];
  const { weak } = terms;
  const told = weak.length === 0
    ? 'remove algorithms = "legacy": this server supports modern algorithms'
    : `weak algorithms in use: ${
      weak.join(", ")
    }; update its sshd, then remove algorithms = "legacy"`;
  return [doubtful(`server ${server}`, told)];
}

function toFinding(
  { server, verdict, failure, list, milliseconds }: Probe,
): Finding {
  const what = `server ${server}`;
  if (failure !== null) {
    return bad(what, describe(failure), failure.exitStatus);
  }
  if (list === null) {
    return good(
      what,
      `${verdict} in ${milliseconds} ms, no list: its tree is walked`,
    );
  }
  const { generation, size, mtime } = list;
  const written = mtime === 0
    ? "date unknown"
    : `last written ${new Date(mtime * 1_000).toISOString()}`;
  return good(
    what,
    `${verdict} in ${milliseconds} ms, list ${generation}, ${
      formatBytes(size)
    }, ${written}`,
  );
}
