/**
 * Any bytes in: what reads a list never fails but by saying that it is none, and
 * takes nothing that could leave the replica.
 */

import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { headerOf, lineOf } from "../../fixtures/hostile-world.ts";
import { UnusableError } from "../../lib/errors.ts";
import type { Entry } from "../../lib/list/entry.ts";
import { checkPath } from "../../lib/list/path.ts";
import { RemoteList } from "../../lib/list/remote.ts";
import type { SftpSession } from "../../lib/ssh/session.ts";
import type { SynchronisedList } from "../../lib/state/synchronised-list.ts";
import { synchroniseList } from "../../lib/synchro-list/list.ts";
import { ForeignFormat } from "../../lib/text/foreign-format.ts";

/** A session with a server whose only file is `bytes`, and that answers `most` bytes at a time. */
function sessionOver(bytes: Uint8Array, most: number): SftpSession {
  const session = {
    server: "production",
    open: () => Promise.resolve(Buffer.alloc(1)),
    fstat: () =>
      Promise.resolve({
        kind: "file",
        size: bytes.length,
        mode: 0o644,
        mtime: 0,
      }),
    read: (_handle: Buffer, position: number, length: number) => {
      const end = position + Math.min(length, most);
      return Promise.resolve(bytes.slice(position, end));
    },
    close: () => Promise.resolve(),
  };
  return session as unknown as SftpSession;
}

/** A synchronised list that only remembers what it is given. */
function remembering(
  taken: Entry[],
  batches: number[] = [],
): SynchronisedList {
  const intake = {
    cursor: () => undefined,
    begin: (server: string, generation: string) => ({
      server,
      generation,
      number: 1,
    }),
    take(_reading: unknown, entries: Entry[]) {
      taken.push(...entries);
      batches.push(entries.length);
      return { seen: entries.length, new: 0, skipped: 0, conflicts: [] };
    },
    complete() {},
  };
  const twins = { find: () => undefined };
  const sets = { matter: true };
  return { intake, twins, sets } as unknown as SynchronisedList;
}

/** Reads a list from its start, and returns what it took of it; `undefined` if it is none. */
async function read(
  bytes: Uint8Array,
  most: number,
): Promise<Entry[] | undefined> {
  const taken: Entry[] = [];
  try {
    const server = { root: "/export", list: null };
    const remote = await RemoteList.open(sessionOver(bytes, most), server);
    await synchroniseList(remembering(taken), "production", remote, {
      acceptShrink: false,
    });
    return taken;
  } catch (error) {
    assert(error instanceof UnusableError, `${error}`);
    return undefined;
  }
}

function assertHarmless(entries: readonly Entry[]): void {
  let before = 0;
  for (const { path, size, seq, mode } of entries) {
    assertEquals(checkPath(path), undefined);
    const parts = path.split("/");
    assert(!path.startsWith("/") && !path.includes("\0"));
    assert(
      !parts.includes("..") && !parts.includes(".") && !parts.includes(""),
    );
    assert(parts[0] !== ".relais");
    assert(Number.isSafeInteger(size) && size >= 0);
    assert(mode === null || (mode >= 0 && mode <= 0o7777));
    assert(seq > before, `${seq} after ${before}`);
    before = seq;
  }
}

/** Bytes in which a list is likely to be misread. */
const piece = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.constantFrom(
    ...["\n", "\t", "\0", "\r\n", "/", "..", "%2E%2E", "%00", "%", "-", "+"],
    ...["1e999", "NaN", "9007199254740993", "#", ".relais/", "\u202e"],
    headerOf("g1"),
    lineOf({ seq: 1, path: "a" }),
  ).map((text) => new TextEncoder().encode(text)),
);

const chunk = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constant(32_768));

/** A list with good lines, some of which begin at a later number. */
const goodList = fc.array(
  fc.record({
    path: fc.string({ minLength: 1, maxLength: 12 }),
    size: fc.nat(),
  }),
  { minLength: 1, maxLength: 20 },
).map((lines) =>
  Buffer.from(
    headerOf("g1") +
      lines.map((line, index) => lineOf({ ...line, seq: index + 1 })).join(""),
  )
);

Deno.test("any bytes are read as a list or refused, and nothing harmful is taken", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { maxLength: 60 }),
      fc.boolean(),
      chunk,
      async (pieces, withHeader, most) => {
        const header = Buffer.from(withHeader ? headerOf("g1") : "");
        const entries = await read(Buffer.concat([header, ...pieces]), most);
        if (entries !== undefined) assertHarmless(entries);
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("a good list with bytes changed, put in or left out is read or refused, and nothing harmful is taken", async () => {
  await fc.assert(
    fc.asyncProperty(
      goodList,
      fc.array(fc.tuple(fc.nat(), fc.nat({ max: 3 }), piece), {
        maxLength: 5,
      }),
      chunk,
      async (list, changes, most) => {
        let bytes = list;
        for (const [at, without, put] of changes) {
          const from = at % (bytes.length + 1);
          bytes = Buffer.concat([
            bytes.subarray(0, from),
            put,
            bytes.subarray(from + without),
          ]);
        }
        const entries = await read(bytes, most);
        if (entries !== undefined) assertHarmless(entries);
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("a list says the same in whatever pieces it comes", async () => {
  await fc.assert(
    fc.asyncProperty(goodList, chunk, async (bytes, most) => {
      assertEquals(await read(bytes, most), await read(bytes, bytes.length));
    }),
    { numRuns: 200 },
  );
});

Deno.test("a list of another program is taken in part by part, each path once", async () => {
  const count = 1_234;
  const text = Array.from(
    { length: 2 * count },
    (_, index) => `${index};1;f${index % count}\n`,
  ).join("");
  const pattern = "{date};{size};{path}";
  const parsed = ForeignFormat.parse(pattern);
  assert("value" in parsed);
  const { value: format } = parsed;
  const list = { path: "/export/copied.txt", format: pattern, grows: false };
  const session = sessionOver(Buffer.from(text), 32_768);
  const remote = await RemoteList.open(session, { root: "/export", list });
  const taken: Entry[] = [];
  const batches: number[] = [];

  await synchroniseList(remembering(taken, batches), "production", remote, {
    acceptShrink: false,
    foreign: { format, session, root: "/export" },
  });

  assertEquals(
    taken.map(({ path, seq }) => `${path} ${seq}`),
    Array.from(
      { length: count },
      (_, index) => `f${index} ${count + index + 1}`,
    ),
  );
  assertEquals(Math.max(...batches), 500);
});
