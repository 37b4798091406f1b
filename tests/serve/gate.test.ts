import { assertEquals } from "@std/assert";
import { hashToken, turnAway } from "../../lib/serve/gate.ts";

const hosts: [header: string, passes: boolean][] = [
  ["127.0.0.1:7878", true],
  ["127.0.0.1", true],
  ["192.0.2.7:7878", true],
  ["[::1]:7878", true],
  ["localhost:9999", true],
  ["LOCALHOST", true],
  ["replica.example.org", true],
  ["evil.example.org", false],
  ["127.0.0.1.evil.example.org", false],
  ["localhost.evil.example.org:7878", false],
  ["", false],
  ["replica.example.org.", false],
];

for (const [host, passes] of hosts) {
  Deno.test(`turnAway() lets Host "${host}" ${passes ? "pass" : "not pass"}`, () => {
    const request = new Request("http://127.0.0.1/");
    request.headers.set("host", host);
    const gate = { host: "replica.example.org", token: null };
    assertEquals(turnAway(request, gate)?.status, passes ? undefined : 421);
  });
}

Deno.test("turnAway() lets nobody write", () => {
  for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
    const request = new Request("http://127.0.0.1/", { method });
    request.headers.set("host", "127.0.0.1");
    const gate = { host: undefined, token: hashToken("x") };
    assertEquals(turnAway(request, gate)?.status, 405, method);
  }
});
