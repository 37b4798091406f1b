import { assert, assertEquals } from "@std/assert";
import ssh2, { type Connection } from "ssh2";
import { generateKeyPair } from "../../lib/demo/key-pair.ts";
import { serverConfig } from "../../fixtures/ssh/server-config.ts";
import { limits } from "../../fixtures/ssh/limits.ts";
import { makeKey } from "../../fixtures/sshd.ts";
import {
  isTruncatable,
  offer,
  type Offering,
  unmet,
  weakOnes,
} from "../../lib/ssh/algorithms.ts";
import { connect } from "../../lib/ssh/ssh2/connect.ts";
import { fingerprint } from "../../lib/ssh/ssh2/host-key.ts";

/** What an offer depends on, where nobody asks for old algorithms. */
function modern(trusted: readonly string[], strict: boolean): Offering {
  return { trusted, strict, algorithms: "modern" };
}

Deno.test("offer() has nothing of SHA-1, DSS or compression", () => {
  const all = Object.values(offer(modern([], true))).flat();

  assertEquals(
    all.filter((name) => /sha1|dss|zlib|^ssh-rsa$|cbc|arcfour|md5/.test(name)),
    [],
  );
});

Deno.test("offer() begins with ChaCha20, but not without strict key exchange", () => {
  assertEquals(
    [offer(modern([], true)).cipher[0], offer(modern([], false)).cipher[0]],
    ["chacha20-poly1305@openssh.com", "aes128-gcm@openssh.com"],
  );
});

Deno.test("offer() has nothing open to prefix truncation without strict key exchange", () => {
  const { cipher, hmac } = offer(modern([], false));

  assertEquals(
    cipher.flatMap((cipher) => hmac.map((mac) => ({ cipher, mac })))
      .filter(isTruncatable),
    [],
  );
});

Deno.test("offer() asks for the host keys that can be compared", () => {
  assertEquals(
    [
      offer(modern(["ssh-ed25519"], true)).serverHostKey,
      offer(modern(["ssh-rsa"], true)).serverHostKey,
    ],
    [["ssh-ed25519"], ["rsa-sha2-512", "rsa-sha2-256"]],
  );
});

Deno.test("offer() asks for any good host key if none is known, or only unusable ones", () => {
  const any = offer(modern([], true)).serverHostKey;

  assertEquals(offer(modern(["ssh-dss"], true)).serverHostKey, any);
  assert(any.includes("ssh-ed25519") && any.includes("rsa-sha2-256"));
});

Deno.test("offer() puts what is old behind all else, and only for legacy", () => {
  const today = offer(modern([], true));
  const both = offer({ ...modern([], true), algorithms: "legacy" });

  for (const kind of ["kex", "serverHostKey", "cipher", "hmac"] as const) {
    const { length } = today[kind];
    assertEquals(both[kind].slice(0, length), today[kind]);
    assertEquals(weakOnes(both[kind]), both[kind].slice(length));
    assert(both[kind].length > length);
  }
});

Deno.test("unmet() names each kind that has nothing in common, but no MAC where the cipher needs none", () => {
  const ours = offer(modern([], true));
  const kinds = (theirs: Partial<typeof ours>) =>
    unmet(ours, { ...ours, ...theirs }).map(({ kind }) => kind);

  assertEquals(kinds({}), []);
  assertEquals(kinds({ hmac: ["hmac-md5"] }), []);
  assertEquals(kinds({ hmac: ["hmac-md5"], cipher: ["aes128-ctr"] }), ["MAC"]);
  assertEquals(
    kinds({ kex: [], serverHostKey: ["ssh-dss"], cipher: ["des"] }),
    [
      "key exchange",
      "host key",
      "cipher",
    ],
  );
});

Deno.test("isTruncatable() tells what Terrapin is about", () => {
  const mac = "hmac-sha2-256";
  assertEquals(
    [
      { cipher: "chacha20-poly1305@openssh.com", mac: "" },
      { cipher: "aes128-ctr", mac: `${mac}-etm@openssh.com` },
      { cipher: "aes128-gcm@openssh.com", mac: "" },
      { cipher: "aes128-ctr", mac },
    ].map(isTruncatable),
    [true, true, false, false],
  );
});

/** What ssh2's server keeps to itself: what it offers. */
interface Internals {
  readonly _protocol: { _offer: Offered };
}
interface Offered {
  readonly lists: {
    readonly kex: { array: string[] };
    readonly serverHostKey: { array: string[] };
    readonly cs: Record<"cipher" | "mac" | "compress", { array: string[] }>;
  };
  readonly constructor: new (lists: object) => Offered;
}

/** Takes strict key exchange out of what a server offers, as if it were from before 2024. */
function makeOld(connection: Connection): void {
  const { _protocol: protocol } = connection as unknown as Internals;
  const { constructor: Offer, lists } = protocol._offer;
  const { cipher, mac, compress } = lists.cs;
  const one = {
    cipher: cipher.array,
    mac: mac.array,
    compress: compress.array,
    lang: [],
  };
  protocol._offer = new Offer({
    kex: lists.kex.array.filter((name) => !name.startsWith("kex-strict")),
    serverHostKey: lists.serverHostKey.array,
    cs: one,
    sc: one,
  });
}

Deno.test("connect() logs in with AES-GCM to a server without strict key exchange, and never with ChaCha20", async () => {
  const directory = await Deno.makeTempDir();
  await makeKey(`${directory}/identity`, "ed25519");
  const hostKey = generateKeyPair();
  const agreed: string[] = [];
  const loggedIn = new Set<string>();
  const server = new ssh2.Server(
    { hostKeys: [hostKey.private] },
    (connection) => {
      makeOld(connection);
      let cipher = "";
      connection.on("error", () => {/* the first connection is dropped */});
      (connection as NodeJS.EventEmitter).on("handshake", ({ cs }) => {
        agreed.push(cipher = cs.cipher);
      });
      connection.on("authentication", (context) => {
        loggedIn.add(cipher);
        context.accept();
      });
      connection.on(
        "session",
        (accept) => accept().on("sftp", (accept) => accept()),
      );
    },
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const parsed = ssh2.utils.parseKey(hostKey.public);
  assert(!(parsed instanceof Error));

  const session = await connect(
    serverConfig({
      host: "127.0.0.1",
      port: server.address().port,
      identity: `${directory}/identity`,
      hostKeys: [fingerprint(parsed.getPublicSSH())],
      root: "/",
    }),
    limits(),
  );
  await session.end();
  await new Promise<void>((resolve) => server.close(resolve));
  await Deno.remove(directory, { recursive: true });

  assertEquals(
    { agreed, loggedIn: [...loggedIn] },
    {
      agreed: ["chacha20-poly1305@openssh.com", "aes128-gcm@openssh.com"],
      loggedIn: ["aes128-gcm@openssh.com"],
    },
  );
});
