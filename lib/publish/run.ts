/**
 * One run of publish: what is new is exported and listed, what is gone withdrawn.
 *
 * @module
 */

import type { PublishConfig } from "../config/config.ts";
import { leastSigned } from "../delta/least-signed.ts";
import { LocalError, StoppedError } from "../errors.ts";
import { adopt } from "../files/adopt.ts";
import type { Destination } from "../files/destination.ts";
import type { Durability } from "../files/durability.ts";
import { ownDirectoryOf } from "../files/own-directory.ts";
import { seenName } from "../list/charset.ts";
import type { Digest } from "../list/entry.ts";
import type { NotFile } from "../list/not-files.ts";
import { above, directoriesAbove } from "../list/path.ts";
import type { FailedFile } from "../state/pass-report.ts";
import { dayOf } from "../text/timestamp.ts";
import { Pacer } from "../worker/pacer.ts";
import { Batch } from "./batch.ts";
import { Exporter } from "./export.ts";
import { Failures } from "./failures.ts";
import { refusalToWithdraw } from "./guard.ts";
import type { ListWriter } from "./list-writer.ts";
import type { PublishReport, PublishRequest } from "./operations.ts";
import { PassedOver } from "./passed-over.ts";
import { Places } from "./places.ts";
import { Presence } from "./presence.ts";
import { Signatures } from "./signatures.ts";
import type { Sources } from "./sources.ts";
import { Unsure } from "./unsure.ts";

/** Hears of what happens, to count and log it. */
export interface PublishObserver {
  published(path: string, size: number): void;
  withdrawn(path: string): void;
  failed(file: FailedFile): void;
  /** Of what is no file, and was not there in the last run. */
  passedOver(path: string, kind: NotFile): void;
  retried(path: string): void;
  mended(what: string): void;
}

/** How one run goes about it. */
interface How extends Pick<PublishRequest, "verify" | "only"> {
  /** Ends it in good order. */
  readonly signal: AbortSignal | undefined;
}

/** What one run works with. */
export interface RunTools {
  readonly config: PublishConfig;
  readonly how: How;
  readonly sources: Sources;
  readonly destination: Destination;
  readonly durability: Durability;
  readonly observer: PublishObserver;
  readonly list: ListWriter;
}

/** One run. */
export class Run {
  readonly #config: PublishConfig;
  readonly #how: How;
  readonly #sources: Sources;
  readonly #destination: Destination;
  readonly #presence: Presence;
  readonly #passedOver: PassedOver;
  readonly #durability: Durability;
  readonly #observer: PublishObserver;
  readonly #list: ListWriter;
  readonly #signatures: Signatures;
  readonly #failures: Failures;
  readonly #unsure: Unsure;
  readonly #batch: Batch;
  readonly #started = performance.now();
  readonly #day = dayOf(Date.now());
  /** Paths that this run has met and the list does not name. */
  readonly #named = new Set<string>();
  /** Made when first needed: most runs find nothing new. */
  #places: Places | undefined;
  /** Sources whose place in the export is taken by what is about to be withdrawn. */
  readonly #later: string[] = [];
  #scanned = 0;
  #unchanged = 0;
  /** Files that the export should have had, and had not. */
  #damaged = 0;

  constructor(
    { config, how, sources, destination, durability, observer, list }: RunTools,
  ) {
    this.#config = config;
    this.#how = how;
    this.#presence = new Presence(destination);
    this.#passedOver = new PassedOver(ownDirectoryOf(config));
    this.#sources = sources;
    this.#destination = destination;
    this.#durability = durability;
    this.#observer = observer;
    this.#list = list;
    this.#unsure = new Unsure(destination.journal);
    this.#failures = new Failures(
      config.into,
      (file) => observer.failed(file),
    );
    this.#signatures = new Signatures(config.into, config.signatures);
    this.#batch = new Batch({
      destination,
      durability,
      list,
      exporter: new Exporter(sources, this.#signatures, config.into),
      signatures: this.#signatures,
      unsure: this.#unsure,
      failures: this.#failures,
      keptUnder: this.#keeps ? this.#day : null,
      onPublished: (path, size) => this.#hasPublished(path, size),
      onRetried: (path) => observer.retried(path),
    });
  }

  /**
   * Publishes what is new, and withdraws what is gone.
   *
   * @throws {LocalError} If the export cannot be written, or has no room.
   * @throws {RefusedError} If too much is gone; what is new is published all the same.
   * @throws {StoppedError} If it was stopped; what was copied by then is listed.
   */
  async publish(): Promise<PublishReport> {
    for (const what of this.#list.mended) this.#observer.mended(what);
    const listed = this.#list.live.size;
    await this.#scan();
    const { maxWithdraw } = this.#config;
    const gone = this.#gone();
    const refusal = refusalToWithdraw(gone.length, listed, maxWithdraw);
    const withdrawn = refusal === undefined ? gone : [];
    await this.#withdraw(withdrawn);
    await this.#takeLater(withdrawn.length > 0);
    if (this.#batch.published + withdrawn.length > 0) {
      this.#signatures.prune(this.#signed());
    }
    await this.#settle();
    if (refusal !== undefined) throw refusal;
    if (this.#batch.unfit.size > 0) throw this.#noRoom();
    return this.#report(withdrawn.length);
  }

  /** Looks at all sources, and publishes what is new or has changed. */
  async #scan(): Promise<void> {
    const pacer = new Pacer();
    for (const found of this.#sources.find(this.#how.only)) {
      await pacer.pause();
      await this.#endIfStopped();
      if ("passedOver" in found) {
        const { path, passedOver: kind } = found;
        const isNew = this.#passedOver.add(kind, path);
        if (isNew) this.#observer.passedOver(path, kind);
        continue;
      }
      this.#scanned++;
      // Most are in the list: what only one of the two has takes less memory.
      if (!this.#list.live.mark(found.path)) this.#named.add(found.path);
      if ("failed" in found) this.#failures.add(found.path, found.failed);
      else await this.#take(found.path);
    }
    await this.#batch.commit();
  }

  /** Publishes what had no place until now, and no room, if what was withdrawn has made some. */
  async #takeLater(hasRoom: boolean): Promise<void> {
    const pacer = new Pacer();
    for (const path of [...this.#later, ...hasRoom ? this.#batch.unfit : []]) {
      await pacer.pause();
      await this.#endIfStopped();
      await this.#batch.stage(path);
    }
    await this.#batch.commit();
  }

  /** Lists what is copied, if the run was stopped. What it wrote is in no set: the rest of that is missing. */
  async #endIfStopped(): Promise<void> {
    if (!this.#how.signal?.aborted) return;
    await this.#batch.commit();
    throw new StoppedError("stopped before all was published");
  }

  /** Completes the list, and forgets what no later run has to look at. */
  async #settle(): Promise<void> {
    const { keepMs, compaction } = this.#config;
    const { only } = this.#how;
    const hasUnfit = this.#batch.unfit.size > 0;
    // What the disk had no room for belongs to the set, too.
    if (!hasUnfit) this.#list.endSet();
    await this.#list.sync();
    if (this.#keeps) this.#destination.emptyTrash(dayOf(Date.now() - keepMs));
    // All is settled, but what could not be looked at, or had no room.
    const hasFailed = this.#failures.files.length > 0;
    this.#unsure.settle(hasFailed || hasUnfit || only !== undefined);
    // A run that looks at some sources knows nothing of the others.
    if (only === undefined) this.#passedOver.settle();
    if (await this.#list.compact(compaction)) {
      await this.#durability.barrier(this.#destination.into);
    }
    this.#list.heartbeat();
    if (this.#damaged > 0) {
      this.#observer.mended(
        `${this.#damaged} files of the export were missing or damaged; published them again`,
      );
    }
  }

  #report(withdrawn: number): PublishReport {
    return {
      scanned: this.#scanned,
      published: this.#batch.published,
      withdrawn,
      unchanged: this.#unchanged,
      not_files: this.#passedOver.counts,
      bytes: this.#batch.publishedBytes,
      failed: this.#failures.files,
      generation: this.#list.generation,
      seconds: Math.round(performance.now() - this.#started) / 1_000,
    };
  }

  /** The digests of files that may have signatures. */
  *#signed(): Generator<Digest | null> {
    for (const path of this.#list.live.ofAtLeast(leastSigned)) {
      yield this.#list.entry(path)!.digest;
    }
  }

  #hasPublished(path: string, size: number): void {
    // The list knows it by now.
    if (this.#list.live.mark(path)) this.#named.delete(path);
    this.#observer.published(path, size);
  }

  get #keeps(): boolean {
    return this.#config.keepMs > 0;
  }

  /** Takes up a source that is new or has changed. */
  async #take(path: string): Promise<void> {
    try {
      if (await this.#isUnchanged(path)) {
        this.#unchanged++;
        return;
      }
    } catch (error) {
      this.#failures.addOrThrow(path, error);
      return;
    }
    this.#places ??= new Places(this.#list.live, this.#unsure.paths);
    if (this.#places.isTaken(path)) this.#later.push(path);
    else await this.#batch.stage(path);
  }

  #noRoom(): LocalError {
    const { into } = this.#config;
    return new LocalError(
      `Cannot publish ${this.#batch.unfit.size} files: the disk of ${into} is full; ${this.#batch.published} files that fit were published`,
      { hint: "free some space there; the next run publishes the rest" },
    );
  }

  /** Looks at the source alone, for most files. */
  async #isUnchanged(path: string): Promise<boolean> {
    const { live } = this.#list;
    if (!live.has(path)) return false;
    const { size, modified, mode } = this.#sources.glance(path);
    if (!live.names(path, size, modified)) return false;
    const isUnsure = this.#unsure.paths.has(path);
    const isThere = isUnsure || this.#how.verify
      ? await adopt(
        this.#destination,
        { ...this.#list.entry(path)!, here: null },
        mode,
      )
      : this.#how.only === undefined
      ? this.#presence.has(path)
      : this.#destination.look(path)?.isFile === true;
    if (!isThere && !isUnsure) this.#damaged++;
    return isThere;
  }

  /** Returns the listed files whose sources no longer exist. */
  #gone(): string[] {
    return [...this.#asked()].filter((path) => this.#isGone(path));
  }

  /** Yields what the list names and this run has not met where it was to look. */
  *#asked(): Generator<string> {
    const { live } = this.#list;
    const { only } = this.#how;
    if (only === undefined) return yield* live.unmarked();
    const directories = new Set<string>();
    for (const path of only) {
      if (!live.has(path)) directories.add(path);
      else if (!live.isMarked(path)) yield path;
    }
    if (directories.size === 0) return;
    for (const path of live.unmarked()) {
      if (above(path).some((each) => directories.has(each))) yield path;
    }
  }

  /**
   * Withdraws what is gone. The line comes first: a reader
   * must not find a file missing that no line has withdrawn. What a run that was
   * cut off exported and never listed goes as well.
   */
  async #withdraw(gone: readonly string[]): Promise<void> {
    const { only } = this.#how;
    const orphans = [...this.#unsure.paths].filter((path) =>
      only === undefined && !this.#list.live.has(path) && this.#isGone(path)
    );
    if (gone.length + orphans.length === 0) return;
    this.#unsure.note(gone);
    await this.#durability.barrier(this.#destination.into);
    const pacer = new Pacer();
    for (const path of gone) {
      await pacer.pause();
      const { mtime } = this.#list.entry(path)!;
      this.#list.append({
        op: "-",
        mtime,
        size: 0,
        mode: null,
        digest: null,
        path,
      });
      this.#observer.withdrawn(path);
    }
    await this.#list.sync();
    for (const path of [...gone, ...orphans]) {
      await pacer.pause();
      this.#remove(path);
    }
    for (const directory of directoriesAbove([...gone, ...orphans])) {
      this.#destination.removeEmpty(directory);
    }
    this.#destination.release();
    await this.#durability.barrier(this.#destination.into);
  }

  #remove(path: string): void {
    try {
      if (this.#keeps) this.#destination.trash(path, this.#day);
      else this.#destination.remove(path);
    } catch (error) {
      this.#failures.addOrThrow(path, error);
    }
  }

  /** A directory that could not be read says nothing of what is in it. */
  #isGone(path: string): boolean {
    if (this.#named.has(path)) return false;
    // The script exports what this cannot name.
    const seen = seenName(path);
    if (seen !== undefined && !this.#isGone(seen)) return false;
    return !this.#failures.hides(path);
  }
}
