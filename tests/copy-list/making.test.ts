import { assert, assertEquals } from "@std/assert";
import { openSync } from "node:fs";
import { joined, sign } from "../../fixtures/delta.ts";
import { noise } from "../../fixtures/noise.ts";
import { Making, type MakingTools } from "../../lib/copy-list/making.ts";
import { OldFile } from "../../lib/copy-list/old-file.ts";
import { blockSizeOf } from "../../lib/delta/signature.ts";
import { Slots } from "../../lib/copy-list/window.ts";
import { mostBarren } from "../../lib/delta/worth.ts";
import { createHasher } from "../../lib/files/digest.ts";
import { readRanges } from "../../lib/ssh/read-range.ts";
import type { Timestamp } from "../../lib/text/timestamp.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

/** Bytes of the old version that are read before it is searched: samples of it, and some to measure the disk. */
const before = 2 * MiB;

/** An old version that counts the bytes that are read of it. */
class CountedFile extends OldFile {
  bytes = 0;

  constructor(path: string) {
    super("old", openSync(path, "r"));
  }

  override read(position: number, into: Uint8Array): number {
    const read = super.read(position, into);
    this.bytes += read;
    return read;
  }
}

/** What it took to make a new version. */
interface Cost {
  /** Bytes of the old version. */
  readonly read: number;
  /** Bytes from the server. */
  readonly fetched: number;
  /** Bytes that the observer heard of as read here. */
  readonly heard: number;
}

/**
 * Makes `fresh` of `old`, and expects that it is right. The server is said to be
 * slow, so that to search pays on any machine.
 */
async function cost(
  old: Uint8Array,
  fresh: Uint8Array,
  { roundTripMs = 0 } = {},
): Promise<Cost> {
  const path = Deno.makeTempFileSync();
  Deno.writeFileSync(path, old);
  const file = new CountedFile(path);
  let fetched = 0;
  let heard = 0;
  const tools: MakingTools = {
    fetcher: {
      rate: 50,
      limit: Infinity,
      roundTripMs,
      fetchRanges(_, ranges) {
        const read = (position: number, length: number) => {
          const bytes = fresh.slice(position, position + length);
          fetched += bytes.length;
          return Promise.resolve(bytes);
        };
        const pacing = { length: () => 64 * KiB, most: () => MiB };
        return readRanges(read, ranges, pacing);
      },
      fetchLarge(path, { start, size, slots }) {
        return this.fetchRanges(path, [{ start, end: size }], slots);
      },
    },
    observer: {
      received() {},
      readHere: (bytes) => heard += bytes,
      notReused(_, error) {
        throw error;
      },
    },
  };
  const signature = sign(fresh, blockSizeOf(fresh.length)!);
  const making = new Making(tools, {
    entry: {
      ...{
        seq: 1,
        path: "file",
        remote: null,
        size: fresh.length,
        mode: 0o644,
      },
      mtime: "1700000000" as Timestamp,
      digest: signature.digest,
      here: null,
      failedBefore: false,
      twin: null,
    },
    root: "/export",
    slots: 16,
    start: 0,
    isOver: () => false,
    clone: () => Promise.resolve(0),
  }, {
    old: file,
    isTwin: false,
    always: false,
    memory: new Slots(1),
    signature: () => Promise.resolve(signature),
  });
  const hasher = createHasher(null);
  for await (const bytes of making.bytes()) hasher.update(bytes);
  Deno.removeSync(path);
  assertEquals(hasher.digest(), signature.digest);
  return { read: file.bytes, fetched, heard };
}

function assertAtMost(bytes: number, most: number): void {
  assert(bytes <= most, `${bytes}, and not at most ${most}`);
}

const size = 48 * MiB;
const block = blockSizeOf(size)!;

Deno.test("a file of which 1 % changed in place costs one reading of the old one, and what changed", async () => {
  const old = noise(size);
  const fresh = old.slice();
  for (let at = 1; at < size; at += 100 * 64 * KiB) {
    fresh.set(noise(64 * KiB), at);
  }
  const changed = Math.ceil(size / (100 * 64 * KiB)) * (64 * KiB + 2 * block);

  const { read, fetched } = await cost(old, fresh);

  assertAtMost(read, size + before);
  assertAtMost(fetched, changed);
});

Deno.test("a file that 1 MiB was put in front of costs one reading of the old one, and that", async () => {
  const old = noise(size);
  const { read, fetched } = await cost(old, joined(noise(MiB + 5), old));
  // What follows is believed after as much of it.
  assertAtMost(read, size + before + MiB);
  assertAtMost(fetched, MiB + 4 * block);
});

Deno.test("a file that was appended to costs one reading of the old one, and what was appended", async () => {
  const old = noise(size + 100);
  const { read, fetched } = await cost(old, joined(old, noise(10 * MiB)));
  assertAtMost(read, size + before);
  assertAtMost(fetched, 10 * MiB + 2 * block);
});

Deno.test("a file of which something was taken out costs one reading, however much it was", async () => {
  const old = noise(size);
  const fresh = joined(
    old.subarray(0, 10 * MiB),
    old.subarray(10 * MiB + 2 * mostBarren + 5),
  );
  const { read, fetched } = await cost(old, fresh);
  assertAtMost(read, size + before);
  assertAtMost(fetched, 4 * block);
});

Deno.test("a file whose parts lie in another order costs a second reading, and no fetching", async () => {
  const old = noise(size);
  const half = size / 2 + 5;
  const fresh = joined(old.subarray(half), old.subarray(0, half));
  const { read, fetched } = await cost(old, fresh);
  assertAtMost(read, 2 * size + before);
  assertAtMost(fetched, 4 * block);
});

Deno.test("a wholly different file of the same name costs samples of the old one", async () => {
  const { read, fetched } = await cost(noise(size), noise(size));
  assertAtMost(read, before);
  assertEquals(fetched, size);
});

Deno.test("a file that was encrypted anew behind its first change is searched up to there, and a little more", async () => {
  const old = noise(size);
  const same = size / 2;
  const fresh = joined(old.subarray(0, same), noise(size - same));
  const { read, fetched } = await cost(old, fresh);
  // A window more or two.
  assertAtMost(read, same + mostBarren + 2 * MiB + before);
  assertAtMost(fetched, size - same + 2 * block);
});

Deno.test("from a server that is far away all that is missing is known before it is asked for", async () => {
  const old = noise(size);
  const fresh = old.slice();
  for (let at = 0; at < size; at += MiB) fresh[at]! ^= 1;

  const { read, fetched, heard } = await cost(old, fresh, {
    roundTripMs: 10_000,
  });

  assert(read > 1.9 * size, `${read}`);
  assertAtMost(fetched, size / MiB * block);
  // Samples are not progress.
  assertAtMost(heard, read);
});
