/**
 * What a copy run has in memory is bounded by bytes, however fast, slow or hostile
 * its servers are.
 */

import { assert, assertEquals } from "@std/assert";
import { mostUncommitted } from "../../lib/copy-list/batches.ts";
import { Copier } from "../../lib/copy-list/copier.ts";
import { type Connection, Fetcher } from "../../lib/copy-list/fetch.ts";
import { mostUnderWay } from "../../lib/copy-list/window.ts";
import { createHasher } from "../../lib/files/digest.ts";
import { Destination } from "../../lib/files/destination.ts";
import { Durability } from "../../lib/files/durability.ts";
import { Moves } from "../../lib/files/moves.ts";
import { Space } from "../../lib/files/space.ts";
import { Staging } from "../../lib/files/staging.ts";
import { Throttle } from "../../lib/files/throttle.ts";
import type { Wanted } from "../../lib/files/wanted.ts";
import type { Timestamp } from "../../lib/text/timestamp.ts";

const KiB = 1024;
const longest = 255 * KiB;

/** Counts what servers are asked for and have not answered. */
class Count {
  bytes = 0;
  most = 0;
  answered = 0;

  /** Answers after a while, with one and the same memory. */
  async answer(length: number, ms: number): Promise<Uint8Array> {
    this.bytes += length;
    this.most = Math.max(this.most, this.bytes);
    await new Promise((resolve) => setTimeout(resolve, ms));
    this.bytes -= length;
    this.answered += length;
    return memory.subarray(0, length);
  }
}

const memory = new Uint8Array(longest);

/** Several connections to a server whose answers take so long, and which sends as quickly as it is asked. */
function connections(count: Count, ms: number): Connection[] {
  return Array.from({ length: 4 }, (): Connection => ({
    maxRead: longest,
    maxHandles: 4_096,
    requestMs: 60_000,
    stat: () => Promise.reject(new Error("not asked for")),
    fetch: ({ length }) => count.answer(length, ms),
    open: () =>
      Promise.resolve({
        read: (_, length) => count.answer(length, ms),
        close() {},
      }),
  }));
}

function fetcher(connections: readonly Connection[]): Fetcher {
  return new Fetcher(connections, new Throttle({ bytesPerSecond: 0 }));
}

Deno.test("no more small files are under way than are believed to fit into any link", async () => {
  const count = new Count();
  // Far away, and faster than anything: to fill such a link would take all memory.
  const fetching = fetcher(connections(count, 100));
  const files = 6_000;

  await Promise.all(
    Array.from(
      { length: files },
      (_, file) => fetching.fetchSmall(`${file}`, 64 * KiB - 1, true),
    ),
  );

  assertEquals(count.answered, files * 64 * KiB);
  assert(count.most <= mostUnderWay, `${count.most}`);
});

Deno.test("no more pieces of large files are under way, however many files there are", async () => {
  const count = new Count();
  const fetching = fetcher(connections(count, 20));
  let bytes = 0;

  await Promise.all(
    Array.from({ length: 300 }, async (_, file) => {
      const rest = { start: 0, size: 2 * longest - 1, slots: 5 };
      for await (const piece of fetching.fetchLarge(`${file}`, rest)) {
        bytes += piece.length;
      }
    }),
  );

  assertEquals(bytes, 300 * 2 * longest);
  assert(count.most <= mostUnderWay, `${count.most}`);
});

Deno.test("what is asked for and no longer waited for is given back", async () => {
  const count = new Count();
  const fetching = fetcher(connections(count, 5));
  for (let file = 0; file < 50; file++) {
    const rest = { start: 0, size: 100 * longest, slots: 64 };
    const pieces = fetching.fetchLarge(`${file}`, rest);
    await pieces.next();
    await pieces.return(undefined);
  }

  // With nothing else under way there is room for it.
  const bytes = await fetching.fetchSmall("last", longest - 1, true);

  assertEquals(bytes.length, longest);
  assert(count.most <= mostUnderWay, `${count.most}`);
});

/** An empty file that a list names. */
function listed(seq: number): Wanted {
  return {
    seq,
    path: `${seq}`,
    remote: null,
    size: 0,
    mode: 0o644,
    mtime: "1700000000" as Timestamp,
    digest: createHasher(null).digest(),
    here: null,
    failedBefore: false,
    twin: null,
  };
}

/** Waits until nothing has changed for some turns of the event loop. */
async function settled(value: () => number): Promise<void> {
  let before = -1;
  for (let same = 0; same < 20; same++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    if (value() !== before) same = 0;
    before = value();
  }
}

Deno.test("Copier begins no more files while too many wait for the disk", async () => {
  const into = await Deno.makeTempDir();
  const destination = new Destination(into);
  destination.prepare();
  const durability = new Durability();
  const files = 1.5 * mostUncommitted;
  const entries = Array.from({ length: files }, (_, at) => listed(at + 1));
  let fetched = 0;
  let committed = 0;
  let mostWaiting = 0;
  const connection: Connection = {
    maxRead: longest,
    maxHandles: 4_096,
    requestMs: 60_000,
    stat: () => Promise.reject(new Error("not asked for")),
    open: () => Promise.reject(new Error("not asked for")),
    fetch: () => {
      fetched++;
      return Promise.resolve(new Uint8Array(0));
    },
  };
  const none = () => {};
  const copier = new Copier({
    server: "production",
    root: "/export",
    destination,
    durability,
    fetcher: fetcher([connection]),
    staging: new Staging(destination.staging),
    space: new Space(into),
    moves: new Moves(destination, durability),
    ledger: {
      wanted: (last) =>
        Promise.resolve(entries.slice(last?.seq ?? 0).slice(0, 1_000)),
      // As slow as it takes to see how far fetching goes on.
      async arrived(arrived) {
        await settled(() => fetched);
        mostWaiting = Math.max(mostWaiting, fetched - committed);
        committed += arrived.length;
      },
      failed: () => Promise.resolve(),
    },
    observer: {
      fetched: none,
      received: none,
      arrived: none,
      adopted: none,
      readHere: none,
      reused: none,
      notReused: none,
      retrying: none,
      failed: none,
      committed: none,
    },
  }, {
    parallel: 64,
    connections: 1,
    bandwidth: 0,
    retries: 0,
    order: "oldest",
    delta: "auto",
  });

  const { copied, failed } = await copier.run();
  await Deno.remove(into, { recursive: true });

  assertEquals([copied, failed, committed], [files, [], files]);
  assert(mostWaiting <= mostUncommitted + 64, `${mostWaiting}`);
});
