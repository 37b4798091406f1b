import { assertEquals } from "@std/assert";
import { Doomed } from "../../fixtures/kill/process.ts";
import { which } from "../../fixtures/programs.ts";
import {
  type Publisher,
  relaisPublisher,
  runScript,
  toolbox,
} from "../../fixtures/publishers.ts";
import { Sources } from "../../fixtures/sources.ts";
import { publishScript } from "../../lib/publish/sh/script.ts";

const publishers: readonly (Publisher & {
  /** How the same is run as a process that can be killed. */
  command: (sources: Sources) => Doomed;
})[] = [
  {
    ...relaisPublisher,
    command(sources) {
      const config = sources.writeConfig();
      const args = ["publish", "--once", "--config", config];
      return Doomed.start(args, ["env", `PATH=${sources.root}/bin:${path()}`]);
    },
  },
  {
    name: "relais-publish.sh",
    publish: (config) => runScript(config),
    command(sources) {
      const script = `${sources.root}/publish.sh`;
      Deno.writeTextFileSync(script, publishScript(sources.config));
      return Doomed.run(
        ["env", `PATH=${sources.root}/bin:${path()}`, "sh", script],
      );
    },
  },
];

function path(): string {
  return Deno.env.get("PATH") ?? "";
}

/** Publishes, killed as soon as a barrier finds `condition` of sh to be true in the export. */
async function killedWhen(
  publisher: typeof publishers[number],
  sources: Sources,
  condition: string,
): Promise<void> {
  using tools = toolbox([[
    "sync",
    `#!/bin/sh
cd '${sources.into}' && ${condition} && kill -9 $PPID
exec ${which("sync")} "$@"
`,
  ]]);
  Deno.symlinkSync(tools.PATH, `${sources.root}/bin`);
  const { killed, stderr } = await publisher.command(sources).ended();
  assertEquals(killed, true, stderr);
}

for (const publisher of publishers) {
  const { name, publish } = publisher;

  Deno.test(`${name} exports a source again that was put back after a killed run had exported another version`, async () => {
    using sources = new Sources();
    sources.write("a.csv", "first");
    sources.sh("touch -d 2001-01-01 data/a.csv");
    await publish(sources.config);
    sources.write("a.csv", "second");
    await killedWhen(publisher, sources, "grep -q second a.csv");
    sources.write("a.csv", "first");
    sources.sh("touch -d 2001-01-01 data/a.csv");

    const { status } = await publish(sources.config);

    assertEquals([status, sources.sh("cat export/a.csv")], [0, "first"]);
  });

  Deno.test(`${name} takes away what a killed run exported and did not list, when its source is gone`, async () => {
    using sources = new Sources();
    sources.write("a.csv", "a");
    await publish(sources.config);
    sources.write("d/b.csv", "b");
    await killedWhen(publisher, sources, "[ -e d/b.csv ]");
    sources.sh("rm data/d/b.csv");

    const { status } = await publish(sources.config);

    assertEquals(
      [status, sources.sh("cd export && ls -d *.csv d/*.csv || :")],
      [
        0,
        "a.csv\n",
      ],
    );
    assertEquals(sources.entries(), ["1 + a.csv"]);
  });

  Deno.test(`${name} takes away what a killed run had withdrawn`, async () => {
    using sources = new Sources();
    sources.write("a.csv", "a");
    sources.write("b.csv", "b");
    await publish(sources.config);
    sources.sh("rm data/b.csv");
    // What the run was killed before: taking the file away, after its line.
    await publish(sources.config);
    sources.sh("echo b > export/b.csv && echo b.csv > export/.relais/journal");

    const { status } = await publish(sources.config);

    assertEquals([status, sources.sh("ls export")], [0, "a.csv\n"]);
  });
}

Deno.test("relais-publish.sh remembers what a killed run exported until that is settled", async () => {
  using sources = new Sources();
  sources.write("a.csv", "a");
  await runScript(sources.config);
  // Exported by a run that was killed; its source is found, and gone when it is copied.
  sources.write("b.csv", "b");
  sources.sh("echo b > export/b.csv && echo b.csv > export/.relais/journal");
  using tools = toolbox([[
    "cp",
    `#!/bin/sh
case "$*" in *b.csv*) rm -f '${sources.base}/b.csv' ;; esac
exec ${which("cp")} "$@"
`,
  ]]);
  const PATH = `${tools.PATH}:${path()}`;
  const first = await runScript(sources.config, ["sh"], { PATH });
  assertEquals([first.status, sources.sh("ls export")], [1, "a.csv\nb.csv\n"]);

  const { status } = await runScript(sources.config);

  assertEquals([status, sources.sh("ls export")], [0, "a.csv\n"]);
});

Deno.test("relais-publish.sh takes over a lock even from a run that was killed while it took it over", async () => {
  using sources = new Sources();
  sources.write("a.csv", "a");
  const lock = `${sources.into}/.relais/lock.sh`;
  for (const takeover of ["", "99999999\n"]) {
    Deno.mkdirSync(`${lock}/takeover`, { recursive: true });
    Deno.writeTextFileSync(`${lock}/pid`, "99999999\n");
    Deno.writeTextFileSync(`${lock}/takeover/pid`, takeover);

    assertEquals((await runScript(sources.config)).status, 0);
  }
});
