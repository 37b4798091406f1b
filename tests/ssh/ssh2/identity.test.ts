import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  bitsOfCurves,
  countSigning,
  keyForms,
  makeEcdsaKey,
  signs,
} from "../../../fixtures/ssh/ecdsa-keys.ts";
import { serverConfig } from "../../../fixtures/ssh/server-config.ts";
import { Buffer } from "node:buffer";
import {
  createECDH,
  createPrivateKey,
  generateKeyPairSync,
  verify,
} from "node:crypto";
import ssh2, { type ParsedKey } from "ssh2";
import { makeKey } from "../../../fixtures/sshd.ts";
import { ConfigError } from "../../../lib/errors.ts";
import { readIdentity } from "../../../lib/ssh/ssh2/identity.ts";

/** A directory with one private key. */
async function keyDirectory() {
  const path = await Deno.makeTempDir();
  await makeKey(`${path}/key`, "ed25519");
  return {
    path,
    key: `${path}/key`,
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}

async function keygen(...args: string[]): Promise<void> {
  await new Deno.Command("ssh-keygen", { args }).output();
}

/** How reading the key at `identity` is refused. */
function refusal(identity: string): ConfigError {
  return assertThrows(
    () => readIdentity(serverConfig({ identity })),
    ConfigError,
    `Cannot use the key ${identity} of production`,
  );
}

Deno.test("readIdentity() reads a private key", async () => {
  using directory = await keyDirectory();

  assertEquals(readIdentity(serverConfig({ identity: directory.key })), {
    privateKey: await Deno.readTextFile(directory.key),
    agent: null,
  });
});

Deno.test("readIdentity() calls a key by the path that the configuration names, if systemd has handed it over", async () => {
  using directory = await keyDirectory();
  await keygen("-q", "-p", "-N", "secret", "-f", directory.key);
  const server = serverConfig({
    identity: directory.key,
    namedIdentity: "/etc/relais/my key",
  });

  const { message, hint } = assertThrows(
    () => readIdentity(server),
    ConfigError,
  );

  assertEquals(
    message,
    "Cannot use the key /etc/relais/my key of production: it is encrypted",
  );
  assertStringIncludes(hint!, "ssh-keygen -p -f '/etc/relais/my key'");
});

Deno.test("readIdentity() follows a symbolic link to a key", async () => {
  using directory = await keyDirectory();
  const link = `${directory.path}/link`;
  await Deno.symlink(directory.key, link);

  const { privateKey } = readIdentity(serverConfig({ identity: link }));

  assertEquals(privateKey, await Deno.readTextFile(directory.key));
});

Deno.test("readIdentity() refuses a key that others can read", async () => {
  using directory = await keyDirectory();
  for (const mode of [0o644, 0o640, 0o604, 0o620]) {
    await Deno.chmod(directory.key, mode);

    const { message, hint } = refusal(directory.key);

    assertStringIncludes(message, "others can read it");
    assertEquals(hint, `chmod 600 ${directory.key}`);
  }
});

Deno.test({
  name: "readIdentity() takes a key that systemd hands over by an access list",
  ignore: Deno.uid() !== 0,
  async fn() {
    using directory = await keyDirectory();
    const unit = `/run/credentials/relais-test-${crypto.randomUUID()}`;
    await Deno.mkdir(unit, { recursive: true });
    try {
      const identity = `${unit}/key`;
      await Deno.copyFile(directory.key, identity);
      await Deno.chmod(identity, 0o440);
      assert(readIdentity(serverConfig({ identity })).privateKey !== null);
      await Deno.chmod(identity, 0o444);
      assertStringIncludes(refusal(identity).message, "others can read it");
    } finally {
      await Deno.remove(unit, { recursive: true });
    }
  },
});

Deno.test("readIdentity() tells a key that is not there", () => {
  assertStringIncludes(
    refusal("/nowhere/id_ed25519").message,
    "there is no such file",
  );
});

Deno.test("readIdentity() refuses a directory", async () => {
  using directory = await keyDirectory();
  await Deno.mkdir(`${directory.path}/below`, { mode: 0o700 });

  assertStringIncludes(
    refusal(`${directory.path}/below`).message,
    "it is a directory, not a regular file",
  );
});

Deno.test("readIdentity() refuses a FIFO without waiting for its writer", async () => {
  using directory = await keyDirectory();
  const fifo = `${directory.path}/fifo`;
  await new Deno.Command("mkfifo", { args: ["-m", "600", fifo] }).output();

  assertStringIncludes(
    refusal(fifo).message,
    "it is a FIFO, not a regular file",
  );
});

Deno.test("readIdentity() tells a public key", async () => {
  using directory = await keyDirectory();
  const path = `${directory.key}.pub`;

  for (const mode of [0o600, 0o644]) {
    await Deno.chmod(path, mode);
    const { message, hint } = refusal(path);

    assertStringIncludes(message, "it is a public key");
    assertEquals(hint, `set identity = "${directory.key}"`);
  }
});

Deno.test("readIdentity() tells what is no key, and does not repeat it", async () => {
  using directory = await keyDirectory();
  const path = `${directory.path}/text`;
  await Deno.writeTextFile(path, "a secret in the wrong place", {
    mode: 0o600,
  });

  const { message } = refusal(path);

  assertStringIncludes(message, "it is not a private key that relais can read");
  assert(!message.includes("secret"), message);
});

for (const form of keyForms) {
  Deno.test(`readIdentity() tells an encrypted key in ${form} form, and what to do`, async () => {
    using directory = await keyDirectory();
    const path = `${directory.path}/encrypted`;
    await makeEcdsaKey(path, { bits: "256", form, passphrase: "secret" });

    const { message, hint } = refusal(path);

    assertStringIncludes(message, "it is encrypted");
    assertStringIncludes(hint!, `ssh-keygen -p -f ${path}`);
  });
}

for (const bits of bitsOfCurves) {
  for (const form of keyForms) {
    Deno.test(`readIdentity() reads keys of P-${bits} in ${form} form so that they sign`, async () => {
      // Of OpenSSH's own form, every second one begins with what Deno does not take.
      const count = form === "RFC4716" ? 12 : 3;

      assertEquals(await countSigning(count, { bits, form }), count);
    });
  }
}

for (const [bits, curve] of [["256", "prime256v1"], ["384", "secp384r1"]]) {
  Deno.test(`readIdentity() reads a key of P-${bits} whose private number begins with zeros so that it signs`, async () => {
    using directory = await keyDirectory();
    const path = `${directory.path}/zeros`;
    await makeEcdsaKey(path, { bits: bits!, form: "PEM" });
    await Deno.writeTextFile(path, keyWithZeros(curve!));
    await Deno.remove(`${path}.pub`);
    // ssh-keygen writes it without its zeros.
    await keygen("-q", "-p", "-N", "", "-f", path);
    const { stdout } = await new Deno.Command("ssh-keygen", {
      args: ["-y", "-f", path],
    }).output();
    await Deno.writeFile(`${path}.pub`, stdout);

    assert((await Deno.readTextFile(path)).includes("OPENSSH"));
    assert(signs(path));
  });
}

/** A key whose private number begins with two zeros; less than half the bits of the curve, and ssh-keygen would not take it. */
function keyWithZeros(curve: string): string {
  const ecdh = createECDH(curve);
  const { length } = ecdh.generateKeys();
  const number = Buffer.alloc((length - 1) / 2, 5).fill(0, 0, 2);
  ecdh.setPrivateKey(number);
  const point = ecdh.getPublicKey();
  const [x, y] = [
    point.subarray(1, 1 + number.length),
    point.subarray(1 + number.length),
  ].map((part) => part!.toString("base64url")) as [string, string];
  const crv = curve === "secp384r1" ? "P-384" : "P-256";
  const d = number.toString("base64url");
  const key = createPrivateKey({
    key: { kty: "EC", crv, x, y, d },
    format: "jwk",
  });
  return key.export({ type: "pkcs8", format: "pem" }) as string;
}

for (const type of ["rsa", "ed25519"] as const) {
  Deno.test(`readIdentity() reads a key of ${type} in PKCS8 form so that it signs`, async () => {
    using directory = await keyDirectory();
    const path = `${directory.path}/pkcs8`;
    const pair = type === "rsa"
      ? generateKeyPairSync("rsa", { modulusLength: 2048 })
      : generateKeyPairSync("ed25519");
    const form = { type: "pkcs8", format: "pem" } as const;
    await Deno.writeTextFile(path, pair.privateKey.export(form) as string, {
      mode: 0o600,
    });

    const { privateKey } = readIdentity(serverConfig({ identity: path }));

    const key = ssh2.utils.parseKey(privateKey!) as ParsedKey;
    const message = Buffer.from("what a server wants signed");
    const signature = key.sign(message) as Buffer;
    const hash = type === "rsa" ? "sha1" : null;
    assertEquals(verify(hash, message, pair.publicKey, signature), true);
  });
}

Deno.test("readIdentity() tells a FIDO key, and the transport that can use it", async () => {
  using directory = await keyDirectory();
  const path = `${directory.path}/fido`;
  const contents =
    "openssh-key-v1\0\0\0\0\x04none\0\0\0\x04none\0\0\0\0\0\0\0\x01" +
    "\0\0\0\x1e\0\0\0\x1ask-ssh-ed25519@openssh.com";
  await Deno.writeTextFile(
    path,
    `-----BEGIN OPENSSH PRIVATE KEY-----\n${
      btoa(contents)
    }\n-----END OPENSSH PRIVATE KEY-----\n`,
    { mode: 0o600 },
  );

  const { message, hint } = refusal(path);

  assertStringIncludes(message, "it is a FIDO key");
  assertStringIncludes(hint!, 'set transport = "openssh" for production');
});

Deno.test("readIdentity() tells a key that cannot sign", async () => {
  using directory = await keyDirectory();
  const path = `${directory.path}/zero`;
  await makeEcdsaKey(path, { bits: "256", form: "RFC4716" });
  await Deno.writeTextFile(path, withoutNumber(await Deno.readTextFile(path)));

  assertStringIncludes(refusal(path).message, "it cannot sign");
});

/** The key in OpenSSH's form, with zero for its private number, which no key has. */
function withoutNumber(text: string): string {
  const lines = text.trim().split("\n");
  const bytes = Buffer.from(lines.slice(1, -1).join(""), "base64");
  // The number comes right before the comment.
  const comment = bytes.lastIndexOf("test only") - 4;
  const length = [33, 32].find((length) =>
    bytes.readUInt32BE(comment - length - 4) === length
  )!;
  bytes.fill(0, comment - length, comment);
  return [lines[0], bytes.toString("base64"), lines.at(-1), ""].join("\n");
}
