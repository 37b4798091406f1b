import { assertEquals, assertMatch } from "@std/assert";
import { mayMount, runIsolated } from "../../fixtures/isolation.ts";
import { relais, relaisPath } from "../../fixtures/relais.ts";
import { faults } from "../../fixtures/schemas.ts";
import { Sources } from "../../fixtures/sources.ts";

function makePublisher(...files: string[]) {
  const sources = new Sources(files.length === 0 ? undefined : files);
  const config = sources.writeConfig();
  return {
    sources,
    check: (...args: string[]) =>
      relais(["check", ...args, "--config", config]),
    /** As root without the right to read what modes deny to it. */
    async checkAsMortal() {
      const mortal = Deno.uid() === 0
        ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
        : [];
      const [program, ...args] = [...mortal, relaisPath, "check"];
      const { code, stdout } = await new Deno.Command(program!, {
        args: [...args, "--config", config],
      }).output();
      return { code, stdout: new TextDecoder().decode(stdout) };
    },
    [Symbol.dispose]: () => sources[Symbol.dispose](),
  };
}

Deno.test("relais check tells what a publisher reads and where it writes, and changes nothing", async () => {
  using publisher = makePublisher();
  publisher.sources.write("a.csv", "12");
  publisher.sources.write("b.csv", "3");

  const { code, stdout, stderr } = await publisher.check();

  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^ok {2}sources: 2 files, 3 B, below \S+\/data$/m);
  assertMatch(
    stdout,
    /^ok {2}export: \S+\/export \(will be made\), .* free$/m,
  );
  assertMatch(stdout, /^ok {2}log: /m);
  // The directory of a test belongs to whoever runs it, or lies below /tmp.
  assertMatch(
    stdout,
    /sshd: .* does not belong to root, or others may write to it$/m,
  );
  assertEquals(publisher.sources.sh("ls"), "data\nrelais.toml\n");
});

Deno.test("relais check names sources that this account may not read, and globs that match nothing", async () => {
  using publisher = makePublisher("*.csv", "*.cvs");
  publisher.sources.write("open.csv", "1");
  publisher.sources.write("closed.csv", "1");
  publisher.sources.sh("chmod 0 data/closed.csv");

  const { code, stdout } = await publisher.checkAsMortal();

  assertEquals(code, 1);
  assertMatch(
    stdout,
    /^FAILED {2}sources: 1 of 2 files cannot be published: \S+\/closed\.csv: permission denied; /m,
  );
  assertMatch(stdout, /^warning {2}sources: nothing matches \S+\/\*\.cvs$/m);
});

Deno.test("relais check says that the sources are not there, with exit 5, and that the export cannot be written, with exit 4", async () => {
  using publisher = makePublisher();
  publisher.sources.sh("mkdir export; chmod 555 export; chmod 0 data");
  const closed = await publisher.checkAsMortal();
  publisher.sources.sh("chmod 755 data; rmdir data");
  const missing = await publisher.checkAsMortal();

  assertMatch(closed.stdout, /^FAILED {2}sources: .*data.*: .*denied/m);
  assertMatch(
    closed.stdout,
    /^FAILED {2}export: \S+ cannot write to (\S+); run as root: chown -R \S+: \1$/m,
  );
  assertEquals(missing.code, 5);
  assertMatch(
    missing.stdout,
    /^FAILED {2}sources: Cannot publish from .*: it is not a directory; nothing was withdrawn; check that its file system/m,
  );
});

Deno.test("relais check says where a link or another account is in the way of a publisher", async () => {
  using publisher = makePublisher();
  publisher.sources.write("a.csv", "1");
  publisher.sources.sh(
    "mkdir -p export elsewhere; ln -s ../elsewhere export/.relais",
  );

  const { code, stdout } = await publisher.check();

  assertEquals(code, 4);
  assertMatch(
    stdout,
    /^FAILED {2}export: \S+\/\.relais is a symbolic link; set publish\.into to its target$/m,
  );
});

Deno.test("relais check says that the clock was set back since the last run of a publisher", async () => {
  using publisher = makePublisher();
  publisher.sources.write("a.csv", "1");
  publisher.sources.sh(
    "mkdir -p export/.relais; touch -d '+1 day' export/.relais/list",
  );

  const { code, stdout } = await publisher.check();

  assertEquals(code, 0);
  assertMatch(stdout, /^warning {2}clock: the list was renewed at 20.*Z/m);
});

Deno.test("relais check --json marks what somebody should look at", async () => {
  using publisher = makePublisher("*.csv");

  const { code, stdout } = await publisher.check("--json");
  const findings = JSON.parse(stdout);
  assertEquals(await faults("check", stdout), []);

  assertEquals(code, 0);
  assertEquals(
    findings.filter(({ warning }: { warning?: true }) => warning)
      .map(({ what, ok }: { what: string; ok: boolean }) => [what, ok]),
    [["sources", true], ["sshd", true]],
  );
});

Deno.test({
  name:
    "relais check knows that an access list opens a source, and that a disk is read-only",
  ignore: !mayMount,
  async fn() {
    using publisher = makePublisher();
    const { sources } = publisher;
    sources.write("a.csv", "1");
    sources.sh(
      "mkdir export; chown 65534 data/a.csv; chmod 600 data/a.csv; setfacl -m u:0:r data/a.csv",
    );
    const opened = await publisher.checkAsMortal();
    const { stdout } = await runIsolated(
      [relaisPath, "check", "--config", sources.writeConfig()],
      {
        mounts: [
          `mount --bind "${sources.root}/export" "${sources.root}/export"`,
          `mount -o remount,bind,ro "${sources.root}/export"`,
        ],
      },
    );

    assertMatch(opened.stdout, /^ok {2}sources: 1 files, 1 B, /m);
    assertMatch(
      stdout,
      /^FAILED {2}export: root cannot write to (\S+): it is mounted read-only \(findmnt -T \1\)/m,
    );
  },
});
