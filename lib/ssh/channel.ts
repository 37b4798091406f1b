/**
 * What the channel under SFTP lacks in ssh2. Every request goes out as an SSH
 * packet of its own, encrypted on its own; and no more than 2 MiB are ever
 * under way from the server, which at a round trip of 50 ms is 40 MB/s.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { SFTPWrapper } from "ssh2";

/** Bytes that may be under way from the server: 5 Gbit/s at a round trip of 50 ms. */
const windowBytes = 32 * 1024 * 1024;

/** The window that ssh2 opens a channel with. */
const firstWindowBytes = 2 * 1024 * 1024;

/** The part of ssh2's protocol that a channel uses, RFC 4254 section 5.2. */
interface Protocol {
  channelData(channel: number, data: Uint8Array): void;
  channelWindowAdjust(channel: number, bytes: number): void;
}

/** What `SFTPWrapper` keeps to itself. */
interface Internals {
  _protocol: Protocol;
  readonly incoming: { window: number };
  readonly outgoing: { readonly id: number; readonly packetSize: number };
  push(data: Uint8Array | null): void;
}

/** Makes the channel of `sftp` gather its requests, and widens its window. */
export function tuneChannel(sftp: SFTPWrapper): void {
  const internals = sftp as unknown as Internals;
  widenWindow(internals);
  gatherRequests(internals);
}

/** SFTP is a stream: the requests of one turn of the event loop fit into a few packets. */
function gatherRequests(sftp: Internals): void {
  const { outgoing: { id, packetSize } } = sftp;
  const protocol = sftp._protocol;
  let gathered: Uint8Array[] = [];
  let bytes = 0;

  function flush() {
    if (gathered.length === 0) return;
    const requests = gathered;
    gathered = [];
    bytes = 0;
    protocol.channelData(id, Buffer.concat(requests));
  }

  sftp._protocol = Object.create(protocol, {
    channelData: {
      value(_channel: number, request: Uint8Array) {
        if (bytes + request.length > packetSize) flush();
        if (gathered.length === 0) setImmediate(flush);
        gathered.push(request);
        bytes += request.length;
      },
    },
  });
}

/** Keeps the books of the window in place of ssh2, whose size is fixed. */
function widenWindow(sftp: Internals): void {
  const protocol = sftp._protocol;
  const { outgoing: { id } } = sftp;
  const push = sftp.push.bind(sftp);
  let used = windowBytes - firstWindowBytes;

  function open() {
    protocol.channelWindowAdjust(id, used);
    used = 0;
  }

  // To ssh2 the window never narrows, so that it never adjusts it.
  sftp.incoming.window = Infinity;
  sftp.push = (data) => {
    used += data?.length ?? 0;
    if (used >= windowBytes / 2) open();
    push(data);
  };
  open();
}
