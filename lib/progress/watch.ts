/**
 * A pass, watched on a terminal: what the stats block says several times a
 * second, drawn in place.
 *
 * @module
 */

import type { StatsBlock } from "../worker/stats-block.ts";
import type { Stage } from "./progress.ts";
import { LiveBlock, type Terminal } from "../cli/live-block.ts";
import { type Progress, renderProgress } from "./progress.ts";
import { Rate } from "../cli/rate.ts";

/** Between two frames: about as fast as figures can be read. */
const frameMs = 150;

/** Draws how far passes are. */
export class ProgressWatch {
  readonly #terminal: Terminal;
  #pass: WatchedPass | undefined;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Draws until what it returns is disposed of; `stats` has the figures. */
  begin(stats: StatsBlock): Disposable {
    const pass = new WatchedPass(stats, new LiveBlock(this.#terminal));
    this.#pass = pass;
    return pass;
  }

  /** Hears what the pass does from now on. */
  enter(stage: Stage): void {
    this.#pass?.enter(stage);
  }

  /** Makes room for something to be told. */
  erase(): void {
    this.#pass?.erase();
  }
}

/** One pass on the terminal. */
class WatchedPass implements Disposable {
  readonly #stats: StatsBlock;
  readonly #block: LiveBlock;
  readonly #timer = setInterval(() => this.#draw(), frameMs);
  #progress: (() => Progress) | undefined;

  constructor(stats: StatsBlock, block: LiveBlock) {
    this.#stats = stats;
    this.#block = block;
  }

  enter(stage: Stage): void {
    this.#progress = this.#follow(stage);
  }

  erase(): void {
    this.#block.erase();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#progress = undefined;
    this.#block[Symbol.dispose]();
  }

  #draw(): void {
    if (this.#progress === undefined) return;
    const progress = this.#progress();
    this.#block.show((columns) => renderProgress(progress, columns));
  }

  /** Returns what tells how far a stage is that begins now. */
  #follow(stage: Stage): () => Progress {
    switch (stage.module) {
      case "test-server":
        return () => stage;
      case "synchro-list": {
        const began = this.#list();
        return () => {
          const { entries, bytes } = this.#list();
          return {
            ...stage,
            entries: entries - began.entries,
            bytes: bytes - began.bytes,
          };
        };
      }
      case "copy-list": {
        const { module, server, backlog: wanted } = stage;
        const began = this.#copies();
        const rate = new Rate(performance.now(), began.received);
        return () => {
          const now = this.#copies();
          return {
            module,
            server,
            wanted,
            files: now.files - began.files,
            bytes: now.bytes - began.bytes,
            bytesPerSecond: rate.update(performance.now(), now.received),
          };
        };
      }
    }
  }

  #list(): { entries: number; bytes: number } {
    const section = this.#stats.section("synchro-list");
    return {
      entries: Number(section.get("lines_read")),
      bytes: Number(section.get("received_bytes")),
    };
  }

  #copies(): { files: number; bytes: number; received: number } {
    const section = this.#stats.section("copy-list");
    const figure = (name: Parameters<typeof section.get>[0]) =>
      Number(section.get(name));
    const received = figure("received_bytes");
    return {
      files: figure("files_fetched") + figure("files_adopted"),
      bytes: received + figure("bytes_reused") + figure("bytes_adopted"),
      received,
    };
  }
}
