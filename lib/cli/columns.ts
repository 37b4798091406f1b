/**
 * Tables for a terminal.
 *
 * @module
 */

/** One column: its heading, and the side its cells stand at. */
export interface Column {
  readonly name: string;
  readonly align: "left" | "right";
}

/** Two columns are so far apart. */
const gap = "  ";

/** Returns the lines of a table: the headings, then the rows, each as wide as it needs. */
export function formatColumns(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string[] {
  const lines = [columns.map(({ name }) => name), ...rows];
  const widths = columns.map((_, index) =>
    Math.max(...lines.map((cells) => [...cells[index]!].length))
  );
  return lines.map((cells) =>
    cells.map((cell, index) => {
      const space = " ".repeat(widths[index]! - [...cell].length);
      return columns[index]!.align === "left" ? cell + space : space + cell;
    }).join(gap).trimEnd()
  );
}
