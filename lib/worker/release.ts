/**
 * Memory that is given back at once. The collector of V8 takes dead memory of
 * buffers for cheap, and lets tens of megabytes of it gather in each worker.
 *
 * @module
 */

/** Shorter bytes may share their memory with others, as Node's buffers do. */
const leastOwned = 16 * 1024;

/** Gives the memory of some bytes back. They are gone then, and all that shares their memory. */
export function release(bytes: Uint8Array): void {
  (bytes.buffer as ArrayBuffer).transfer(0);
}

/**
 * Does what {@link release} does, if the bytes fill their memory, so that nothing
 * else can be in it.
 *
 * @param around Bytes that may be there besides, and are of no use any more.
 */
export function releaseOwn(bytes: Uint8Array, around = 0): void {
  const rest = bytes.buffer.byteLength - bytes.byteLength;
  if (bytes.byteLength >= leastOwned && rest <= around) release(bytes);
}
