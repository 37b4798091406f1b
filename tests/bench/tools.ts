/**
 * relais and its peers, and how each is told to bring a directory up to date
 * with an export.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";
import project from "../../deno.json" with { type: "json" };
import { relaisPath } from "../../fixtures/relais.ts";
import type { World } from "../../fixtures/world.ts";

const main = fromFileUrl(new URL("../../main.ts", import.meta.url));

/** What users run; with `--sources` what `deno task relais` runs, without looking at the types each time. */
const run = Deno.args.includes("--sources")
  ? [
    Deno.execPath(),
    ...project.tasks.relais.command.split(" ").slice(1, -1),
    ...["--no-check", "--quiet", main],
  ]
  : [relaisPath];

/** The directory to bring up to date, and the port to reach the server at. */
export interface Task {
  readonly world: World;
  readonly port: number;
  readonly into: string;
  /** Lines for relais's configuration. */
  readonly replica?: string;
  /** Whether what is gone on the server has to go. */
  readonly mirror: boolean;
}

/** A tool that can do the work. */
export interface Tool {
  readonly name: string;
  /** The command whose first line of output is the version. */
  readonly version: readonly string[];
  /** The command to run; `into` is there. */
  command(task: Task): readonly string[];
}

const relais: Tool = {
  name: "relais",
  version: [...run, "--version"],
  command(task) {
    const config = `${task.into}.toml`;
    Deno.writeTextFileSync(config, replicaConfig(task));
    return [...run, "--once", "--json", "--config", config];
  },
};

/** relais, with the system's ssh in the place of its own. */
const relaisByClient: Tool = {
  name: "relais openssh",
  version: ["ssh", "-V"],
  command(task) {
    const config = `${task.into}.toml`;
    const transport = `transport = "openssh"\nssh_config = "/dev/null"\n`;
    Deno.writeTextFileSync(config, replicaConfig(task, transport));
    return [...run, "--once", "--json", "--config", config];
  },
};

/** The loop, a pass each second, which prints a line a pass. */
export function loopCommand(task: Task): readonly string[] {
  const config = `${task.into}.toml`;
  const every = `\n[schedule]\nevery = "1s"\n`;
  Deno.writeTextFileSync(config, replicaConfig(task) + every);
  return [...run, "--json", "--quiet", "--config", config];
}

const rsync: Tool = {
  name: "rsync",
  version: ["rsync", "--version"],
  command(task) {
    const { user, root } = server(task);
    return [
      ...["rsync", "-a", "--exclude=/.relais", "-e", ssh(task)],
      ...(task.mirror ? ["--delete"] : []),
      ...[`${user}@127.0.0.1:${root}/`, task.into],
    ];
  },
};

/** With as many transfers and checkers as its documentation calls many. */
const rclone: Tool = {
  name: "rclone",
  version: ["rclone", "version"],
  command(task) {
    const { user, root, identity, knownHosts } = server(task);
    const remote = `:sftp,host=127.0.0.1,port=${task.port},user=${user},` +
      `key_file=${identity},known_hosts_file=${knownHosts[0]},` +
      `shell_type=none,disable_hashcheck=true:${root}`;
    return [
      ...["rclone", "sync", "--config", "", "--exclude", "/.relais/**"],
      ...["--transfers", "16", "--checkers", "16", remote, task.into],
    ];
  },
};

const lftp: Tool = {
  name: "lftp",
  version: ["lftp", "--version"],
  command(task) {
    const { user, root } = server(task);
    const commands = [
      `set sftp:connect-program "${ssh(task)} -a -x"`,
      "set net:max-retries 1",
      `open -u ${user}, sftp://127.0.0.1`,
      `mirror --parallel=8 --exclude ^\\.relais/ ${root} ${task.into}`,
    ];
    return ["lftp", "-c", commands.join("; ")];
  },
};

/** Copies everything each time: only for first copies. */
const sftp: Tool = {
  name: "sftp",
  version: ["ssh", "-V"],
  command(task) {
    const { user, root } = server(task);
    const script = `get -rp ${root}/. ${task.into}`;
    const [, ...options] = ssh(task, "-P").split(" ");
    const argv = ["sftp", "-q", ...options, "-b", "-", `${user}@127.0.0.1`];
    return ["bash", "-c", `echo "$0" | "$@" >&2`, script, ...argv];
  },
};

/** In the order of the table. */
export const tools: readonly Tool[] = [
  ...[relais, relaisByClient],
  ...[rsync, sftp, rclone, lftp],
];

function server({ world }: Task) {
  const { sshd, root } = world.production;
  return sshd.serverConfig("production", root);
}

/** An ssh command without blanks in its words. */
function ssh(task: Task, portOption = "-p"): string {
  const { identity, knownHosts } = server(task);
  return `ssh ${portOption} ${task.port} -i ${identity} -o UserKnownHostsFile=${
    knownHosts[0]
  }`;
}

/** @param more Lines for `[[server]]`. */
function replicaConfig(task: Task, more = ""): string {
  const { user, root, identity, knownHosts } = server(task);
  return `[[server]]
name = "production"
host = "127.0.0.1"
port = ${task.port}
user = "${user}"
identity = "${identity}"
known_hosts = ${JSON.stringify(knownHosts)}
root = "${root}"
${more}
[replica]
into = "${task.into}"
state = "${task.into}.state"
${task.replica ?? ""}
${task.mirror ? `delete = "remove"\nmax_delete = "100%"` : ""}

[log]
file = "${task.into}.log"
`;
}
