/**
 * The package for aarch64, built here, and run by QEMU.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { neededGlibc } from "../../build/runtime.ts";
import { run } from "../../build/run.ts";
import { Aarch64, noAarch64 } from "../../fixtures/aarch64.ts";
import { makeWorld } from "../../fixtures/world.ts";

const root = fromFileUrl(new URL("../..", import.meta.url));
const reason = noAarch64();

/** Who waits for what a slow processor answers. */
const patient = `[limits]
connect = "1m"
handshake = "5m"
request = "5m"

[probe]
timeout = "5m"`;

Deno.test({
  name: "the package for aarch64 is built and runs there" +
    (reason === undefined ? "" : ` (left out: ${reason})`),
  ignore: reason !== undefined,
  async fn(test) {
    const work = await Deno.makeTempDir({ prefix: "relais-aarch64-test-" });
    await using cleanup = new AsyncDisposableStack();
    cleanup.defer(() => Deno.remove(work, { recursive: true }));
    await run(Deno.execPath(), [
      ...["task", "--quiet", "package", "--quick"],
      ...["--target", "aarch64", "--output", work],
    ], { cwd: root });
    const [name] = [...Deno.readDirSync(work)].map(({ name }) => name)
      .filter((name) => name.endsWith("_arm64.deb"));
    const deb = `${work}/${name}`;

    await using machine = await Aarch64.make();
    await run("dpkg-deb", ["--extract", deb, machine.root]);

    await test.step("it tells its version", async () => {
      const { stdout, stderr } = await machine.run(
        "uname -m && relais --version",
      );
      assertMatch(
        stdout,
        /^aarch64\nrelais .*, aarch64-unknown-linux-gnu\)\n$/,
        stderr,
      );
    });

    await test.step("it asks for the glibc that the runtime needs which it has unpacked", async () => {
      const cache = `${machine.root}/root/.cache/relais`;
      const [payload] = [...Deno.readDirSync(cache)].map(({ name }) => name);
      const runtime = await Deno.readFile(`${cache}/${payload}/relais`);
      const fields = await run("dpkg-deb", [
        ...["--show", "--showformat", "${Architecture} ${Depends}", deb],
      ]);
      assertEquals(
        fields.split(",")[0],
        `arm64 libc6 (>= ${neededGlibc(runtime)})`,
      );
    });

    await test.step("it publishes, and takes files from a server of OpenSSH", async () => {
      await using world = await makeWorld({ more: patient });
      Deno.writeTextFileSync(`${world.production.data}/a.csv`, "a\n");
      Deno.writeFileSync(
        `${world.production.data}/large.csv`,
        new Uint8Array(3_000_000).fill(7),
      );
      const { config } = world.production;
      const command = `relais --once --json --config ${world.config}`;

      const shared = [world.directory, world.production.sshd.directory];
      const published = await machine.run(
        `relais publish --once --config ${config}`,
        shared,
      );
      const first = await machine.run(command, shared);
      const second = await machine.run(command, shared);

      assertEquals(
        [published, first, second].map(({ code }) => code),
        [0, 0, 0],
        published.stderr + first.stderr,
      );
      assertEquals(
        [first, second].map(({ stdout }) => JSON.parse(stdout).copied),
        [2, 0],
      );
      assertEquals(Deno.readTextFileSync(`${world.into}/a.csv`), "a\n");
      assertEquals(
        Deno.readFileSync(`${world.into}/large.csv`),
        Deno.readFileSync(`${world.production.data}/large.csv`),
      );
    });
  },
});
