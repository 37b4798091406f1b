/**
 * The package for aarch64, built here, and run by QEMU.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { findRuntime, neededGlibc } from "../../build/runtime.ts";
import { run } from "../../build/run.ts";
import { targetNamed } from "../../build/targets.ts";
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

    await test.step("it asks for the glibc that its own runtime needs", async () => {
      await Deno.mkdir(`${work}/runtime`);
      const runtime = await findRuntime(
        targetNamed("aarch64"),
        `${work}/runtime`,
      );
      const needed = neededGlibc(await Deno.readFile(runtime));
      const fields = await run("dpkg-deb", [
        ...["--show", "--showformat", "${Architecture} ${Depends}", deb],
      ]);
      assertEquals(fields.split(",")[0], `arm64 libc6 (>= ${needed})`);
    });

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

    await test.step("it plays the demo", async () => {
      const { code, stdout, stderr } = await machine.run("relais demo");
      assertEquals(code, 0, stderr);
      assertMatch(stdout + stderr, /Copied 42 files from backup/);
    });

    await test.step("it takes files from a server of OpenSSH", async () => {
      await using world = await makeWorld({ more: patient });
      Deno.writeTextFileSync(`${world.production.data}/a.csv`, "a\n");
      Deno.writeFileSync(
        `${world.production.data}/large.csv`,
        new Uint8Array(3_000_000).fill(7),
      );
      await world.publish();
      const command = `relais --once --json --config ${world.config}`;

      const shared = [world.directory, world.production.sshd.directory];
      const first = await machine.run(command, shared);
      const second = await machine.run(command, shared);

      assertEquals([first.code, second.code], [0, 0], first.stderr);
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
