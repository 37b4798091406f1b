/**
 * Files on their way from the sources into the export and its list: stage,
 * barrier, rename, barrier, and only then a line that names the file. See
 * docs/durability.md.
 *
 * @module
 */

import type { Destination } from "../files/destination.ts";
import type { Durability } from "../files/durability.ts";
import { NoRoomError } from "../files/space.ts";
import { type Exported, type Exporter, isFull } from "./export.ts";
import type { Failures } from "./failures.ts";
import type { ListWriter } from "./list-writer.ts";
import type { Signatures } from "./signatures.ts";
import type { Unsure } from "./unsure.ts";

/** Files and bytes that one barrier makes durable together: each takes two processes, which cost as much as some dozen files. */
const mostFiles = 2_048;
const mostBytes = 64 * 1024 * 1024;

/** What a batch works with. */
export interface BatchTools {
  readonly exporter: Exporter;
  readonly destination: Destination;
  readonly durability: Durability;
  readonly signatures: Signatures;
  readonly list: ListWriter;
  readonly unsure: Unsure;
  readonly failures: Failures;
  /** The day under which what is replaced is kept; `null`: it is not kept. */
  readonly keptUnder: string | null;
  readonly onPublished: (path: string, size: number) => void;
  readonly onRetried: (path: string) => void;
}

/** Publishes files, as many together as one barrier is worth. */
export class Batch {
  readonly #tools: BatchTools;
  /** Files that the disk had no room for. */
  readonly unfit = new Set<string>();
  published = 0;
  publishedBytes = 0;
  #files: { path: string; file: Exported }[] = [];
  #bytes = 0;
  #staged = 0;

  constructor(tools: BatchTools) {
    this.#tools = tools;
  }

  /**
   * Stages a source; what is wrong with it is noted.
   *
   * @throws {LocalError} If the export cannot be written.
   */
  async stage(path: string): Promise<void> {
    try {
      await this.#stage(path);
    } catch (error) {
      if (error instanceof NoRoomError) await this.#stageLater(path);
      else this.#tools.failures.addOrThrow(path, error);
    }
    if (this.#files.length >= mostFiles || this.#bytes >= mostBytes) {
      await this.commit();
    }
  }

  /** Puts what is staged in place, and has the list name it. */
  async commit(): Promise<void> {
    const files = this.#files;
    if (files.length === 0) return;
    const { destination, durability, list, unsure } = this.#tools;
    this.#files = [];
    this.#bytes = 0;
    unsure.note(files.map(({ path }) => path));
    await durability.barrier(destination.into);
    const placed = files.filter(({ path, file }) => this.#place(path, file));
    await durability.barrier(destination.into);
    for (const { path, file } of placed) this.#append(path, file);
    await list.sync();
  }

  async #stage(path: string): Promise<void> {
    const { destination, exporter, onRetried } = this.#tools;
    const file = await exporter.stage(
      path,
      `${destination.staging}/${++this.#staged}`,
      () => onRetried(path),
    );
    this.#files.push({ path, file });
    this.#bytes += file.size;
    this.unfit.delete(path);
  }

  /** The disk is full: what is staged is published, which may replace what is larger. */
  async #stageLater(path: string): Promise<void> {
    const retries = this.#files.length > 0;
    await this.commit();
    this.unfit.add(path);
    if (!retries) return;
    try {
      await this.#stage(path);
    } catch (error) {
      if (error instanceof NoRoomError) return;
      this.#tools.failures.addOrThrow(path, error);
    }
  }

  #place(path: string, { staged, signature, digest }: Exported): boolean {
    const { destination, signatures, list, keptUnder } = this.#tools;
    try {
      if (signature !== null) signatures.place(signature, digest);
      if (keptUnder !== null && list.live.has(path)) {
        destination.keep(path, keptUnder);
      }
      destination.place(staged, path);
      return true;
    } catch (error) {
      if (isFull(error)) this.unfit.add(path);
      else this.#tools.failures.addOrThrow(path, error);
      return false;
    }
  }

  #append(path: string, { size, mtime, mode, digest }: Exported): void {
    this.#tools.list.append({ op: "+", mtime, size, mode, digest, path });
    this.published++;
    this.publishedBytes += size;
    this.#tools.onPublished(path, size);
  }
}
