/**
 * The command line, declared once: what is parsed, the help, shell completions
 * and manual pages all come from this table.
 *
 * @module
 */

import { levels } from "../config/config.ts";
import { moduleNames } from "../protocol.ts";
import { steps } from "../history/step.ts";
import { defaultListen } from "../serve/listen.ts";
import type { Command, Option } from "./option.ts";

/** The shells that can be taught. */
export const shells = ["bash", "zsh", "fish"] as const;

/** The options every command has. */
export const globalOptions = [
  {
    long: "config",
    short: "c",
    kind: "path",
    value: "FILE",
    help: "read the configuration from FILE",
    default: "/etc/relais/relais.toml, then ./relais.toml",
  },
  {
    long: "json",
    kind: "flag",
    help: "give results as JSON, one document; a line each for what streams",
  },
  {
    long: "verbose",
    short: "v",
    kind: "flag",
    help: "tell more",
    conflicts: "quiet",
  },
  {
    long: "quiet",
    short: "q",
    kind: "flag",
    help: "tell only warnings and errors",
    conflicts: "verbose",
  },
  { long: "help", short: "h", kind: "flag", help: "show this help" },
  { long: "version", short: "V", kind: "flag", help: "show the version" },
] as const satisfies readonly Option[];

/** What is run when no command is named. */
export const defaultCommand = "run";

/** How many messages `relais log` shows when not told. */
export const defaultLines = 20;

/** All commands, in the order in which the help shows them. */
export const commands = [
  {
    name: defaultCommand,
    summary: "bring the replica up to date, and keep it so",
    description: [
      "Runs a pass at once, then one every schedule.every: tests the servers, reads what was added to the list of the best one, copies what is new, and starts hooks.on_new.",
    ],
    arguments: [],
    options: [
      { long: "once", kind: "flag", help: "run a single pass" },
      {
        long: "dry-run",
        short: "n",
        kind: "flag",
        help: "say what a pass would do, and write nothing anywhere",
      },
      {
        long: "max-time",
        kind: "duration",
        value: "DURATION",
        help: "stop a pass in good order after DURATION",
        default: "no limit",
      },
      {
        long: "max-transfer",
        kind: "size",
        value: "SIZE",
        help: "copy no more than SIZE in a pass, like 10GB; the next goes on",
        default: "no limit",
      },
      {
        long: "accept-shrink",
        kind: "flag",
        help:
          "with --once: believe a list that lost entries, and delete what it lost",
        needs: "once",
      },
      {
        long: "failback",
        kind: "flag",
        help:
          "with --once: go back to the preferred server that serves, whatever probe.hold and probe.failback say",
        needs: "once",
      },
    ],
    examples: [
      { line: "relais --once", help: "one pass, as a systemd timer runs it" },
      { line: "relais --dry-run --once", help: "what a pass would do" },
    ],
  },
  {
    name: "publish",
    summary: "on a server: copy the configured files into the export",
    description: [
      "Copies the files of publish.files that are new or changed into the export, and adds a line for each to the list: at once, then every schedule.every.",
    ],
    arguments: [],
    options: [
      { long: "once", kind: "flag", help: "run a single time" },
      {
        long: "print-sh",
        kind: "flag",
        help:
          "print a shell script that does it once, for a UNIX that relais does not run on",
      },
    ],
    examples: [
      { line: "relais publish --once", help: "publish once, as cron runs it" },
      {
        line: "relais publish --print-sh > relais-publish.sh",
        help: "for cron on Solaris, AIX, HP-UX, BSD …",
      },
    ],
  },
  {
    name: "check",
    summary: "examine configuration, servers, destination and space",
    description: [
      "Examines the configuration, each server (name, connection, host key, login, list), the destination and its free space, and tells all of it. Changes nothing.",
    ],
    arguments: [],
    options: [],
    examples: [
      {
        line: "relais check --config ./relais.toml",
        help: "before a configuration is put to use",
      },
    ],
  },
  {
    name: "status",
    summary: "the active server, the lag, the last passes, what failed",
    description: [
      "Tells whether all is well, which server is the active one and since when, what the last probes found, how far the replica lags behind, how the last passes ended, and which files could not be copied.",
      "Exits with 0 if all is well, with 1 if not. All is well if the last pass came to its end, and not longer than --max-age ago, if no file failed, and if the lag is not longer than --max-lag.",
      "With --nagios it prints one line with performance data, and exits with 0 (OK), 1 (WARNING: some files failed), 2 (CRITICAL) or 3 (UNKNOWN).",
    ],
    arguments: [],
    options: [
      {
        long: "watch",
        short: "w",
        kind: "flag",
        help: "show it again every two seconds",
      },
      {
        long: "max-lag",
        kind: "duration",
        value: "DURATION",
        help: "not well if the replica lags further behind, like 15m",
        default: "no limit",
      },
      {
        long: "max-age",
        kind: "duration",
        value: "DURATION",
        help: "not well if the last pass ended longer ago",
        default: "1h, or three times schedule.every",
      },
      {
        long: "nagios",
        kind: "flag",
        help: "speak as a Nagios plugin does",
        conflicts: "watch",
      },
    ],
    examples: [
      { line: "relais status --json", help: "the same for a program" },
      {
        line: "relais status --nagios --max-lag 15m",
        help: "as a check of Nagios, Icinga, Checkmk …",
      },
    ],
  },
  {
    name: "stat",
    summary: "the figures each module keeps, and the history",
    description: [
      "Shows the figures that each module keeps of its own work.",
      "With --since it shows what passes came to, added up by the hour or the day, with small charts. The history is kept for stat.keep.",
    ],
    arguments: [],
    options: [
      {
        long: "since",
        kind: "duration",
        value: "DURATION",
        help: "the history of the last DURATION, like 7d",
      },
      {
        long: "by",
        kind: "choice",
        value: "STEP",
        choices: steps,
        help: "a row for each pass, hour or day",
        default: "hour up to 2 days, day beyond",
        needs: "since",
      },
      {
        long: "csv",
        kind: "flag",
        help: "the history as CSV",
        needs: "since",
        conflicts: "json",
      },
    ],
    examples: [
      { line: "relais stat --since 7d", help: "the last week, by the day" },
      {
        line: "relais stat --since 400d --by hour --csv > relais.csv",
        help: "all of it, for a spreadsheet",
      },
    ],
  },
  {
    name: "serve",
    summary: "a page to look at, for a browser and for monitors",
    description: [
      "Serves a read-only page: the active server, lag and files over time, the last passes, failing and newest files, the log as it happens, the figures of each module. It changes nothing, and runs while passes run.",
      "/metrics is for Prometheus; /healthz answers 200 or 503, as relais status exits with 0 or 1.",
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
      {
        long: "max-lag",
        kind: "duration",
        value: "DURATION",
        help: "not well if the replica lags further behind, like 15m",
        default: "no limit",
      },
      {
        long: "max-age",
        kind: "duration",
        value: "DURATION",
        help: "not well if the last pass ended longer ago",
        default: "1h, or three times schedule.every",
      },
    ],
    examples: [
      { line: "relais serve", help: "then look at http://127.0.0.1:7878/" },
      {
        line: "ssh -L 7878:127.0.0.1:7878 replica",
        help: "the same from another machine",
      },
    ],
  },
  {
    name: "log",
    summary: "the messages of all modules",
    description: [
      "Shows the last messages in the log, from the oldest to the newest.",
    ],
    arguments: [],
    options: [
      {
        long: "lines",
        short: "n",
        kind: "integer",
        value: "N",
        help: "show the last N messages",
        default: `${defaultLines}`,
      },
      {
        long: "follow",
        short: "f",
        kind: "flag",
        help: "go on with what arrives",
      },
      {
        long: "module",
        kind: "choice",
        value: "MODULE",
        choices: [...moduleNames, "supervisor"],
        help: "only what this module said",
      },
      {
        long: "level",
        kind: "choice",
        value: "LEVEL",
        choices: levels,
        help: "only this level and graver ones",
      },
    ],
    examples: [
      {
        line: "relais log -f --module copy-list",
        help: "watch files arrive",
      },
    ],
  },
  {
    name: "list",
    summary: "the synchronised list of files",
    description: [
      "Shows the synchronised list: each file with its date, its size and how it stands to what is on the replica.",
    ],
    arguments: [{
      name: "glob",
      required: false,
      help: "only paths that match; quote it from the shell",
    }],
    options: [
      {
        long: "pending",
        kind: "flag",
        help: "only files that are not here yet",
        conflicts: "failed",
      },
      {
        long: "failed",
        kind: "flag",
        help: "only files that could not be copied",
        conflicts: "pending",
      },
    ],
    examples: [
      { line: "relais list 'stock/**/*.csv'", help: "a part of the list" },
      { line: "relais list --pending", help: "what is still to come" },
    ],
  },
  {
    name: "init",
    summary: "a commented configuration to start from",
    description: [
      "Writes a commented configuration to FILE, or to standard output. A file that exists is never overwritten.",
    ],
    arguments: [{
      name: "file",
      kind: "path",
      required: false,
      help: "where to write it; standard output if not given",
    }],
    options: [],
    examples: [{
      line: "relais init /etc/relais/relais.toml",
      help: "on a new replica",
    }],
  },
  {
    name: "unit",
    summary: "the systemd units that run relais here",
    description: [
      "Prints the units that the configuration has work for: a timer with a service that runs one pass, a service that stays, and on a server a timer that publishes. They confine relais to what it needs.",
      "Private keys are handed over by systemd, so that root alone can read their files.",
    ],
    arguments: [],
    options: [
      {
        long: "install",
        kind: "flag",
        help: "write them to where systemd looks, and say how to go on",
      },
      {
        long: "user",
        kind: "flag",
        help: "for a service of the calling user",
        conflicts: "run-as",
      },
      {
        long: "run-as",
        kind: "account",
        value: "ACCOUNT",
        help: "the account that runs relais",
        default: "relais",
        conflicts: "user",
      },
      {
        long: "dynamic-user",
        kind: "flag",
        help:
          "an account that exists only while relais runs; for copies below /var/lib",
        conflicts: "run-as",
      },
    ],
    examples: [
      {
        line: "relais unit --install",
        help: "as root, once relais check is content",
      },
    ],
  },
  {
    name: "completions",
    summary: "completion of the command line for a shell",
    description: [
      "Prints a script that lets a shell complete commands, options and their values.",
    ],
    arguments: [{
      name: "shell",
      required: true,
      choices: shells,
      help: "bash, zsh or fish",
    }],
    options: [],
    examples: [
      {
        line:
          "relais completions bash > /usr/share/bash-completion/completions/relais",
        help: "for all users of bash",
      },
    ],
  },
  {
    name: "demo",
    summary: "the whole story in one temporary folder",
    description: [
      "Plays the whole story on two embedded servers: files are published and copied, production fails, its backup steps in, production comes back. Needs no configuration and touches nothing but one temporary folder.",
    ],
    arguments: [],
    options: [
      { long: "keep", kind: "flag", help: "keep the temporary folder" },
    ],
    examples: [],
  },
  {
    name: "help",
    summary: "this help, or that of a command",
    description: ["Shows this help, or that of a command."],
    arguments: [{
      name: "command",
      kind: "command",
      required: false,
      help: "the command to explain",
    }],
    options: [],
    examples: [],
  },
] as const satisfies readonly Command[];

/** One of the commands. */
export type DeclaredCommand = typeof commands[number];

/** The name of a command. */
export type CommandName = DeclaredCommand["name"];

/** The commands that have a word of their own on the command line. */
export const typedCommands: readonly DeclaredCommand[] = commands.filter(
  ({ name }) => name !== defaultCommand,
);

/** Returns the declaration of a command. */
export function commandNamed(name: CommandName): DeclaredCommand {
  return commands.find((command) => command.name === name)!;
}

/** Returns the options of a command and the global ones. */
export function optionsOf(command: Command): readonly Option[] {
  return [...command.options, ...globalOptions];
}

/** Says how a command is typed: `relais status`, and `relais` for the default one. */
export function typed(name: string): string {
  return name === defaultCommand ? "relais" : `relais ${name}`;
}
