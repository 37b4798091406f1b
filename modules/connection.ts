/**
 * One SFTP session of copy-list, in a worker of its own: what comes from a
 * server is decrypted and taken apart where nothing can be written.
 *
 * @module
 */
/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />

import { type Handlers, type Reply, reply } from "../lib/worker/channel.ts";
import { gather } from "../lib/worker/gathering.ts";
import type { ConnectionOperations } from "../lib/connection/operations.ts";
import { connect } from "../lib/ssh/connect.ts";
import { readFile } from "../lib/ssh/read-file.ts";
import type { Handle, SftpSession } from "../lib/ssh/session.ts";

/** Returns what a connection answers. One session follows the other. */
export function connection(): Handlers<ConnectionOperations> {
  let session: SftpSession | undefined;
  let connecting: AbortController | undefined;
  const opened = new Map<number, Handle>();
  let files = 0;

  async function end() {
    // A session that is open is left alone by this, one to come never opens.
    connecting?.abort();
    await session?.end();
    return session?.wireBytes ?? { received: 0, sent: 0 };
  }

  return {
    async connect({ server, limits }) {
      await end();
      session = undefined;
      opened.clear();
      connecting = new AbortController();
      const { signal } = connecting;
      session = await connect(server, limits, { signal });
      const { maxRead, maxHandles } = session;
      return { maxRead, maxHandles };
    },
    ping: () => null,
    fetch: ({ path, length }) => readFile(session!, path, length),
    stat: ({ path }) => session!.stat(path),
    async open({ path }) {
      const handle = await session!.open(path);
      opened.set(++files, handle);
      return files;
    },
    read: ({ file, position, length }) =>
      session!.read(opened.get(file)!, position, length),
    async close({ file }) {
      const handle = opened.get(file)!;
      opened.delete(file);
      await session!.close(handle);
      return null;
    },
    end,
  };
}

if (import.meta.main) {
  const handlers = connection();
  self.onmessage = ({ data: port }: MessageEvent<MessagePort>) => {
    const asker = gather(port);
    asker.onmessage = async ({ data }) => {
      const answer = await reply(handlers, data);
      asker.postMessage(answer, contentsOf(answer));
    };
  };
}

/** What need not be copied on its way. */
function contentsOf(answer: Reply): ArrayBuffer[] {
  const bytes = "reply" in answer ? answer.reply : null;
  return bytes instanceof Uint8Array ? [bytes.buffer as ArrayBuffer] : [];
}
