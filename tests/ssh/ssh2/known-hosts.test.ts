import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import {
  keyTypesOf,
  linesFor,
  parseKnownHosts,
  standingOf,
} from "../../../lib/ssh/ssh2/known-hosts.ts";

/** Something shaped like a key of `type`: its name as a string, and then what it consists of. */
function keyBlob(type: string, contents: string): Buffer {
  const name = Buffer.from(type);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(name.length);
  return Buffer.concat([length, name, Buffer.from(contents)]);
}

const ed25519 = keyBlob("ssh-ed25519", "one");
const otherEd25519 = keyBlob("ssh-ed25519", "two");
const rsa = keyBlob("ssh-rsa", "three");

function line(hosts: string, blob: Buffer): string {
  const type = blob.toString("latin1", 4, 4 + blob.readUInt32BE());
  return `${hosts} ${type} ${blob.toString("base64")}`;
}

function hashed(name: string, blob: Buffer): string {
  const salt = Buffer.from("0123456789abcdefghij");
  const hash = createHmac("sha1", salt).update(name).digest("base64");
  return line(`|1|${salt.toString("base64")}|${hash}`, blob);
}

/** What a file says of the key `blob`, shown by `host`. */
function standing(
  file: string,
  host: string,
  port = 22,
  blob: Buffer = ed25519,
) {
  return standingOf(linesFor(parseKnownHosts(file), host, port), blob);
}

Deno.test("standingOf() knows a key of a plain host name", () => {
  assertEquals(
    standing(line("prod.example", ed25519), "prod.example"),
    "known",
  );
});

Deno.test("standingOf() does not know a host that no line names", () => {
  const file = line("prod.example", ed25519);

  assertEquals(standing(file, "backup.example"), "unknown");
});

Deno.test("standingOf() tells a key that is not the one of the host", () => {
  const file = line("prod.example", otherEd25519);

  assertEquals(standing(file, "prod.example"), "mismatch");
});

Deno.test("standingOf() knows each of several keys of a host", () => {
  const file = [
    line("prod.example", rsa),
    line("prod.example", otherEd25519),
    line("prod.example", ed25519),
  ].join("\n");

  assertEquals(
    [rsa, otherEd25519, ed25519].map((blob) =>
      standing(file, "prod.example", 22, blob)
    ),
    ["known", "known", "known"],
  );
});

Deno.test("standingOf() never accepts a revoked key, wherever else it is", () => {
  const file = [
    line("prod.example", ed25519),
    `@revoked ${line("*", ed25519)}`,
  ].join("\n");

  assertEquals(standing(file, "prod.example"), "revoked");
});

Deno.test("standingOf() accepts another key of a host that has a revoked one", () => {
  const file = [
    line("prod.example", ed25519),
    `@revoked ${line("prod.example", rsa)}`,
  ].join("\n");

  assertEquals(standing(file, "prod.example"), "known");
});

Deno.test("standingOf() tells that only a certification authority is known", () => {
  const file = `@cert-authority ${line("*.example", otherEd25519)}`;

  assertEquals(standing(file, "prod.example"), "certificate");
});

Deno.test("standingOf() does not take the key of a certification authority for a host key", () => {
  const file = `@cert-authority ${line("prod.example", ed25519)}`;

  assertEquals(standing(file, "prod.example"), "certificate");
});

Deno.test("linesFor() compares host names whatever their case", () => {
  assertEquals(
    standing(line("Prod.Example", ed25519), "PROD.example"),
    "known",
  );
});

Deno.test("linesFor() wants another port than 22 in brackets", () => {
  const file = line("[prod.example]:2222", ed25519);

  assertEquals(
    [2222, 22, 2223].map((port) => standing(file, "prod.example", port)),
    ["known", "unknown", "unknown"],
  );
});

Deno.test("linesFor() does not take a line without port for another port", () => {
  const file = line("prod.example", ed25519);

  assertEquals(standing(file, "prod.example", 2222), "unknown");
});

Deno.test("linesFor() finds a host in a list of names", () => {
  const file = line("prod,prod.example,192.0.2.10", ed25519);

  assertEquals(
    ["prod", "prod.example", "192.0.2.10", "192.0.2.1"].map((host) =>
      standing(file, host)
    ),
    ["known", "known", "known", "unknown"],
  );
});

Deno.test("linesFor() follows the wildcards * and ?", () => {
  const file = line("*.example,192.0.2.1?", ed25519);

  assertEquals(
    ["prod.example", "example", "192.0.2.10", "192.0.2.1", "192a0.2.10"].map(
      (host) => standing(file, host),
    ),
    ["known", "unknown", "known", "unknown", "unknown"],
  );
});

Deno.test("linesFor() leaves a line out that negates the host, wherever it does", () => {
  for (const hosts of ["*.example,!prod.example", "!prod.example,*.example"]) {
    const file = line(hosts, ed25519);

    assertEquals(
      [standing(file, "prod.example"), standing(file, "backup.example")],
      ["unknown", "known"],
    );
  }
});

Deno.test("linesFor() finds a host by nothing but a negation nowhere", () => {
  assertEquals(standing(line("!prod", ed25519), "backup"), "unknown");
});

Deno.test("linesFor() finds hashed names, with and without port", () => {
  const file = [
    hashed("prod.example", ed25519),
    hashed("[backup.example]:2222", ed25519),
  ].join("\n");

  assertEquals(
    [
      standing(file, "prod.example"),
      standing(file, "backup.example", 2222),
      standing(file, "backup.example"),
    ],
    ["known", "known", "unknown"],
  );
});

Deno.test("linesFor() finds the names that ssh-keygen hashes", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/known_hosts`;
  await Deno.writeTextFile(path, `${line("prod.example", ed25519)}\n`);
  await new Deno.Command("ssh-keygen", { args: ["-H", "-f", path] }).output();
  const file = await Deno.readTextFile(path);
  await Deno.remove(directory, { recursive: true });

  assertEquals(
    [file.startsWith("|1|"), standing(file, "prod.example")],
    [true, "known"],
  );
});

Deno.test("parseKnownHosts() passes over what is no line of a key", () => {
  const [, type, key] = line("x", ed25519).split(" ");
  const file = [
    "",
    "   ",
    "# prod.example is our server",
    "prod.example",
    `prod.example ${type}`,
    `prod.example ${type} !!!not-base64!!!`,
    `prod.example ssh-rsa ${key}`,
    `prod.example 1024 65537 1234567890`,
    `@unheard-of prod.example ${type} ${key}`,
    `@revoked`,
  ].join("\n");

  assertEquals(parseKnownHosts(file), []);
});

Deno.test("parseKnownHosts() reads tabs, CRLF, indentation and comments", () => {
  const [hosts, type, key] = line("prod.example", ed25519).split(" ");

  assertEquals(
    parseKnownHosts(`  ${hosts}\t${type} \t${key} root@prod of 2026\r\n`),
    [{ marker: null, hosts: hosts!, keyType: type!, key: key! }],
  );
});

Deno.test("parseKnownHosts() goes on after a broken line", () => {
  const file = `prod.example ssh-ed25519 garbage\n${
    line("prod.example", ed25519)
  }`;

  assertEquals(standing(file, "prod.example"), "known");
});

Deno.test("keyTypesOf() tells each type once, without revoked keys and authorities", () => {
  const file = [
    line("prod.example", ed25519),
    line("prod.example", otherEd25519),
    `@revoked ${line("prod.example", rsa)}`,
    `@cert-authority ${line("prod.example", rsa)}`,
  ].join("\n");

  assertEquals(keyTypesOf(parseKnownHosts(file)), ["ssh-ed25519"]);
});

Deno.test("parseKnownHosts() and linesFor() take any text", () => {
  const word = fc.oneof(
    fc.string(),
    fc.constantFrom("@revoked", "|1|", "|1|a|b", "*", "!", "[a]:1", "\\", "("),
    fc.constant(line("*", ed25519)),
  );
  fc.assert(fc.property(
    fc.array(fc.array(word).map((words) => words.join(" "))),
    fc.string(),
    (lines, host) => {
      linesFor(parseKnownHosts(lines.join("\n")), host, 22);
    },
  ));
});

Deno.test("standingOf() knows a key only if a line has it", () => {
  const names = fc.constantFrom("prod", "backup", "*", "prod,backup", "!prod");
  const blobs = fc.constantFrom(ed25519, otherEd25519, rsa);
  fc.assert(fc.property(
    fc.array(fc.tuple(names, blobs)),
    blobs,
    (entries, shown) => {
      const file = entries.map(([name, blob]) => line(name, blob)).join("\n");
      const known = entries.some(([name, blob]) =>
        blob === shown && ["prod", "*", "prod,backup"].includes(name)
      );

      assertEquals(standing(file, "prod", 22, shown) === "known", known);
    },
  ));
});
