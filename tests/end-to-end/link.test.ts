import { assert, assertEquals } from "@std/assert";
import { type Link, startLink } from "../../fixtures/link.ts";
import { until } from "../../fixtures/until.ts";

/** A server that says everything back, behind a link. */
async function withEcho(
  options: { delayMs?: number },
  run: (link: Link, client: Deno.TcpConn) => Promise<void>,
): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const connection of listener) {
      connection.readable.pipeTo(connection.writable).catch(() => {});
    }
  })();
  {
    await using link = startLink({ to: listener.addr.port, ...options });
    using client = await Deno.connect({
      hostname: "127.0.0.1",
      port: link.port,
    });
    await run(link, client);
  }
  listener.close();
  await serving;
}

/** Says `text` and hears what comes back; `null` if the link is cut. */
async function ask(client: Deno.TcpConn, text: string): Promise<string | null> {
  await client.write(new TextEncoder().encode(text));
  const buffer = new Uint8Array(1_000);
  const count = await client.read(buffer).catch(() => null);
  return count === null
    ? null
    : new TextDecoder().decode(buffer.subarray(0, count));
}

Deno.test("a link carries and counts what it is given, both ways", () =>
  withEcho({}, async (link, client) => {
    assertEquals(await ask(client, "hello"), "hello");
    assertEquals(link.carried, { up: 5, down: 5 });
  }));

Deno.test("a link delays each direction", () =>
  withEcho({ delayMs: 30 }, async (_, client) => {
    const started = performance.now();
    await ask(client, "hello");
    assert(performance.now() - started >= 59);
  }));

Deno.test("a link is cut after so many bytes", () =>
  withEcho({}, async (link, client) => {
    link.cutAfter(7);
    assertEquals(await ask(client, "hello"), "hello");
    assertEquals(await ask(client, "hello"), null);
  }));

Deno.test("a link corrupts one byte", () =>
  withEcho({}, async (link, client) => {
    link.corruptAfter(1);
    assertEquals(await ask(client, "hello"), "hdllo");
    assertEquals(await ask(client, "hello"), "hello");
  }));

Deno.test("a link that has forgotten a connection carries the next one", () =>
  withEcho({}, async (link, client) => {
    assertEquals(await ask(client, "hello"), "hello");
    link.forget();
    await client.write(new TextEncoder().encode("lost"));
    using next = await Deno.connect({
      hostname: "127.0.0.1",
      port: link.port,
    });
    assertEquals(await ask(next, "hello"), "hello");
    await until(() => link.carried.up === 14);
    assertEquals(link.carried.down, 10);
  }));
