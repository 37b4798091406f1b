/**
 * The configuration that `relais init` writes, from the tables of the schema.
 *
 * @module
 */

import { tables } from "./schema.ts";
import {
  firstSentence,
  type Key,
  type Role,
  type Table,
  type Value,
} from "./table.ts";

/** Longer ones have their comment above them. */
const longestAligned = 42;

/** Columns that a comment on its own lines takes. */
const width = 90;

/** The second server, where it differs from the first. */
const backup: Readonly<Record<string, Value>> = {
  name: "backup",
  host: "192.0.2.11",
};

/**
 * Returns a commented configuration; keys commented out show their defaults, or
 * an example. With every key, or those of a role alone.
 */
export function sampleConfig(role?: Role): string {
  const { publish, ...others } = tables;
  const isPublisher = role === "publisher";
  const inOrder: Table[] = isPublisher
    ? [publish, ...Object.values(others)]
    : Object.values(tables);
  const parts = inOrder.filter((table) => concerns(role, table))
    .map((table) => {
      const text = formatTable(table, role);
      return table === tables.server ? `${text}\n\n${formatBackup()}` : text;
    });
  const what = isPublisher
    ? "what is published, and where to"
    : "what is copied from where, and how";
  return `${[heading(what), ...parts].join("\n\n")}\n`;
}

/** Whether a table or a key is for a role. */
function concerns(
  role: Role | undefined,
  { role: only = role }: { readonly role?: Role },
): boolean {
  return role === undefined || only === role;
}

function heading(what: string): string {
  return `# relais.toml: ${what}. relais.toml(5) explains each key.
# Keys that are commented out show their defaults, if not called an example.
# Durations: "500ms", "5s", "1m30s", "2h", "1d". Sizes: "10MB", "64KiB".`;
}

/** Writes a table. Beside a replica, what is published is an example: all of it is commented out. */
function formatTable(table: Table, role: Role | undefined): string {
  const { header, help, keys } = table;
  const isExample = table.isExample ??
    (role === undefined && table.role === "publisher");
  const first = firstSentence(help);
  const comment = isExample ? `${first} An example.` : first;
  const lines = Object.entries(keys)
    .filter(([, key]) => concerns(role, key))
    .map(([name, key]) => lineOf(name, key, isExample));
  const column = Math.max(
    ...lines.map(({ line }) => line.length)
      .filter((length) => length <= longestAligned),
  );
  return [
    ...wrap(comment),
    isExample ? `# ${header}` : header,
    ...lines.map(({ line, comment }) =>
      line.length > longestAligned
        ? `# ${comment}:\n${line}`
        : `${line.padEnd(column)}  # ${comment}`
    ),
  ].join("\n");
}

function lineOf(
  name: string,
  key: Key,
  isExample: boolean,
): { line: string; comment: string } {
  const isSet = inForce(key);
  const value = isSet || key.sample === "example" ? shownBy(key) : key.default!;
  // A word in capitals keeps them.
  const comment = firstSentence(key.help).slice(0, -1)
    .replace(/^[A-Z](?![A-Z])/, (letter) => letter.toLowerCase());
  const line = `${name} = ${toToml(value)}`;
  return {
    line: isSet && !isExample ? line : `# ${line}`,
    comment: key.sample === "example" ? `example: ${comment}` : comment,
  };
}

/** Whether the sample sets a key: one that must be there, or nearly always is. */
function inForce({ default: standard, optional, sample }: Key): boolean {
  return sample === "set" || (standard === undefined && !optional);
}

/** The value that shows what a key is good for. */
function shownBy({ example, default: standard }: Key): Value {
  // A key has one of them.
  return (example ?? standard)!;
}

/** Writes another server, with what the first one sets. */
function formatBackup(): string {
  const { header, keys } = tables.server;
  const lines = Object.entries<Key>(keys).filter(([, key]) => inForce(key))
    .map(([name, key]) => `${name} = ${toToml(backup[name] ?? shownBy(key))}`);
  return [header, ...lines].join("\n");
}

/** Writes a value as the file spells it. */
export function toToml(value: Value): string {
  return typeof value === "object"
    ? `[${value.map(toToml).join(", ")}]`
    : JSON.stringify(value);
}

/** Breaks a comment into lines. */
function wrap(comment: string): string[] {
  return comment.match(new RegExp(`.{1,${width}}(?: |$)`, "g"))!
    .map((line) => `# ${line.trimEnd()}`);
}
