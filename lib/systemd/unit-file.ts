/**
 * Unit files, as systemd.syntax(7) describes them.
 *
 * @module
 */

/** One setting, or a comment above the next one. */
export type Setting = readonly [key: string, value: string] | string;

/** A unit: its file name, and its sections in order. */
export interface Unit {
  readonly name: string;
  readonly sections: Readonly<Record<string, readonly Setting[]>>;
}

/** What every unit begins with that relais has written. */
export const mark = "# Written by relais unit.";

/** Formats a unit as the text of its file. */
export function formatUnit({ name, sections }: Unit): string {
  const paragraphs = Object.entries(sections).map(([title, settings]) =>
    [`[${title}]`, ...settings.map(formatSetting)].join("\n")
  );
  const advice = `# Put changes into a file beside it: systemctl edit ${name}`;
  return `${mark}\n${advice}\n\n${paragraphs.join("\n\n")}\n`;
}

function formatSetting(setting: Setting): string {
  if (typeof setting === "string") return `# ${setting}`;
  const [key, value] = setting;
  return `${key}=${value}`;
}

/** Writes a path as one word of a setting; `%` begins a specifier. */
export function word(text: string): string {
  const escaped = text.replaceAll("%", "%%");
  if (!/["'\\\s;#]/.test(escaped) && escaped !== "") return escaped;
  return `"${escaped.replaceAll(/["\\]/g, "\\$&").replaceAll("\t", "\\t")}"`;
}

/** Writes a command line; `$` begins a variable. */
export function commandLine(argv: readonly string[]): string {
  return argv.map((argument) => word(argument.replaceAll("$", "$$$$"))).join(
    " ",
  );
}
