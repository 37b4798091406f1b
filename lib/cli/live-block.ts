/**
 * Lines at the bottom of a terminal that are redrawn in place.
 *
 * The cursor always rests at the beginning of the first of them. So whoever
 * prints something, the log module in its worker too, erases them by printing
 * {@link eraseBelow} first, and nobody has to know how many there are, or into
 * how many rows a terminal that was made narrower has broken them.
 *
 * @module
 */

import {
  cursorUp,
  cutRows,
  eraseBelow,
  eraseLine,
  eraseRest,
  hideCursor,
  showCursor,
  wrapRows,
} from "../text/terminal.ts";
import { fit } from "./width.ts";

/** Lines that did not change are drawn again so often: a message may have erased them. */
const redrawMs = 1_000;

/** A terminal, as far as it is drawn on. */
export interface Terminal {
  write(text: string): void;
  size(): { readonly columns: number; readonly rows: number };
}

/** The lines; shown from the first {@link show} on until it is disposed of. */
export class LiveBlock implements Disposable {
  readonly #terminal: Terminal;
  #drawn = "";
  #drawnAt = 0;
  /** A process that ends in any other way gives the cursor back, too. */
  readonly #atExit = () => this[Symbol.dispose]();

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /**
   * Shows what `render` makes of the columns there are, in one write, if it
   * differs from what is shown.
   */
  show(render: (columns: number) => readonly string[]): void {
    const { columns, rows } = this.#terminal.size();
    // The last column stays free: some terminals go to the next line after it.
    const width = Math.max(1, columns - 1);
    const lines = render(width).slice(0, Math.max(1, rows - 1))
      .map((line) => fit(line, width) + eraseLine);
    // A terminal may be narrower than it says, for a moment after it was resized.
    const frame = `${cutRows}\r${lines.join("\n")}${eraseRest}${wrapRows}${
      cursorUp(lines.length - 1)
    }\r`;
    const now = performance.now();
    if (frame === this.#drawn && now - this.#drawnAt < redrawMs) return;
    if (this.#drawn === "") globalThis.addEventListener("unload", this.#atExit);
    this.#terminal.write(this.#drawn === "" ? hideCursor + frame : frame);
    this.#drawn = frame;
    this.#drawnAt = now;
  }

  /** Takes the lines away, so that something can be told; the next {@link show} draws them below. */
  erase(): void {
    if (this.#drawn === "") return;
    this.#terminal.write(eraseBelow);
    this.#drawnAt = -Infinity;
  }

  [Symbol.dispose](): void {
    if (this.#drawn === "") return;
    this.#terminal.write(eraseBelow + showCursor);
    this.#drawn = "";
    globalThis.removeEventListener("unload", this.#atExit);
  }
}
