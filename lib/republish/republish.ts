/**
 * Letting other replicas read from this one: a list of what is here beside the
 * copies, signatures, and the way that all of it has come.
 *
 * @module
 */

import type { ReplicaConfig } from "../config/config.ts";
import type { Fetcher } from "../copy-list/fetch.ts";
import { LocalError, RelaisError } from "../errors.ts";
import type { Destination } from "../files/destination.ts";
import type { Durability } from "../files/durability.ts";
import type { RemoteList } from "../list/remote.ts";
import { ListMemory } from "../publish/list-memory.ts";
import type { Reached } from "../state/reached.ts";
import { pagesOf } from "../worker/pages.ts";
import { date, type Told } from "./freshen.ts";
import type { KnownHere } from "./known-here.ts";
import { writeOwnList } from "./own-list.ts";
import { noteRelays } from "./relays.ts";
import { type Followed, isWhole, keepSameList } from "./same-list.ts";
import { lookAtList, name, type ShownList } from "./shown-list.ts";
import { KeptSignatures } from "./signatures.ts";

/** The server whose list is shown. */
export interface Origin {
  /** The export directory there. */
  readonly root: string;
  openList(): Promise<RemoteList>;
  fetcher(): Promise<Fetcher>;
}

/** Digests asked for at a time. */
const page = 10_000;

/** Shows what is here to other replicas. */
export class Republishing {
  readonly #destination: Destination;
  readonly #durability: Durability;
  readonly #isFiltered: boolean;
  /** Of a list of its own. */
  readonly #memory = new ListMemory();

  constructor(
    destination: Destination,
    durability: Durability,
    { include, exclude, filenameCharset }: Pick<
      ReplicaConfig,
      "include" | "exclude" | "filenameCharset"
    >,
  ) {
    this.#destination = destination;
    this.#durability = durability;
    this.#isFiltered = include.length + exclude.length > 0 ||
      filenameCharset !== null;
  }

  /**
   * Brings what is shown up to date with what has come from a server.
   *
   * @throws {LocalError} If it cannot be written.
   */
  async show(origin: Origin, known: KnownHere, told: Told): Promise<void> {
    const { own, into } = this.#destination;
    const before = lookAtList(own);
    try {
      await this.#show(origin, known, told);
    } catch (error) {
      if (before !== undefined) date(own, before.mtime);
      if (error instanceof RelaisError || !(error instanceof Error)) {
        throw error;
      }
      if (!("code" in error)) throw error;
      throw new LocalError(
        `Cannot republish in ${into}: ${error.message}`,
        {
          cause: error,
          hint: `check the owner, permissions and free space of ${into}`,
        },
      );
    }
  }

  async #show(origin: Origin, known: KnownHere, told: Told): Promise<void> {
    const { rights, own, into } = this.#destination;
    rights.showDirectory(own);
    // It says whose the list is, and so comes first.
    if (noteRelays(own, told.relays)) await this.#durability.barrier(into);
    const reached = await known.reached();
    const signatures = new KeptSignatures({
      own,
      rights,
      root: origin.root,
      fetcher: () => origin.fetcher(),
    });
    const tools = { origin, known, told, signatures };
    const isCurrent = await this.#keep(tools, reached);
    if (lookAtList(own) !== undefined) rights.showFile(`${own}/${name}`);
    await signatures.prune(() => allDigests(known));
    if (isCurrent) date(own, asOf(told, reached));
  }

  /** Returns whether what is shown now is as far as what has come from the server. */
  async #keep(tools: Tools, reached: Reached): Promise<boolean> {
    const { into, rights, own: directory } = this.#destination;
    const common = {
      directory,
      barrier: () => this.#durability.barrier(into),
      show: (path: string) => rights.showFile(path),
    };
    const { origin, known, told, signatures } = tools;
    const shown = lookAtList(directory);
    const choice = await this.#choose(tools, reached, shown);
    if (choice === "none") return false;
    if (choice !== "own") {
      return await keepSameList(
        {
          ...common,
          open: () => origin.openList(),
          prepare: (lines) => signatures.fetchFor(lines),
        },
        choice,
        shown,
      );
    }
    await writeOwnList({
      ...common,
      writer: told.relays[0]!,
      memory: this.#memory,
      here: (after, limit) => known.files(after, limit),
      prepare: (files) => signatures.fetch(files),
    });
    return true;
  }

  /**
   * Chooses what is shown from now on: the list of the server, which continues or
   * replaces what is shown, or one of its own, or for now what is shown already. A
   * list of another generation replaces what is shown only if it says the same:
   * else those who read it would follow a server that lags.
   */
  async #choose(
    { known, told: { relays } }: Tools,
    { cursor, ...reached }: Reached,
    shown: ShownList | undefined,
  ): Promise<Followed | "own" | "none"> {
    if (cursor === null || this.#isFiltered) return "own";
    const followed = { ...reached, cursor };
    const continues = shown === undefined ||
      shown.generation === cursor.generation;
    if (continues) return followed;
    if (isWhole(reached) && !await known.differs()) return followed;
    const isOwn = shown.writer === relays[0];
    // What is on its way may be all that differs.
    return isOwn || isWhole(reached) ? "own" : "none";
  }
}

/** What is shown, and what is known of it. */
interface Tools {
  readonly origin: Origin;
  readonly known: KnownHere;
  readonly told: Told;
  readonly signatures: KeptSignatures;
}

/** Returns the date up to which all that was published is here, in seconds since the epoch. */
function asOf(
  { heartbeat }: Told,
  { missing }: Pick<Reached, "missing">,
): number {
  return missing === null
    ? heartbeat
    : Math.min(heartbeat, Math.floor(Number(missing.published)));
}

async function allDigests(known: KnownHere): Promise<ReadonlySet<string>> {
  const all = new Set<string>();
  const pages = pagesOf<string>((last = "") => known.digests(last, page));
  for await (const digests of pages) {
    for (const digest of digests) all.add(digest);
  }
  return all;
}
