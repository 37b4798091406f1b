import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../lib/errors.ts";
import { isLoopback, parseListen } from "../../lib/serve/listen.ts";

const addresses: [
  text: string,
  hostname: string,
  port: number,
  own: boolean,
][] = [
  ["127.0.0.1:7878", "127.0.0.1", 7878, true],
  ["127.8.9.1:1", "127.8.9.1", 1, true],
  ["[::1]:80", "::1", 80, true],
  ["localhost:0", "localhost", 0, true],
  ["0.0.0.0:7878", "0.0.0.0", 7878, false],
  ["[::]:7878", "::", 7878, false],
  ["192.0.2.1:7878", "192.0.2.1", 7878, false],
  ["127.0.0.1.example.org:7878", "127.0.0.1.example.org", 7878, false],
];

for (const [text, hostname, port, own] of addresses) {
  Deno.test(`parseListen() understands ${text}`, () => {
    const address = parseListen(text);
    assertEquals(address, { hostname, port });
    assertEquals(isLoopback(address), own);
  });
}

for (
  const text of ["", "7878", ":7878", "::1:7878", "a:b", "h:70000", "h:1/"]
) {
  Deno.test(`parseListen() refuses "${text}"`, () => {
    assertThrows(
      () => parseListen(text),
      UsageError,
      `Cannot listen at "${text}"`,
    );
  });
}
