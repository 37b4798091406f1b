import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { freshHostKey } from "../../../fixtures/ssh/fresh-host-key.ts";
import { serverConfig } from "../../../fixtures/ssh/server-config.ts";
import { makeKey } from "../../../fixtures/sshd.ts";
import { ConfigError, HostKeyError } from "../../../lib/errors.ts";
import {
  fingerprint,
  HostKeyVerifier,
  readTrust,
  trustedKeyTypes,
} from "../../../lib/ssh/ssh2/host-key.ts";
import { parseKnownHosts } from "../../../lib/ssh/ssh2/known-hosts.ts";

const key = freshHostKey();
const otherKey = freshHostKey();

/** What a verifier makes of `shown`, trusting these lines and fingerprints. */
function verify(
  shown: Uint8Array,
  { knownHosts = "", hostKeys = [] }: {
    knownHosts?: string;
    hostKeys?: string[];
  },
) {
  const trust = {
    lines: parseKnownHosts(knownHosts),
    fingerprints: hostKeys,
  };
  const verifier = new HostKeyVerifier(serverConfig({ hostKeys }), trust);
  const answer = verifier.verify(shown);
  return { answer, refusal: verifier.refusal };
}

const line = (blob: Buffer) =>
  `prod.example ssh-ed25519 ${blob.toString("base64")}`;

Deno.test("fingerprint() is what ssh-keygen tells", async () => {
  const directory = await Deno.makeTempDir();
  await makeKey(`${directory}/key`, "ed25519");
  const { stdout } = await new Deno.Command("ssh-keygen", {
    args: ["-lf", `${directory}/key.pub`],
  }).output();
  const [, blob] = (await Deno.readTextFile(`${directory}/key.pub`)).split(" ");
  await Deno.remove(directory, { recursive: true });

  assertEquals(
    fingerprint(Buffer.from(blob!, "base64")),
    new TextDecoder().decode(stdout).split(" ")[1],
  );
});

Deno.test("HostKeyVerifier answers exactly true to the key in known_hosts", () => {
  assertEquals(verify(key, { knownHosts: line(key) }), {
    answer: true,
    refusal: undefined,
  });
});

Deno.test("HostKeyVerifier answers exactly true to each pinned key", () => {
  const hostKeys = [fingerprint(key), fingerprint(otherKey)];

  assertEquals(
    [key, otherKey].map((shown) => verify(shown, { hostKeys }).answer),
    [true, true],
  );
});

Deno.test("HostKeyVerifier refuses another key, and tells both", () => {
  const { answer, refusal } = verify(otherKey, { knownHosts: line(key) });

  assertEquals(
    [answer, refusal!.message],
    [
      false,
      `Cannot trust production (prod.example:22): its host key is not the one in known_hosts: expected ${
        fingerprint(key)
      }, got ${fingerprint(otherKey)}`,
    ],
  );
});

Deno.test("HostKeyVerifier refuses a key that is not pinned, and tells both", () => {
  const { answer, refusal } = verify(otherKey, {
    hostKeys: [fingerprint(key)],
  });

  assertEquals(
    [answer, refusal!.message],
    [
      false,
      `Cannot trust production (prod.example:22): its host key is not the pinned one: expected ${
        fingerprint(key)
      }, got ${fingerprint(otherKey)}`,
    ],
  );
});

Deno.test("HostKeyVerifier refuses a host that nothing is known of, and says how to add it", () => {
  const { answer, refusal } = verify(key, {});

  assertEquals(answer, false);
  assertStringIncludes(refusal!.message, "is not in known_hosts");
  assertStringIncludes(refusal!.hint!, "ssh-keyscan -p 22 prod.example");
});

Deno.test("HostKeyVerifier refuses a revoked key even if it is pinned", () => {
  const { answer, refusal } = verify(key, {
    knownHosts: `@revoked ${line(key)}`,
    hostKeys: [fingerprint(key)],
  });

  assertEquals(answer, false);
  assertStringIncludes(refusal!.message, "is revoked");
});

Deno.test("HostKeyVerifier refuses the key in known_hosts if another one is pinned, and says which disagrees", () => {
  const { answer, refusal } = verify(key, {
    knownHosts: line(key),
    hostKeys: [fingerprint(otherKey)],
  });

  assertEquals(answer, false);
  assertStringIncludes(
    refusal!.message,
    `its host key ${fingerprint(key)} is in known_hosts, but host_key is ${
      fingerprint(otherKey)
    }`,
  );
  assertStringIncludes(refusal!.hint!, `set host_key = "${fingerprint(key)}"`);
});

Deno.test("HostKeyVerifier refuses the pinned key if known_hosts has another one, and says which disagrees", () => {
  const { answer, refusal } = verify(key, {
    knownHosts: line(otherKey),
    hostKeys: [fingerprint(key)],
  });

  assertEquals(answer, false);
  assertStringIncludes(
    refusal!.message,
    `its host key ${
      fingerprint(key)
    } is the one in host_key, but known_hosts has ${fingerprint(otherKey)}`,
  );
  assertStringIncludes(refusal!.hint!, "ssh-keygen -R 'prod.example'");
});

Deno.test("HostKeyVerifier takes the pinned key if known_hosts agrees, or says nothing of the host", () => {
  const hostKeys = [fingerprint(otherKey), fingerprint(key)];

  assertEquals(
    [`${line(otherKey)}\n${line(key)}`, line(key), ""].map((knownHosts) =>
      verify(key, { knownHosts, hostKeys }).answer
    ),
    [true, true, true],
  );
});

Deno.test("HostKeyVerifier says that host certificates are not supported", () => {
  const { answer, refusal } = verify(key, {
    knownHosts: `@cert-authority ${line(otherKey)}`,
  });

  assertEquals(answer, false);
  assertStringIncludes(refusal!.message, "certificates are not supported");
  assertStringIncludes(refusal!.hint!, 'set transport = "openssh" for ');
});

Deno.test("HostKeyVerifier answers exactly false if judging fails", () => {
  const { answer, refusal } = verify(
    null as unknown as Uint8Array,
    { knownHosts: line(key) },
  );

  assertEquals([answer, refusal instanceof HostKeyError], [false, true]);
});

Deno.test("HostKeyVerifier answers again at each rekeying", () => {
  const trust = { lines: parseKnownHosts(line(key)), fingerprints: [] };
  const verifier = new HostKeyVerifier(serverConfig(), trust);

  assertEquals(
    [key, otherKey].map((shown) => verifier.verify(shown)),
    [true, false],
  );
});

Deno.test("readTrust() reads several known_hosts files", async () => {
  const directory = await Deno.makeTempDir();
  const knownHosts = [`${directory}/a`, `${directory}/b`];
  await Deno.writeTextFile(knownHosts[0]!, line(otherKey));
  await Deno.writeTextFile(knownHosts[1]!, line(key));
  const trust = readTrust(serverConfig({ knownHosts }));
  await Deno.remove(directory, { recursive: true });

  assertEquals(trust.lines.length, 2);
});

Deno.test("readTrust() tells a known_hosts that is not there", () => {
  assertThrows(
    () => readTrust(serverConfig({ knownHosts: ["/nowhere/known_hosts"] })),
    ConfigError,
    "Cannot read known_hosts /nowhere/known_hosts of production: there is no such file",
  );
});

/** Puts something at a path, and returns what ends it. */
type Make = (path: string) => Promise<() => void>;
const kinds: Record<string, Make> = {
  async directory(path) {
    await Deno.mkdir(path);
    return () => {};
  },
  async FIFO(path) {
    await new Deno.Command("mkfifo", { args: [path] }).output();
    return () => {};
  },
  async device(path) {
    await Deno.symlink("/dev/zero", path);
    return () => {};
  },
  socket(path) {
    const listener = Deno.listen({ transport: "unix", path });
    return Promise.resolve(() => listener.close());
  },
};
for (const [kind, make] of Object.entries(kinds)) {
  Deno.test(`readTrust() refuses a known_hosts that is a ${kind}, and waits for nothing`, async () => {
    const directory = await Deno.makeTempDir();
    const path = `${directory}/known_hosts`;
    const end = await make(path);

    const error = assertThrows(
      () => readTrust(serverConfig({ knownHosts: [path] })),
      ConfigError,
      `Cannot read known_hosts ${path} of production: it is a ${kind}`,
    );
    end();
    await Deno.remove(directory, { recursive: true });
    assertStringIncludes(error.hint!, "ssh-keyscan");
  });
}

Deno.test("trustedKeyTypes() are those in known_hosts, of which those that are pinned come first, and any if there are none", () => {
  const rsa = keyOfType("ssh-rsa");
  const lines = parseKnownHosts(
    `${line(key)}\nprod.example ssh-rsa ${rsa.toString("base64")}`,
  );
  const types = (fingerprints: string[]) =>
    trustedKeyTypes({ lines, fingerprints });

  assertEquals(types([]), ["ssh-ed25519", "ssh-rsa"]);
  assertEquals(types([fingerprint(rsa)]), ["ssh-rsa"]);
  assertEquals(types([fingerprint(otherKey)]), ["ssh-ed25519", "ssh-rsa"]);
  assertEquals(
    trustedKeyTypes({ lines: [], fingerprints: [fingerprint(key)] }),
    [],
  );
});

/** Something that begins as a key of this type does. */
function keyOfType(type: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(type.length);
  return Buffer.concat([length, Buffer.from(`${type} and more`)]);
}
