import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { serverConfig } from "../fixtures/ssh/server-config.ts";
import { makeKey } from "../fixtures/sshd.ts";
import { ConfigError } from "../lib/errors.ts";
import { readIdentity } from "../lib/ssh/identity.ts";

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
    "it is no private key file",
  );
});

Deno.test("readIdentity() refuses a FIFO without waiting for its writer", async () => {
  using directory = await keyDirectory();
  const fifo = `${directory.path}/fifo`;
  await new Deno.Command("mkfifo", { args: ["-m", "600", fifo] }).output();

  assertStringIncludes(refusal(fifo).message, "it is no private key file");
});

Deno.test("readIdentity() tells a public key", async () => {
  using directory = await keyDirectory();
  const path = `${directory.key}.pub`;
  await Deno.chmod(path, 0o600);

  const { message, hint } = refusal(path);

  assertStringIncludes(message, "it is a public key");
  assertEquals(hint, "give the file without .pub");
});

Deno.test("readIdentity() tells what is no key, and does not repeat it", async () => {
  using directory = await keyDirectory();
  const path = `${directory.path}/text`;
  await Deno.writeTextFile(path, "a secret in the wrong place", {
    mode: 0o600,
  });

  const { message } = refusal(path);

  assertStringIncludes(message, "it is no private key that relais can read");
  assert(!message.includes("secret"), message);
});

for (const format of ["RFC4716", "PEM"]) {
  Deno.test(`readIdentity() tells an encrypted key in ${format} form, and what to do`, async () => {
    using directory = await keyDirectory();
    const path = `${directory.path}/encrypted`;
    await keygen("-q", "-t", "rsa", "-m", format, "-N", "secret", "-f", path);

    const { message, hint } = refusal(path);

    assertStringIncludes(message, "it is encrypted");
    assertStringIncludes(hint!, "ssh-keygen -p");
  });
}
