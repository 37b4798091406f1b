/**
 * The story of `relais demo`: a small company, its two servers, and a replica
 * that follows them.
 *
 * @module
 */

import { ensureDirSync } from "@std/fs/ensure-dir";
import type { Output } from "../cli/output.ts";
import { loadConfig, requirePublish, requireReplica } from "../config/load.ts";
import { type ExitStatus, exitStatus } from "../errors.ts";
import { readSnapshot, snapshotPath } from "../stat/snapshot.ts";
import { Publishing } from "../supervisor/publishing.ts";
import { Replica } from "../supervisor/replica.ts";
import { summarise } from "../supervisor/summary.ts";
import { writeDay } from "./company.ts";
import { type EmbeddedServer, startSftpServer } from "./sftp-server.ts";

const silent = { dryRun: false, stderr: null, journal: false } as const;

/**
 * Plays the story in a folder; `show` tells how things stand with the replica
 * whose configuration it is given.
 */
export async function play(
  folder: string,
  output: Output,
  show: (config: string) => Promise<unknown>,
): Promise<ExitStatus> {
  const say = (text: string) => output.text(`\n${text}`);
  say("Two servers, production and backup, hold the files of a small company.");
  await using production = await makeServer(folder, "production");
  await using backup = await makeServer(folder, "backup");
  for (const { data } of [production, backup]) writeDay(data, 1);
  await publish(production, output);
  await publish(backup, output);
  const config = await writeReplicaConfig(folder, [production, backup]);
  await using replica = await Replica.open(config, silent);
  const exits: ExitStatus[] = [];

  async function pass() {
    const outcome = await replica.pass(new AbortController().signal);
    const told = ["$ relais --once", ...summarise(outcome)];
    output.text(told.join("\n  "));
    exits.push(outcome.report.exit);
  }

  say("The first pass copies all that is published.");
  await pass();
  say(
    "A second pass finds nothing new: it reads the list's last bytes, and no directory.",
  );
  await pass();
  say("A working day goes by: some files change, some are new.");
  for (const { data } of [production, backup]) writeDay(data, 2);
  await publish(production, output);
  await publish(backup, output);
  await pass();
  say("Production goes down. On backup, work goes on.");
  await production.server.stop();
  writeDay(backup.data, 3);
  await publish(backup, output);
  await pass();
  say("How things stand:");
  output.result("$ relais status");
  await show(config.path);
  await tellFigures(config.replica.state, output);
  say(howToGoOn);
  return exits.every((exit) => exit === exitStatus.done)
    ? exitStatus.done
    : exitStatus.incomplete;
}

/** Tells some of what `relais stat` tells in full. */
async function tellFigures(state: string, output: Output): Promise<void> {
  const { snapshot } = await readSnapshot(snapshotPath(state));
  if (snapshot === undefined) return;
  const { "copy-list": copy, "test-server": test, log } = snapshot.modules;
  output.text("$ relais stat");
  output.result(
    `  copy-list: ${copy.files_copied} files, ${copy.bytes_copied} bytes, ${copy.batches} batches, ${copy.failures} failures`,
  );
  output.result(
    `  test-server: ${test.probes_up} good probes, ${test.probes_unreachable} without an answer, ${test.switches} switches`,
  );
  output.result(`  log: ${log.written} messages written`);
}

const howToGoOn = `The same on real machines:
  on each server   relais publish --once, from a timer or cron, and an SFTP account
  on the replica   relais init /etc/relais/relais.toml, edit it, relais check,
                   then relais --once from a systemd timer
See README.md.`;

/** One server of the story. */
interface DemoServer extends AsyncDisposable {
  readonly name: string;
  readonly data: string;
  readonly config: string;
  readonly server: EmbeddedServer;
}

async function makeServer(folder: string, name: string): Promise<DemoServer> {
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
  const server = await startSftpServer({ root, keys: home });
  return {
    name,
    data,
    config,
    server,
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

async function publish(
  { name, config }: DemoServer,
  output: Output,
): Promise<void> {
  await using publishing = new Publishing(
    requirePublish(await loadConfig(config)),
    silent,
  );
  const { published, unchanged } = await publishing.run();
  output.text(
    `${name}$ relais publish --once\n  ${published} files published, ${unchanged} unchanged`,
  );
}

async function writeReplicaConfig(
  folder: string,
  servers: readonly DemoServer[],
) {
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
  const path = `${folder}/relais.toml`;
  await Deno.writeTextFile(
    path,
    `${tables.join("\n")}
[replica]
into = "${folder}/replica"
state = "${folder}/state"

[log]
file = "${folder}/log/relais.log"
`,
  );
  return requireReplica(await loadConfig(path));
}
