/**
 * The manual page, in the macros of man(7), from the table of commands.
 *
 * @module
 */

import { defaultPaths } from "../config/load.ts";
import { exitStatuses } from "../errors.ts";
import {
  type Argument,
  type Command,
  globalOptions,
  type Option,
  typed,
} from "./command.ts";
import {
  bold,
  escape,
  formatPage,
  italic,
  paragraphs,
  seeAlso,
  tagged,
  text,
} from "./manual-macros.ts";

/** Returns relais(1). */
export function formatManual(commands: readonly Command[]): string {
  return formatPage(title, [
    ".SH NAME",
    `relais \\- keep a copy of chosen files of a production server, over SFTP`,
    ".SH SYNOPSIS",
    ...commands.flatMap(synopsis),
    ".SH DESCRIPTION",
    ...paragraphs([
      "relais keeps a copy, on a small Linux server, of chosen files that live on a production UNIX server, and takes them from its backup server when production is down.",
      "Options may stand before or after the command; -- ends them. Of an option given twice the last one holds. Results go to standard output, everything else to standard error.",
    ]),
    ".SH COMMANDS",
    ...commands.flatMap(describeCommand),
    ".SH OPTIONS OF EVERY COMMAND",
    ...globalOptions.flatMap(describeOption),
    ".SH EXIT STATUS",
    ...exitStatuses.flatMap(({ status, meaning, shown }) =>
      tagged(
        bold(status),
        shown === undefined ? meaning : `${meaning} (systemd: ${shown})`,
      )
    ),
    ...paragraphs([
      "systemd shows each number with a name of its own, such as status=3/NOTIMPLEMENTED; the names say nothing about relais.",
    ]),
    ".SH ENVIRONMENT",
    ...environment.flatMap(([name, meaning]) => tagged(bold(name), meaning)),
    ".SH FILES",
    ...files.flatMap(([path, meaning]) => tagged(italic(path), meaning)),
    ...seeAlso([
      "relais-publish-sh(1)",
      "relais-list(5)",
      "relais.toml(5)",
      "sftp(1)",
      "ssh-keyscan(1)",
      "sshd_config(5)",
      "systemd.timer(5)",
    ]),
  ]);
}

const title = {
  name: "relais",
  section: 1,
  volume: "User Commands",
  source: "lib/commands/",
};

const environment = [
  [
    "CACHE_DIRECTORY, XDG_CACHE_HOME, HOME, TMPDIR",
    "Where a self-extracting executable unpacks itself: the first of $CACHE_DIRECTORY, $XDG_CACHE_HOME/relais, $HOME/.cache/relais, /var/cache/relais and a directory of the account in $TMPDIR that can be used.",
  ],
  [
    "CREDENTIALS_DIRECTORY",
    "Where systemd puts private keys; one of them takes the place of the file that the configuration names.",
  ],
  ["NOTIFY_SOCKET, WATCHDOG_USEC", "Where systemd hears how the loop does."],
  [
    "PAGER, LESS",
    "What shows a long list on a terminal, less if nothing is said, and its options. An empty PAGER: nothing does.",
  ],
  ["SSH_AUTH_SOCK", "The socket of the agent, for servers with agent = true."],
] as const;

const files = [
  [
    defaultPaths.join(", "),
    "The configuration, see relais.toml(5); relais init writes one.",
  ],
  [
    "/var/lib/relais",
    "The state, if the configuration does not say otherwise.",
  ],
  ["/var/log/relais/relais.log", "The log, likewise."],
  [
    "/etc/relais/NAME.toml, /var/lib/relais/NAME",
    "Configuration and state of the job NAME.",
  ],
  ["/var/log/relais/NAME/relais.log", "Its log."],
  [".relais/list", "In the export on a server: the list of published files."],
] as const;

function synopsis(command: Command): string[] {
  const words = command.arguments.map(({ name, required }) =>
    required ? italic(name.toUpperCase()) : `[${italic(name.toUpperCase())}]`
  );
  const options = command.options.map((option) => `[${optionName(option)}]`);
  return [".br", [bold(typed(command.name)), ...options, ...words].join(" ")];
}

function describeCommand(command: Command): string[] {
  return [
    `.SS ${escape(typed(command.name))}`,
    ...paragraphs(command.description),
    ...command.arguments.flatMap(describeArgument),
    ...command.options.flatMap(describeOption),
    ...command.examples.flatMap(({ line, help }) => [
      ".PP",
      `${text(`For example, ${help}:`)}`,
      ".PP",
      `.RS\n.B ${escape(line)}\n.RE`,
    ]),
  ];
}

function describeArgument({ name, help, choices }: Argument): string[] {
  return tagged(italic(name.toUpperCase()), sentence(help, choices));
}

function describeOption(option: Option): string[] {
  const standard = option.kind === "flag" || option.default === undefined
    ? ""
    : ` (default: ${option.default})`;
  const choices = option.kind === "choice" ? option.choices : undefined;
  const short = option.short === undefined
    ? ""
    : `${bold(`-${option.short}`)}, `;
  return tagged(
    short + optionName(option),
    sentence(option.help, choices) + standard,
  );
}

function sentence(
  help: string,
  choices: readonly string[] | undefined,
): string {
  return choices === undefined || help.includes(choices[0]!)
    ? help
    : `${help}: ${choices.join(", ")}`;
}

function optionName(option: Option): string {
  const name = bold(`--${option.long}`);
  return option.kind === "flag" ? name : `${name} ${italic(option.value)}`;
}
