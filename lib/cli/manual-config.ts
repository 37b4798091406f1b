/**
 * The manual page of the configuration, in the macros of man(7), from the tables
 * of the schema.
 *
 * @module
 */

import { defaultPaths } from "../config/load.ts";
import { sampleConfig, toToml } from "../config/sample.ts";
import { tables } from "../config/schema.ts";
import type { Key, Role, Table } from "../config/table.ts";
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

/** Returns relais.toml(5). */
export function formatConfigManual(): string {
  return formatPage(title, [
    ".SH NAME",
    "relais.toml \\- configuration of relais",
    ".SH SYNOPSIS",
    `${[...defaultPaths, "/etc/relais/NAME.toml"].map(italic).join(",\n")}`,
    ".SH DESCRIPTION",
    ...paragraphs(description),
    ".SH VALUES",
    ...values.flatMap(([name, meaning]) => tagged(name, meaning)),
    ".SH TABLES",
    ...Object.values<Table>(tables).flatMap(describeTable),
    ".SH EXAMPLES",
    ...example("A replica of two servers:", "replica"),
    ...example("A server that publishes:", "publisher"),
    ...seeAlso([
      "relais(1)",
      "relais-list(5)",
      "sshd_config(5)",
      "systemd.exec(5)",
    ]),
  ]);
}

const title = {
  name: "relais.toml",
  section: 5,
  volume: "File Formats",
  source: "lib/config/tables/",
};

const description = [
  `relais reads ${
    defaultPaths.join(" or else ")
  }; --config names another file, and --job NAME is /etc/relais/NAME.toml. The file is TOML in UTF-8: tables in brackets, and below each its keys.`,
  "relais init writes a commented file, with --replica or --publisher for one role alone. A replica needs [replica] and at least one [[server]], a server that publishes needs [publish]. Every other table and key can be left out: its default holds.",
  "After a change, relais check names everything that is wrong, with the line and what to write instead. An unknown key is an error, so that no misspelt one is passed over. A timer takes the new file at its next pass, the loop after systemctl reload relaisd. The units allow what the configuration names and nothing else: after a change of a path, an account or a schedule, run relais unit --install again.",
];

const values = [
  [
    "Durations",
    '"500ms", "5s", "1m30s", "2h", "1d"; units from the longest to the shortest. "0" needs no unit.',
  ],
  [
    "Sizes",
    '"10MB", "64KiB", "1.5 GB". kB, KB, MB, GB and TB are powers of 1000; KiB, MiB, GiB and TiB are powers of 1024.',
  ],
  [
    "Paths",
    "Absolute, without ~ and without variables. The account that runs relais must be able to use them.",
  ],
  [
    "Globs",
    "* and ? match within one part of a path, ** across parts, [a-z] one character, {a,b} either. A glob without / matches a name at any depth; one with / matches from the top. One that matches a directory covers all that is in it.",
  ],
] as const;

function describeTable(
  { header, help, keys }: Table,
): string[] {
  return [
    `.SS ${escape(header)}`,
    ...paragraphs([help]),
    ...Object.entries(keys).flatMap(describeKey),
  ];
}

function describeKey([name, key]: [string, Key]): string[] {
  const { kind, help, example, optional } = key;
  const otherwise = key.default !== undefined
    ? `Default: ${toToml(key.default)}`
    : optional
    ? "Default: none"
    : "Required";
  return [
    ...tagged(bold(name), help),
    ".br",
    text(`Value: ${kind.what}`),
    ".br",
    text(otherwise),
    ...example === undefined ? [] : shown(`${name} = ${toToml(example)}`),
  ];
}

/** An example as it can be copied, on one line. */
function shown(line: string): string[] {
  const label = line.length > longestLabelled ? "Example:\n" : "Example: ";
  return [".nf", ...`${label}${line}`.split("\n").map(text), ".fi"];
}

/** What fits beside its label on a terminal of 80 columns. */
const longestLabelled = 55;

/** Shows what a role must set, which is what its sample sets. */
function example(what: string, role: Role): string[] {
  const lines = sampleConfig(role).split("\n")
    .map((line) => line.replace(/ +# .*$/, ""))
    .filter((line) => !line.startsWith("#"));
  const set = lines.join("\n").replaceAll(/^\[\w+\]\n(?!\w)/gm, "")
    .replaceAll(/\n{2,}/g, "\n\n").trim();
  return [
    ".PP",
    text(what),
    ".PP",
    ".RS",
    ".nf",
    ...set.split("\n").map(text),
    ".fi",
    ".RE",
  ];
}
