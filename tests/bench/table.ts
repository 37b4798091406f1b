/**
 * What was measured, as a table.
 *
 * @module
 */

/** What one tool took for one piece of work: medians of all rounds. */
export interface Row {
  readonly work: string;
  readonly tool: string;
  /** `null`: it was not done in the time it was given. */
  readonly seconds: number | null;
  /** The shortest and the longest time of all rounds. */
  readonly range?: readonly [number, number];
  readonly cpuSeconds: number;
  readonly peakBytes: number;
  /** Bytes between replica and server, both ways. */
  readonly wireBytes: number;
}

/** The middle one of `values`; of an even number the greater of the two. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** Writes rows as a table in Markdown, each with the ratio of relais to it. */
export function formatTable(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const relais = rows.find(({ work, tool }) =>
      work === row.work && tool === "relais"
    );
    return [
      row.work,
      row.tool,
      row.seconds === null ? "too slow" : row.seconds.toFixed(2),
      row.range?.map((seconds) => seconds.toFixed(2)).join("–") ?? "",
      row.cpuSeconds.toFixed(2),
      mebibytes(row.peakBytes),
      mebibytes(row.wireBytes),
      ratio(relais?.seconds ?? null, row.seconds),
    ];
  });
  const head = [
    "work",
    "tool",
    "seconds",
    "from–to",
    "CPU seconds",
    "peak MiB",
    "wire MiB",
    "relais ÷ tool",
  ];
  return [head, head.map(() => "---"), ...lines]
    .map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function ratio(ours: number | null, theirs: number | null): string {
  return ours === null || theirs === null ? "" : (ours / theirs).toFixed(2);
}

function mebibytes(bytes: number): string {
  const value = bytes / 2 ** 20;
  return value < 10 ? value.toFixed(2) : value.toFixed(0);
}
