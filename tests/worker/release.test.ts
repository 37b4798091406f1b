import { assertEquals } from "@std/assert";
import { release, releaseOwn } from "../../lib/worker/release.ts";

const KiB = 1024;

Deno.test("release() gives memory back at once", () => {
  const bytes = new Uint8Array(4 * KiB);
  release(bytes);
  assertEquals(bytes.length, 0);
});

Deno.test("releaseOwn() gives only memory back that nothing else can be in", () => {
  const whole = new Uint8Array(32 * KiB);
  const part = new Uint8Array(32 * KiB).subarray(0, 20 * KiB);
  const within = new Uint8Array(32 * KiB).subarray(10);
  const pooled = new Uint8Array(8 * KiB);

  for (const bytes of [whole, part, pooled]) releaseOwn(bytes);
  releaseOwn(within, 10);

  assertEquals(
    [whole, part, within, pooled].map(({ length }) => length),
    [0, 20 * KiB, 0, 8 * KiB],
  );
});
