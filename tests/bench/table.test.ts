import { assertEquals } from "@std/assert";
import { parseTimes } from "./measure.ts";
import { formatTable, median } from "./table.ts";

Deno.test("median() takes the middle one, whatever the order", () => {
  assertEquals(median([3, 1, 2]), 2);
  assertEquals(median([10, 9]), 10);
});

Deno.test("parseTimes() adds up a shell's own time and its children's", () => {
  assertEquals(parseTimes("0m0.004s 0m0.002s\n1m2.500s 0m0.494s\n"), 63);
});

Deno.test("formatTable() holds each tool against relais, on the same work", () => {
  const figures = { cpuSeconds: 1, peakBytes: 2 ** 20, wireBytes: 2 ** 24 };
  const table = formatTable([
    { work: "a", tool: "relais", seconds: 1, range: [0.5, 2], ...figures },
    { work: "a", tool: "rsync", seconds: 4, ...figures },
    { work: "a", tool: "lftp", seconds: null, ...figures },
  ]);
  assertEquals(table.split("\n").slice(2), [
    "| a | relais | 1.00 | 0.50–2.00 | 1.00 | 1.00 | 16 | 1.00 |",
    "| a | rsync | 4.00 |  | 1.00 | 1.00 | 16 | 0.25 |",
    "| a | lftp | too slow |  | 1.00 | 1.00 | 16 |  |",
  ]);
});
