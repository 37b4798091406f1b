/**
 * What the system says of a call that failed, for people.
 *
 * @module
 */

/**
 * Returns the reason alone: without the number of the error, and without the call and its
 * path, which may lead through a descriptor and mean nothing to a reader.
 */
export function systemReason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message
    // Deno: "No such file or directory (os error 2): open '/a'".
    .replace(/ \(os error \d+\).*$/s, "")
    // node:fs: "ENOENT: no such file or directory, open '/a'".
    .replace(/^E[A-Z0-9]+: (.*?)(?:, \w+(?: '.*)?)?$/s, "$1");
}
