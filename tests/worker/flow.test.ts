import { assert, assertEquals } from "@std/assert";
import { noise } from "../../fixtures/noise.ts";
import { Flow } from "../../lib/worker/flow.ts";

/** The two ends of a line; what `a` sends is kept, and taken as `take` says. */
function ends(take: (bytes: Uint8Array) => void | Promise<void> = () => {}) {
  const { port1, port2 } = new MessageChannel();
  const came: number[] = [];
  const a = new Flow(port1, { bytes: () => {}, message: () => {} });
  const b = new Flow(port2, {
    bytes(bytes) {
      came.push(...bytes);
      return take(bytes);
    },
    message: () => {},
  });
  return {
    a,
    came,
    [Symbol.dispose]() {
      a.close();
      b.close();
    },
  };
}

Deno.test("Flow brings bytes in order in memory that comes back, however they fill it", async () => {
  using line = ends();
  const sent = noise(3 * 2 ** 20);
  const size = 64 * 1024;
  let made = 0;
  let pieces = 0;
  for (let at = 0; at < sent.length; pieces++) {
    let memory = line.a.memory();
    if (memory === undefined) made++;
    memory ??= new ArrayBuffer(size);
    const part = sent.subarray(at, at + (pieces % 3 === 0 ? 1_000 : size));
    const piece = new Uint8Array(memory, 0, part.length);
    piece.set(part);
    line.a.send(piece);
    at += part.length;
    await line.a.whenRoom();
  }
  while (line.came.length < sent.length) await turn();

  assertEquals(Uint8Array.from(line.came), sent);
  assert(made < pieces, `${made} pieces of memory were made for ${pieces}`);
});

Deno.test("Flow gives back little memory for many short pieces", async () => {
  using line = ends();
  const size = 64 * 1024;
  const each = 600;
  for (let piece = 0; piece < 1_000; piece++) {
    line.a.send(new Uint8Array(new ArrayBuffer(size), 0, each));
  }
  while (line.came.length < 1_000 * each) await turn();
  await turn();

  let back = 0;
  while (line.a.memory() !== undefined) back++;
  assert(back > 0 && back <= 32, `${back} pieces came back`);
});

Deno.test("Flow does not give back what is still being taken", async () => {
  const taking = Promise.withResolvers<void>();
  using line = ends(() => taking.promise);
  for (let piece = 0; piece < 20; piece++) {
    line.a.send(new Uint8Array(64 * 1024));
  }
  while (line.came.length < 20 * 64 * 1024) await turn();
  await turn();
  assertEquals(line.a.memory(), undefined);

  taking.resolve();
  let memory: ArrayBuffer | undefined;
  while ((memory = line.a.memory()) === undefined) await turn();
  assertEquals(memory.byteLength, 64 * 1024);
});

/** Waits until what is posted has arrived. */
const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 0));
