/**
 * Globs on relative paths, as rsync's and git's users write them.
 *
 * @module
 */

import { globToRegExp } from "@std/path/posix";

/**
 * Makes one test of several globs: `*` and `?` within a part, `**` across
 * parts, `[…]` and `{a,b}`. A glob without `/` matches a part at any depth; one
 * with `/` matches from the top. One that matches a directory covers all below
 * it.
 */
export function compileGlobs(
  globs: readonly string[],
): (path: string) => boolean {
  const expressions = globs.map(compile);
  return (path) => expressions.some((expression) => expression.test(path));
}

/** Returns what a glob has to be, if it can match no path as it is. */
export function whatIsExpected(glob: string): string | undefined {
  if (glob === "") return "a text that is not empty";
  if (glob.split("/").includes("..")) return 'a glob without ".."';
  if (/(?:^|\/)\.(?:\/|$)|\/\//.test(glob)) {
    return 'a glob without "./" and "//", which match no path';
  }
  try {
    compile(glob);
    return undefined;
  } catch {
    // A range from a later to an earlier character makes an impossible expression.
    return 'a glob with ranges that go upwards, like "[a-z]"';
  }
}

/**
 * Returns what every path that a glob matches begins with; empty if nothing is
 * known of it.
 */
export function literalPrefix(glob: string): string {
  if (!glob.replace(/\/$/, "").includes("/")) return "";
  return glob.replace(/^\/|\/$/g, "").replace(/[*?[\]{}\\].*$/s, "");
}

function compile(glob: string): RegExp {
  const trimmed = glob.replace(/^\/|\/$/g, "");
  const anchored = glob.replace(/\/$/, "").includes("/");
  const { source } = globToRegExp(anchored ? trimmed : `**/${trimmed}`, {
    extended: false,
    globstar: true,
  });
  // The expression ends in "/*$": whatever lies below what it matches matches too.
  return new RegExp(source.replace(/\$$/, "(?:/.*)?$"), "s");
}
