/**
 * The story of `relais demo`: a small company, its two servers, and a replica
 * that follows them.
 *
 * @module
 */

import type { Output } from "../cli/output.ts";
import { loadConfig, requireReplica } from "../config/load.ts";
import { type ExitStatus, exitStatus } from "../errors.ts";
import { readSnapshot, snapshotPath } from "../stat/snapshot.ts";
import { Replica } from "../supervisor/replica.ts";
import { summarise } from "../supervisor/summary.ts";
import { writeDay } from "./company.ts";
import { makeServer, publish, silent, writeReplicaConfig } from "./stage.ts";

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
  const config = requireReplica(
    await loadConfig(
      await writeReplicaConfig({
        home: folder,
        into: `${folder}/replica`,
        servers: [production, backup],
      }),
    ),
  );
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
