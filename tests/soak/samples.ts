/**
 * The memory and the open descriptors of a process over time.
 *
 * @module
 */

/** One look at a process. */
export interface Sample {
  /** Since the start, in milliseconds. */
  readonly at: number;
  /** Resident memory in bytes. */
  readonly memory: number;
  readonly descriptors: number;
}

/** More than this, from the second third of the time to the last, is growth. */
const mostGrowth = 1.25;

/** Looks at a process; `undefined` if it is no more. */
export function sample(pid: number, at: number): Sample | undefined {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    const memory = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1_024;
    const descriptors = [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
    return Number.isNaN(memory) ? undefined : { at, memory, descriptors };
  } catch {
    return undefined;
  }
}

/** Says what has grown from the second third of `ms` to the last; `undefined` if nothing has. */
export function grows(
  samples: readonly Sample[],
  ms: number,
): string | undefined {
  const [, second, last] = thirds(samples, ms);
  for (const figure of ["memory", "descriptors"] as const) {
    const before = median(second!.map((one) => one[figure]));
    const after = median(last!.map((one) => one[figure]));
    if (after > before * mostGrowth) {
      return `${figure} grew from ${before} to ${after}`;
    }
  }
  return undefined;
}

/** A table: a row for each third of the time. */
export function formatSamples(samples: readonly Sample[], ms: number): string {
  const rows = thirds(samples, ms).map((part, index) => {
    const memory = part.map((one) => Math.round(one.memory / 2 ** 20));
    const descriptors = part.map((one) => one.descriptors);
    return `third ${index + 1}: memory ${spread(memory)} MiB, descriptors ${
      spread(descriptors)
    }`;
  });
  return rows.join("\n");
}

function thirds(samples: readonly Sample[], ms: number): Sample[][] {
  return [0, 1, 2].map((third) =>
    samples.filter(({ at }) => Math.floor(at / (ms / 3)) === third)
  );
}

function spread(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  return `${sorted[0]} … ${median(sorted)} … ${sorted.at(-1)}`;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
