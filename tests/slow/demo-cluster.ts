import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { canMount } from "../../fixtures/disk.ts";
import { testWithPostgres as test } from "../../fixtures/postgres.ts";
import { relais, relaisPath, spawnRelais } from "../../fixtures/relais.ts";
import { until } from "../../fixtures/until.ts";

/** A directory for temporary files, which the account of PostgreSQL may pass through. */
class TemporaryFiles implements Disposable {
  readonly directory = Deno.makeTempDirSync();

  constructor() {
    Deno.chmodSync(this.directory, 0o711);
  }

  get env(): Record<string, string> {
    return { TMPDIR: this.directory };
  }

  get names(): string[] {
    return Array.from(Deno.readDirSync(this.directory), ({ name }) => name);
  }

  /** Processes that were told of the directory. */
  get processes(): string[] {
    return Array.from(Deno.readDirSync("/proc"), ({ name }) => name)
      .filter((name) => /^\d+$/.test(name))
      .map(commandLine)
      .filter((line) => line.includes(this.directory));
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.directory, { recursive: true });
  }
}

function commandLine(pid: string): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`);
  } catch {
    return "";
  }
}

test("relais demo --cluster plays the whole story and leaves nothing behind", async () => {
  using files = new TemporaryFiles();

  const { code, stdout, stderr } = await relais(["demo", "--cluster"], {
    env: files.env,
  });

  assertEquals(code, 0, stdout + stderr);
  assertMatch(stdout, /r1 is killed in the middle of it, with \d+ of 2343/);
  assertStringIncludes(stdout, "2343 of the 2343 files of production are here");
  assertEquals([files.names, files.processes], [[], []]);
});

test("relais demo --cluster ends all that it has started when it is stopped", async () => {
  using files = new TemporaryFiles();
  const demo = spawnRelais(["demo", "--cluster"], {
    env: files.env,
    stderr: "null",
  });
  await until(() => files.processes.some((line) => line.includes("--once")));

  demo.kill("SIGTERM");
  const { code } = await demo.status;

  assertEquals(code, 128 + 15);
  assertEquals([files.names, files.processes], [[], []]);
});

test("nothing that relais demo --cluster has started outlives it when it is killed", async () => {
  using files = new TemporaryFiles();
  const demo = spawnRelais(["demo", "--cluster"], {
    env: files.env,
    stderr: "null",
  });
  await until(() => files.processes.some((line) => line.includes("--once")));

  demo.kill("SIGKILL");
  await demo.status;

  await until(() => files.processes.length === 0);
});

Deno.test({
  name: "without PostgreSQL, relais demo --cluster says what to install",
  ignore: !canMount(),
  async fn() {
    using files = new TemporaryFiles();
    const hide = 'if [ -d "$0" ]; then mount -t tmpfs none "$0"; fi; exec "$@"';
    const { code, stdout, stderr } = await new Deno.Command("unshare", {
      args: [
        ...["--mount", "sh", "-c", hide, "/usr/lib/postgresql"],
        ...[relaisPath, "demo", "--cluster"],
      ],
      env: files.env,
    }).output();

    assertEquals(code, 4);
    assertEquals(new TextDecoder().decode(stdout), "");
    assertStringIncludes(
      new TextDecoder().decode(stderr),
      "install the package postgresql",
    );
    assertEquals(files.names, []);
  },
});
