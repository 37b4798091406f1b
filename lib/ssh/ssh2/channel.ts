/**
 * The window of the channel under SFTP: ssh2 lets no more than 2 MiB be under
 * way from the server, which at a round trip of 50 ms is 40 MB/s.
 *
 * @module
 */

import type { Channel } from "ssh2";

/** Bytes that may be under way from the server: 5 Gbit/s at a round trip of 50 ms. */
const windowBytes = 32 * 1024 * 1024;

/** The window that ssh2 opens a channel with. */
const firstWindowBytes = 2 * 1024 * 1024;

/** What ssh2's channels keep to themselves, RFC 4254 section 5.2. */
interface Internals {
  readonly _client: {
    readonly _protocol: {
      channelWindowAdjust(channel: number, bytes: number): void;
    };
  };
  readonly incoming: { window: number };
  readonly outgoing: { readonly id: number };
}

/** Keeps the books of the window of `channel` in place of ssh2, whose size is fixed: it opens again as the data is taken. */
export function widenWindow(channel: Channel): void {
  const { _client: { _protocol: protocol }, incoming, outgoing: { id } } =
    channel as unknown as Internals;
  let taken = windowBytes - firstWindowBytes;

  function take(bytes: number) {
    taken += bytes;
    if (taken < windowBytes / 2) return;
    protocol.channelWindowAdjust(id, taken);
    taken = 0;
  }

  // To ssh2 the window never narrows, so that it never adjusts it.
  incoming.window = Infinity;
  for (const stream of [channel, channel.stderr]) {
    stream.on("data", (bytes: Uint8Array) => take(bytes.length));
  }
  take(0);
}
