/**
 * Options as `parseArgs` of `@std/cli` reads them without guessing.
 *
 * Left to itself it takes `-vn50` for `-v` with the value `n50`, `--once true`
 * for a value of a flag, and `--once=no` for `--once`. So every option is first
 * spelled out: `-vn50` becomes `--verbose=true --lines=50`.
 *
 * @module
 */

import type { Option } from "./command.ts";

/** The value that a flag is spelled out with. */
export const flagGiven = "true";

/** Spells out the options among `args`, up to a `--`; what is no option of `options` is left as it is. */
export function spellOut(
  args: readonly string[],
  options: readonly Option[],
): string[] {
  const found = args.indexOf("--");
  const end = found === -1 ? args.length : found;
  return [
    ...args.slice(0, end).flatMap((argument) => spelled(argument, options)),
    ...args.slice(end),
  ];
}

function spelled(argument: string, options: readonly Option[]): string[] {
  if (!argument.startsWith("-")) return [argument];
  if (!argument.startsWith("--")) return spelledLetters(argument, options);
  const option = options.find(({ long }) => argument === `--${long}`);
  return [option?.kind === "flag" ? `${argument}=${flagGiven}` : argument];
}

/** Spells out `-v`, `-vq`, `-n50`, `-n=50` and `-vn50`. */
function spelledLetters(
  argument: string,
  options: readonly Option[],
): string[] {
  const option = options.find(({ short }) => short === argument[1]);
  if (option === undefined) return [argument];
  const long = `--${option.long}`;
  const rest = argument.slice(2);
  if (rest === "") return spelled(long, options);
  if (option.kind !== "flag" || /^\W/.test(rest)) {
    return [`${long}=${rest.replace(/^=/, "")}`];
  }
  return [`${long}=${flagGiven}`, ...spelledLetters(`-${rest}`, options)];
}
