import { assert, assertEquals } from "@std/assert";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { SshSocket } from "../../../lib/ssh/ssh2/socket.ts";

/** A listener on the loopback address, and a socket connected to it. */
async function connected(welcome: (peer: Socket) => void) {
  const peers: Socket[] = [];
  const server: Server = createServer((peer) => {
    peers.push(peer);
    welcome(peer);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const socket = new SshSocket();
  socket.connect({ host: "127.0.0.1", port });
  await once(socket, "connect");
  return {
    socket,
    async [Symbol.asyncDispose]() {
      socket.destroy();
      for (const peer of peers) peer.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** Collects what a peer hears, until the other side has finished. */
function hearing() {
  const { promise, resolve } = Promise.withResolvers<string>();
  const heard: string[] = [];
  return {
    heard: promise,
    welcome(peer: Socket) {
      peer.on("data", (bytes) => heard.push(String(bytes)));
      peer.on("end", () => {
        peer.end();
        resolve(heard.join(""));
      });
    },
  };
}

Deno.test("SshSocket sends what was written in one turn as one piece", async () => {
  const { promise: first, resolve } = Promise.withResolvers<string>();
  await using connection = await connected((peer) => {
    peer.once("data", (bytes) => resolve(String(bytes)));
  });
  for (let i = 0; i < 1_000; i++) connection.socket.write(`${i % 10}`);

  assertEquals(await first, "0123456789".repeat(100));
});

Deno.test("SshSocket sends everything in order over several turns", async () => {
  const { heard, welcome } = hearing();
  await using connection = await connected(welcome);
  const { socket } = connection;
  for (const word of ["one ", "two ", "three "]) {
    socket.write(new TextEncoder().encode(word));
    await new Promise((resolve) => setTimeout(resolve));
  }
  socket.write("four");
  socket.end();

  assertEquals(await heard, "one two three four");
});

Deno.test("SshSocket counts bytes and keeps what came first", async () => {
  await using connection = await connected((peer) => {
    peer.write("SSH-2.0-peer\r\n");
  });
  const { socket } = connection;
  socket.write("hello");
  while (socket.received === 0) await new Promise((r) => setTimeout(r, 5));

  assertEquals(
    [socket.sent, socket.received, socket.opening.toString()],
    [5, 14, "SSH-2.0-peer\r\n"],
  );
});

Deno.test("SshSocket.hangUp() sends what is left, and closes", async () => {
  const { heard, welcome } = hearing();
  await using connection = await connected(welcome);
  const { socket } = connection;
  socket.write("goodbye");
  await socket.hangUp();

  assertEquals([await heard, socket.destroyed], ["goodbye", true]);
});

Deno.test("SshSocket.hangUp() does not wait for a peer that reads nothing", async () => {
  await using connection = await connected((peer) => peer.pause());
  const { socket } = connection;
  socket.write(new Uint8Array(64 * 2 ** 20));
  await socket.hangUp();

  assert(socket.destroyed);
});

Deno.test("SshSocket.hangUp() is done at once if the connection is closed", async () => {
  await using connection = await connected(() => {});
  connection.socket.destroy();
  await connection.socket.hangUp();

  assert(connection.socket.destroyed);
});
