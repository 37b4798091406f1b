/**
 * Running a command, and what it took: time, CPU, memory.
 *
 * @module
 */

/** What one run of a command took. */
export interface Measured {
  readonly seconds: number;
  /** User and system, of the command and all it started. */
  readonly cpuSeconds: number;
  /** The most that the command and all it started had in memory at once, in bytes. */
  readonly peakBytes: number;
  readonly stdout: string;
}

/** How often memory is looked at. */
const sampleMs = 25;

/** Says what the command and all it started took, bash(1). */
const timed = `"$@"; status=$?; times >&3; exit $status`;

/**
 * Runs `argv` to its end.
 *
 * @throws {Error} If it fails, or is not done after `limitSeconds`.
 */
export async function measure(
  argv: readonly string[],
  limitSeconds: number,
): Promise<Measured> {
  const times = await Deno.makeTempFile();
  const started = performance.now();
  const child = new Deno.Command("bash", {
    args: [
      "-c",
      `exec 3>"$0"; ${timed}`,
      times,
      ...["timeout", String(limitSeconds)],
      ...argv,
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let peakBytes = 0;
  let known = new Set<number>();
  const sampling = setInterval(() => {
    const sizes = memoryOf(child.pid);
    // A process just forked still shares the memory of its parent: it counts from the second look on.
    const bytes = [...sizes].reduce(
      (sum, [pid, size]) => known.has(pid) ? sum + size : sum,
      0,
    );
    peakBytes = Math.max(peakBytes, bytes);
    known = new Set(sizes.keys());
  }, sampleMs);
  const { code, stdout, stderr } = await child.output();
  const seconds = (performance.now() - started) / 1_000;
  clearInterval(sampling);
  const cpuSeconds = parseTimes(await Deno.readTextFile(times));
  await Deno.remove(times);
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (code === timedOut) {
    throw new TooSlow(`${argv[0]} takes more than ${limitSeconds} s`);
  }
  if (code !== 0) {
    throw new Error(`${argv.join(" ")}: exit ${code}: ${text(stderr)}`);
  }
  return { seconds, cpuSeconds, peakBytes, stdout: text(stdout) };
}

/** A command was not done in time. */
export class TooSlow extends Error {}

/** Exit status of timeout(1). */
const timedOut = 124;

/** Reads what `times` says: a line for the shell, and one for its children, like `0m0.154s 0m0.461s`. */
export function parseTimes(text: string): number {
  return [...text.matchAll(/(\d+)m([\d.]+)s/g)]
    .reduce(
      (sum, [, minutes, seconds]) =>
        sum + 60 * Number(minutes) + Number(seconds),
      0,
    );
}

/** What a process and each of its descendants have in memory, in bytes; proc(5). */
function memoryOf(pid: number, sizes = new Map<number, number>()) {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    sizes.set(pid, 1_024 * Number(/^VmRSS:\s*(\d+)/m.exec(status)?.[1] ?? 0));
    const children = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`);
    for (const child of children.split(" ").filter((child) => child !== "")) {
      memoryOf(Number(child), sizes);
    }
  } catch {
    // It has ended meanwhile.
  }
  return sizes;
}
