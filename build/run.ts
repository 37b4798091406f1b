/**
 * Programs that a build runs.
 *
 * @module
 */

/** Options of a run. */
export interface RunOptions {
  readonly cwd?: string | URL;
  readonly env?: Record<string, string>;
}

/**
 * Runs a program; returns what it prints.
 *
 * @throws {Error} If it fails.
 */
export async function run(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    ...options,
    args: [...args],
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (success) return text(stdout);
  throw new Error(`Cannot run ${program}: ${text(stderr).trim()}`);
}
