/**
 * What the stories of `relais demo` are played with: servers of a small company that
 * publish, and the configuration of a replica of them.
 *
 * @module
 */

import { ensureDirSync } from "@std/fs/ensure-dir";
import type { Output } from "../cli/output.ts";
import { loadConfig, requirePublish } from "../config/load.ts";
import { summariseRun } from "../publish/summary.ts";
import { Publishing } from "../supervisor/publishing.ts";
import {
  type EmbeddedServer,
  type EmbeddedServerOptions,
  startSftpServer,
} from "./sftp-server.ts";

/** How the stories run what they run in this process. */
export const silent = { dryRun: false, stderr: null, journal: false } as const;

/** One server of a story. */
export interface DemoServer extends AsyncDisposable {
  readonly name: string;
  readonly data: string;
  /** What it publishes into. */
  readonly root: string;
  readonly config: string;
  readonly server: EmbeddedServer;
}

/** Starts a server that has published nothing yet. */
export async function makeServer(
  folder: string,
  name: string,
  options: Pick<EmbeddedServerOptions, "serve"> = {},
): Promise<DemoServer> {
  const home = `${folder}/${name}`;
  const data = `${home}/data`;
  const root = `${home}/export`;
  for (const directory of [data, root]) ensureDirSync(directory);
  const config = `${home}/relais.toml`;
  await Deno.writeTextFile(
    config,
    `[publish]
files = ["${data}/**/*"]
base = "${data}"
into = "${root}"

[log]
file = "${home}/relais.log"
`,
  );
  const server = await startSftpServer({ root, keys: home, ...options });
  return {
    name,
    data,
    root,
    config,
    server,
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

/** Has a server publish, and tells what came of it. */
export async function publish(
  { name, config }: DemoServer,
  output: Output,
): Promise<void> {
  await using publishing = new Publishing(
    requirePublish(await loadConfig(config)),
    silent,
  );
  const report = await publishing.run();
  output.text(
    `${name}$ relais publish --once\n  ${summariseRun(report)}`,
  );
}

/** A replica of a story. */
export interface ReplicaOptions {
  /** Where its configuration, its state and its log are. */
  readonly home: string;
  readonly into: string;
  readonly servers: readonly DemoServer[];
  /** Further tables. */
  readonly more?: string;
}

/** Writes the configuration of a replica; returns its path. */
export async function writeReplicaConfig(
  { home, into, servers, more = "" }: ReplicaOptions,
): Promise<string> {
  const tables = servers.map(({ name, server }) => {
    const { host, port, user, identity, hostKeys, root } = server.serverConfig(
      name,
    );
    return `[[server]]
name = "${name}"
host = "${host}"
port = ${port}
user = "${user}"
identity = "${identity}"
host_key = "${hostKeys[0]}"
root = "${root}"
`;
  });
  const path = `${home}/relais.toml`;
  await Deno.writeTextFile(
    path,
    `${tables.join("\n")}
[replica]
into = "${into}"
state = "${home}/state"

[log]
file = "${home}/log/relais.log"
${more}`,
  );
  return path;
}
