import { assertEquals, assertMatch } from "@std/assert";
import { isInstalled, which } from "../../fixtures/programs.ts";
import {
  relaisPublisher,
  runScript,
  shellPublishers,
  toolbox,
} from "../../fixtures/publishers.ts";
import { hostileNames, Sources } from "../../fixtures/sources.ts";
import { makeWorld, relais, treeOf } from "../../fixtures/world.ts";
import { Lock } from "../../lib/files/lock.ts";
import { publishScript } from "../../lib/publish/sh/script.ts";

const shells = shellPublishers();

/** What the script needs at least: POSIX utilities. */
const posix = [
  ...["sh", "awk", "cat", "chmod", "cksum", "cp", "date", "dd", "find", "fold"],
  ...["head", "ls", "mkdir", "mv", "od", "ps", "rm", "rmdir", "sed", "sleep"],
  ...["sort", "sync", "tail", "touch", "tr", "uname", "wc"],
];

/** What is relais's own in an export, but for the lock that the kernel knows. */
function ownOf({ into }: Sources): string[] {
  return [...Deno.readDirSync(`${into}/.relais`)].map(({ name }) => name)
    .filter((name) => name !== "lock");
}

/** Stands for the stat of a BSD: no `-c`, and `-f` is a format. */
const bsdStat = `#!/bin/sh
[ "$1" = -f ] || { echo "stat: illegal option" >&2; exit 1; }
[ "$2" = "//%z/%p/%m/%Fm/%N" ] || exit 1
shift 2
for file do
  ${which("stat")} -c "%s %f %Y %y" "$file" | {
    read -r size mode seconds day time zone
    printf '//%s/%o/%s/%s.%s/%s\\n' \\
      "$size" "0x$mode" "$seconds" "$seconds" "\${time#*.}" "$file"
  } || exit
done
`;

const toolboxes: Record<string, Parameters<typeof toolbox>[0]> = {
  "the stat of a BSD, and shasum": [["stat", bsdStat], "shasum", "perl"],
  "perl, and openssl": ["perl", "openssl"],
  "neither stat nor perl, and digest": ["tar", [
    "digest",
    `#!/bin/sh\n[ "$1 $2 $#" = "-a sha256 2" ] || exit 2\n` +
    `sum=$(${which("sha256sum")}) && echo "\${sum%% *}"\n`,
  ], [
    "cp",
    `#!/bin/sh\ncase $1 in --*) exit 1 ;; esac\nexec ${which("cp")} "$@"\n`,
  ]],
};

for (const [name, tools] of Object.entries(toolboxes)) {
  Deno.test(`relais-publish.sh with ${name} writes what relais writes`, async () => {
    using world = new Sources();
    const own = tools.filter((tool) => typeof tool !== "string");
    using env = toolbox([
      ...posix.filter((program) => !own.some(([name]) => name === program)),
      ...tools,
    ]);
    for (const hostile of hostileNames) world.write(hostile, hostile);
    // Files of one name in several directories, and a name that looks like a digest.
    for (const path of [`a/${"0".repeat(64)}`, "b/same", "b/SAME", "c/same"]) {
      world.write(path, path);
    }
    world.write("modes/a", "12");
    world.sh(`cd data/modes && for mode in 0 1777 2750 4711 6644 7000; do
      cp a $mode && chmod $mode $mode; done
      find .. -type f -exec touch -d '2001-02-03 04:05:06 UTC' {} +`);
    const relais = { ...world.config, into: `${world.root}/relais` };
    await relaisPublisher.publish(relais);

    const first = await runScript(world.config, ["sh"], { PATH: env.PATH });
    world.write("modes/a", "13");
    const second = await runScript(world.config, ["sh"], { PATH: env.PATH });

    assertEquals([first.told, first.status], [[], 0]);
    assertEquals([second.published, second.told], [1, []]);
    assertEquals(second.unchanged, hostileNames.length + 10);
    world.sh("touch -d '2001-02-03 04:05:06 UTC' export/modes/a");
    world.sh("printf 12 > export/modes/a; chmod 644 export/modes/a");
    const lines = world.lines().slice(0, -1);
    world.sh("mv export sh && mv relais export");
    assertEquals(lines, world.lines());
  });
}

Deno.test("relais-publish.sh with no SHA-256 gives the checksum of POSIX", async () => {
  using world = new Sources();
  using env = toolbox([...posix, "stat"]);
  world.write("a.csv", "1\n");
  await runScript(world.config, ["sh"], { PATH: env.PATH });
  const sum = world.sh("cksum < data/a.csv").split(" ")[0];
  assertEquals(
    world.lines()[0]!.split("\t").slice(5),
    [
      `cksum:${sum}`,
      "a.csv",
    ].slice(0, 2),
  );
});

for (const publisher of shells) {
  Deno.test(`${publisher.name} exports a name that is not UTF-8 under its %XX form`, async () => {
    using world = new Sources();
    world.sh(`cd data && d=$(printf 'd\\351p\\364t') && mkdir "$d" &&
      echo 1 > "$d/100%" && echo 2 > "$d/$(printf '50%%\\377\\n.csv')" &&
      echo 3 > "$(printf '\\357\\277\\275\\355\\240\\200')"`);

    const first = await publisher.publish(world.config);
    const second = await publisher.publish(world.config);

    assertEquals([first.status, first.published], [0, 3]);
    assertEquals([second.published, second.unchanged], [0, 3]);
    assertEquals(
      world.sh("cd export && find . -path ./.relais -prune -o -type f -print"),
      [
        "./%EF%BF%BD%ED%A0%80",
        "./d%E9p%F4t/100%",
        "./d%E9p%F4t/50%25%FF%0A.csv",
        "",
      ].join("\n"),
    );
    assertEquals(world.entries(), [
      "1 + d%25E9p%25F4t/100%25",
      "2 + d%25E9p%25F4t/50%2525%25FF%250A.csv",
      "3 + %25EF%25BF%25BD%25ED%25A0%2580",
    ]);
    world.sh("rm -r data/*");
    assertEquals((await publisher.publish(world.config)).withdrawn, 3);
    assertEquals(world.sh("cd export && find . -name '*%*' -type f"), "");
  });

  Deno.test(`${publisher.name} exports one of two sources that would have the same name`, async () => {
    using world = new Sources();
    world.sh(
      `cd data && echo 1 > caf%E9 && echo 22 > "$(printf 'caf\\351')"`,
    );
    for (const published of [1, 0]) {
      const run = await publisher.publish(world.config);
      assertEquals([run.status, run.published], [1, published]);
      assertMatch(
        run.told[0]!,
        /^Cannot publish caf%E9: another file has the name/,
      );
    }
    assertEquals(world.sh("cat export/caf%E9"), "1\n");
  });

  Deno.test(`${publisher.name} and relais publish refuse to work beside each other`, async () => {
    using world = new Sources();
    world.write("a.csv", "1");
    const own = `${world.into}/.relais`;
    const staged = `${own}/staging/under way`;
    {
      using _lock = Lock.take(own);
      Deno.mkdirSync(`${own}/staging`);
      Deno.writeTextFileSync(staged, "");
      const beside = await runScript(world.config, publisher.command);
      assertEquals(beside.status, 7);
      assertMatch(beside.told[0]!, /another relais uses it/);
      assertEquals(Deno.readTextFileSync(staged), "");
    }
    // It takes its time to find a digest.
    using tools = toolbox([[
      "sha256sum",
      `#!/bin/sh
: > "${world.root}/begun"
while [ ! -e "${world.root}/go" ]; do sleep 0.05; done
exec ${which("sha256sum")} "$@"
`,
    ]]);
    const PATH = `${tools.PATH}:${Deno.env.get("PATH")}`;
    const running = runScript(world.config, publisher.command, { PATH });
    world.sh(
      "for _ in $(seq 200); do [ ! -e begun ] || exit 0; sleep 0.05; done; exit 1",
    );
    const beside = await relaisPublisher.publish(world.config);
    world.sh(": > go");

    assertEquals([beside.status, beside.published], [7, 0]);
    assertEquals((await running).published, 1);
  });

  Deno.test(`${publisher.name} refuses to work beside another one, and not beside a dead one`, async () => {
    using world = new Sources();
    world.write("a.csv", "1");
    const lock = `${world.into}/.relais/lock.sh`;
    Deno.mkdirSync(lock, { recursive: true });
    Deno.writeTextFileSync(`${lock}/pid`, `${Deno.pid}\n`);

    const beside = await publisher.publish(world.config);
    assertEquals(beside.status, 7);
    assertMatch(beside.told[0]!, /another relais uses it/);
    assertEquals(Deno.statSync(lock).isDirectory, true);

    Deno.writeTextFileSync(`${lock}/pid`, "99999999\n");
    assertEquals((await publisher.publish(world.config)).published, 1);
    assertEquals(ownOf(world), ["list"]);

    Deno.mkdirSync(lock);
    assertEquals((await publisher.publish(world.config)).status, 0);
  });
}

Deno.test({
  name:
    "relais-publish.sh takes over a lock whose number another process has by now",
  ignore: which("ps") === "",
  async fn() {
    using world = new Sources();
    world.write("a.csv", "1");
    const lock = `${world.into}/.relais/lock.sh`;
    Deno.mkdirSync(lock, { recursive: true });
    Deno.writeTextFileSync(
      `${lock}/pid`,
      `${Deno.pid}\nsh /opt/relais-publish.sh\n`,
    );

    assertEquals((await runScript(world.config)).published, 1);
  },
});

/** Runs as somebody who may not read everything. */
function asNobody(world: Sources, shell: string): string[] {
  if (Deno.uid() !== 0) return [shell];
  world.sh('chown -R nobody "$PWD" && chmod 755 "$PWD"');
  return ["setpriv", "--reuid=65534", "--clear-groups", shell];
}

for (const shell of ["sh", "bash"]) {
  Deno.test(`relais-publish.sh (${shell}) skips what it cannot read, and withdraws nothing of it`, async () => {
    using world = new Sources();
    for (const path of ["a/b.csv", "c/d", "c/e", "e.csv", "f.csv", "g/h.csv"]) {
      world.write(path, path);
    }
    const nobody = asNobody(world, shell);
    const first = await runScript(world.config, nobody);
    world.sh("cd data && chmod 0 a e.csv && chmod 600 c && rm f.csv g/h.csv");
    world.sh("cd data && touch -d '2001-01-01' e.csv");

    const second = await runScript(world.config, nobody);

    assertEquals([first.published, first.told], [6, []]);
    assertEquals([second.status, second.published], [1, 0]);
    assertMatch(second.told.join("\n"), /\.\/a/);
    assertMatch(
      second.told.join("\n"),
      /Cannot publish e.csv: it cannot be read/,
    );
    assertEquals(world.entries().filter((entry) => entry.includes(" - ")), []);

    world.sh("cd data && chmod 755 c");
    const third = await runScript(world.config, nobody);
    assertEquals([third.status, third.withdrawn], [1, 2]);
    assertEquals(
      world.sh("cd export && find . -name '*.csv' | sort"),
      [
        ...["./a/b.csv", "./e.csv", ""],
      ].join("\n"),
    );
  });
}

Deno.test("relais-publish.sh withdraws nothing when its base cannot be read", async () => {
  using world = new Sources();
  world.write("a.csv", "1");
  const nobody = asNobody(world, "sh");
  await runScript(world.config, nobody);
  world.sh("chmod 111 data");
  const { status, withdrawn } = await runScript(world.config, nobody);
  assertEquals([status, withdrawn], [1, 0]);
});

Deno.test("relais-publish.sh publishes nothing where it cannot tell dates", async () => {
  using world = new Sources();
  using tools = toolbox([...posix, "stat"]);
  using bare = toolbox(posix);
  world.write("a.csv", "1");
  await runScript(world.config, ["sh"], { PATH: tools.PATH });
  const before = world.lines();

  const { status, told } = await runScript(world.config, ["sh"], {
    PATH: bare.PATH,
  });

  assertEquals([status, told.length], [4, 1]);
  assertMatch(told[0]!, /Cannot read the dates of files/);
  assertEquals(world.lines(), before);
});

Deno.test("relais-publish.sh withdraws nothing when it cannot look at files", async () => {
  using world = new Sources();
  using tools = toolbox([...posix, [
    "stat",
    `#!/bin/sh
case $* in *csv*) exit 1 ;; esac
exec ${which("stat")} "$@"
`,
  ]]);
  world.write("a.csv", "1");
  await runScript(world.config);
  const { status, withdrawn } = await runScript(world.config, ["sh"], {
    PATH: tools.PATH,
  });
  assertEquals([status, withdrawn, world.entries()], [1, 0, ["1 + a.csv"]]);
});

/** A sync that does something else the `time`th time it is called. */
function syncThat(does: string, time: number): readonly [string, string] {
  return [
    "sync",
    `#!/bin/sh
echo >> "\${0%/*}/calls"
[ "$(wc -l < "\${0%/*}/calls")" -ne ${time} ] || { ${does}; }
`,
  ];
}

for (const time of [1, 2, 3, 4, 5]) {
  Deno.test(`relais-publish.sh finishes what was killed at its barrier ${time}`, async () => {
    using world = new Sources();
    using tools = toolbox([
      ...posix.filter((program) => program !== "sync"),
      ...["stat", "sha256sum"],
      syncThat("kill -9 $PPID", time),
    ]);
    world.write("a.csv", "1");
    world.write("b/c.csv", "1");
    const PATH = tools.PATH;
    // Barriers 1 to 4 are those of the first run, 5 that of the withdrawal.
    if (time === 5) {
      await runScript(world.config, ["sh"], { PATH });
      world.sh("rm data/a.csv");
    }

    const killed = await runScript(world.config, ["sh"], { PATH });
    const after = await runScript(world.config);

    assertEquals([killed.status, after.status], [137, 0]);
    assertEquals(
      world.entries(),
      time === 5
        ? ["1 + a.csv", "2 + b/c.csv", "3 - a.csv"]
        : ["1 + a.csv", "2 + b/c.csv"],
    );
    assertEquals(ownOf(world), ["list"]);
  });
}

for (const { name, command } of shells) {
  Deno.test(`${name} stops in good order at a signal`, async () => {
    using world = new Sources();
    using tools = toolbox([
      ...posix.filter((program) => program !== "sync"),
      ...["stat", "sha256sum"],
      syncThat("kill -TERM $PPID", 2),
    ]);
    world.write("a.csv", "1");

    const { status } = await runScript(world.config, command, {
      PATH: tools.PATH,
    });

    assertEquals(status, 143);
    assertEquals(
      world.sh("ls -A export export/.relais"),
      [
        ...["export:", ".relais", "", "export/.relais:"],
        ...["journal", "list", ""],
      ].join("\n"),
    );
  });
}

Deno.test("relais-publish.sh publishes more than one batch", async () => {
  using world = new Sources();
  world.sh(`cd data && awk 'BEGIN { for (i = 1000; i < 1300; i++) {
      print i > i; close(i) } }'`);
  const { status, published } = await runScript(world.config);
  assertEquals([status, published], [0, 300]);
  assertEquals(world.entries().at(-1), "300 + 1299");
  assertEquals(world.sh("cd export && cat 1000 1299"), "1000\n1299\n");
});

Deno.test("relais-publish.sh refuses what it does not know", async () => {
  using world = new Sources();
  const script = `${world.root}/p.sh`;
  Deno.writeTextFileSync(script, publishScript(world.config));
  for (const args of [["-x"], ["a"], ["-q", "b"]]) {
    const { code, stderr } = await new Deno.Command("sh", {
      args: [script, ...args],
    }).output();
    assertEquals(code, 2);
    assertMatch(new TextDecoder().decode(stderr), /Usage: p.sh \[-q \| -v\]/);
  }
});

Deno.test("publishScript() quotes what the configuration says", async () => {
  using outer = new Sources();
  const base = `${outer.root}/it's "$HOME" \\ $& (a)`;
  const into = `${outer.root}/-e'x'\n`;
  Deno.mkdirSync(`${base}/in`, { recursive: true });
  Deno.writeTextFileSync(`${base}/in/a'\\.csv`, "1");
  const files = [`${base.replace("\\", "\\\\")}/**/*'\\\\.csv`];
  const { status, published, told } = await runScript({
    ...outer.config,
    base,
    into,
    files,
  });
  assertEquals([status, published, told], [0, 1, []]);
});

Deno.test({
  name: "publishScript() passes shellcheck",
  ignore: !isInstalled("shellcheck"),
  async fn() {
    using world = new Sources();
    const file = `${world.root}/relais-publish.sh`;
    Deno.writeTextFileSync(file, publishScript(world.config));
    const { stdout } = await new Deno.Command("shellcheck", {
      args: ["-s", "sh", file],
    }).output();
    assertEquals(new TextDecoder().decode(stdout), "");
  },
});

Deno.test("relais publish --print-sh prints the script of its configuration", async () => {
  using world = new Sources();
  const { base, into, files } = world.config;
  const config = `${world.root}/relais.toml`;
  Deno.writeTextFileSync(
    config,
    `[publish]\nbase = "${base}"\ninto = "${into}"\nfiles = ["${files[0]}"]
max_withdraw = "100%"
compact = "never"
`,
  );
  const { code, stdout } = await relais([
    ...["publish", "--print-sh", "--config", config],
  ]);
  assertEquals([code, stdout], [0, publishScript(world.config)]);
});

Deno.test("a replica copies what relais-publish.sh has published", async () => {
  await using world = await makeWorld();
  const { data: base, root: into } = world.production;
  using sources = new Sources();
  const files = [`${base}/**/*`];
  const config = { ...sources.config, base, into, files };
  for (const name of hostileNames) world.write({ [name]: name, gone: "1" });
  await runScript(config);
  const first = await world.pass();

  world.write({ "a/b.csv": "1" });
  await Deno.remove(`${base}/gone`);
  await runScript(config);
  const second = await world.pass();
  await runScript({ ...config, compaction: { size: 1, share: 1 } });
  const third = await world.pass();

  const { length } = hostileNames;
  assertEquals([first.exit, first.copied], [0, length + 1]);
  assertEquals([second.exit, second.copied], [0, 1]);
  assertEquals(third.generation === second.generation, false);
  assertEquals([third.exit, third.seen, third.copied], [0, length + 1, 0]);
  const { gone: _, ...copied } = treeOf(world.into);
  assertEquals(copied, treeOf(into));
  assertEquals(Object.keys(copied).length, length + 1);
});
