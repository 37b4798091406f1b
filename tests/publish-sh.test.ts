import { assertEquals, assertMatch } from "@std/assert";
import {
  isInstalled,
  relaisPublisher,
  runScript,
  shellPublishers,
  toolbox,
  which,
} from "../fixtures/publishers.ts";
import { relais } from "../fixtures/world.ts";
import { parseHeader, parseLine } from "../lib/list/format.ts";
import { publishScript } from "../lib/publish/sh/script.ts";

const publishers = [relaisPublisher, ...shellPublishers()];

/** Sources and an export, as text in which every byte is one character. */
function setUp(files: readonly string[] = ["**/*"]) {
  const root = Deno.makeTempDirSync({ prefix: "relais-publish-" });
  const base = `${root}/data`;
  const into = `${root}/export`;
  Deno.mkdirSync(base);
  const sh = (script: string) => {
    const { success, stdout, stderr } = new Deno.Command("sh", {
      args: ["-c", script],
      cwd: root,
      env: { LC_ALL: "C" },
    }).outputSync();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return new TextDecoder("latin1").decode(stdout);
  };
  return {
    root,
    base,
    into,
    sh,
    list: `${into}/.relais/list`,
    config: { base, into, files: files.map((glob) => `${base}/${glob}`) },
    write(path: string, text: string) {
      const absolute = `${base}/${path}`;
      Deno.mkdirSync(absolute.slice(0, absolute.lastIndexOf("/")), {
        recursive: true,
      });
      Deno.writeTextFileSync(absolute, text);
    },
    /** The lines of the list, without what differs from run to run. */
    lines() {
      const [header, ...lines] = Deno.readTextFileSync(this.list).split("\n");
      assertEquals("value" in parseHeader(header!), true, header);
      assertEquals(lines.pop(), "");
      for (const line of lines) {
        assertEquals("value" in parseLine(line), true, line);
      }
      return lines.map((line) => line.replace(/(?<=^\d+\t.\t)\S+\t/, ""));
    },
    /** Number, operation and path of each line. */
    entries() {
      return this.lines().map((line) =>
        line.replace(/^(\d+)\t(.)\t.*\t/, "$1 $2 ")
      );
    },
    /** Date, mode and digest of each file of the export but relais's own. */
    tree: () =>
      sh(`cd export && find . -path ./.relais -prune -o ! -type d \
        -exec stat -c '%Y %a %n' {} + -exec sha256sum {} + | sort`),
    [Symbol.dispose]: () => sh(`chmod -R u+rwx "$PWD" && rm -rf "$PWD"`),
  };
}

/** Declares a test for each publisher. */
function testEach(
  name: string,
  body: (publisher: typeof relaisPublisher) => Promise<void>,
): void {
  for (const publisher of publishers) {
    Deno.test(`${publisher.name} ${name}`, () => body(publisher));
  }
}

/** Names that have broken programs. */
const hostileNames = [
  "two\nlines",
  "ends in a line break\n",
  "\n",
  "\ttab and \\ backslash",
  " blanks ",
  "-rf",
  "$(touch owned)`touch owned`;&|<>",
  'it\'s "quoted"',
  "* ? [a] {b}",
  "100%",
  "%41",
  "\x01\x02\x1b[31m\x7f",
  "été",
  "日本",
  "x".repeat(255),
  "é".repeat(127),
  "\u{e000}",
  "\u{1f600}",
];

testEach("exports each file with its date and mode", async ({ publish }) => {
  using world = setUp();
  world.write("stock/été 1.csv", "a;b\n");
  world.write("empty.csv", "");
  world.write("open.csv", "x");
  world.sh(`cd data && chmod 640 empty.csv && chmod 6777 open.csv &&
    touch -d '1969-12-31 23:59:58.25 UTC' empty.csv &&
    touch -d '2001-02-03 04:05:06.0789 UTC' open.csv`);

  const { status, published } = await publish(world.config);

  assertEquals([status, published], [0, 3]);
  assertEquals(world.lines().map((line) => line.split("\t").slice(2, 5)), [
    ["-1.75", "0", "0640"],
    ["981173106.078", "1", "6777"],
    world.lines()[2]!.split("\t").slice(2, 5),
  ]);
  assertEquals(world.entries(), [
    "1 + empty.csv",
    "2 + open.csv",
    "3 + stock/été 1.csv",
  ]);
  assertEquals(
    world.sh("cd export && stat -c '%Y %a' empty.csv open.csv"),
    "-2 640\n981173106 775\n",
  );
  assertEquals(
    world.sh("stat -c %a export/.relais export/.relais/list"),
    [
      755,
      644,
      "",
    ].join("\n"),
  );
});

testEach(
  "appends nothing for files that did not change, and shows that it lives",
  async ({ publish }) => {
    using world = setUp();
    world.write("a.csv", "1");
    await publish(world.config);
    const before = Deno.readTextFileSync(world.list);
    Deno.utimeSync(world.list, 1, 1);

    const { status, unchanged, published } = await publish(world.config);

    assertEquals([status, unchanged, published], [0, 1, 0]);
    assertEquals(Deno.readTextFileSync(world.list), before);
    assertEquals(Deno.statSync(world.list).mtime!.getTime() > 1_000, true);
  },
);

testEach(
  "adds a line for a change, and one for a withdrawal",
  async ({ publish }) => {
    using world = setUp();
    for (const name of ["b", "c", "a", "d"]) {
      world.write(`${name}.csv`, name);
      await publish(world.config);
    }
    world.write("a.csv", "changed");
    world.sh("rm data/b.csv data/c.csv; touch -d '2001-01-01 UTC' data/d.csv");

    const { published, withdrawn } = await publish(world.config);

    assertEquals([published, withdrawn], [2, 2]);
    assertEquals(world.entries().slice(4), [
      "5 + a.csv",
      "6 + d.csv",
      "7 - b.csv",
      "8 - c.csv",
    ]);
    assertMatch(world.lines()[6]!, /^7\t-\t[\d.]+\t0\t-\t-\tb.csv$/);
    assertEquals(world.sh("ls export"), "a.csv\nd.csv\n");
  },
);

testEach(
  "takes up again what was withdrawn, and withdraws it again",
  async ({ publish }) => {
    using world = setUp();
    world.write("b.csv", "2");
    for (const there of [true, false, true, false]) {
      if (there) world.write("a.csv", "1");
      else Deno.removeSync(`${world.base}/a.csv`);
      await publish(world.config);
    }
    assertEquals(world.entries().filter((entry) => entry.endsWith("a.csv")), [
      "1 + a.csv",
      "3 - a.csv",
      "4 + a.csv",
      "5 - a.csv",
    ]);
  },
);

testEach(
  "takes a torn last line away before it appends",
  async ({ publish }) => {
    for (const torn of ["2\t+\t17000", "2\t+\0\0\0"]) {
      using world = setUp();
      world.write("a.csv", "1");
      await publish(world.config);
      const before = Deno.readTextFileSync(world.list);
      Deno.writeTextFileSync(world.list, torn, { append: true });
      world.write("b.csv", "2");

      const { status, told } = await publish(world.config);

      assertEquals([status, told], [0, ["a torn last line was taken away"]]);
      assertEquals(Deno.readTextFileSync(world.list).startsWith(before), true);
      assertEquals(world.entries(), ["1 + a.csv", "2 + b.csv"]);
    }
  },
);

testEach(
  "puts a list that is none aside, and begins a new one",
  async ({ publish }) => {
    for (const text of ["<html>\n", "", "relais-list\t1\tx", "\0\0\n"]) {
      using world = setUp();
      world.write("a.csv", "1");
      await publish(world.config);
      Deno.writeTextFileSync(world.list, text);

      const { told } = await publish(world.config);

      assertEquals(told.length, 1, text);
      assertEquals(world.entries(), ["1 + a.csv"]);
      assertEquals(
        world.sh("cat export/.relais/list.damaged-*"),
        text,
      );
    }
  },
);

testEach(
  "passes over lines that break a rule, and is led nowhere by them",
  async ({ publish }) => {
    using world = setUp();
    world.write("a.csv", "1");
    await publish(world.config);
    world.sh("echo precious > precious; ln -s .. export/up");
    const digest = `sha256:${"0".repeat(64)}`;
    const line = (seq: number, path: string) =>
      `${seq}\t+\t1\t1\t1\t0644\t${digest}\t${path}\n`;
    Deno.writeTextFileSync(
      world.list,
      [
        line(2, "../precious"),
        line(3, "up/precious"),
        line(4, "x/%2E%2E/%2e%2e/precious"),
        line(5, "%00"),
        line(6, "%ZZ"),
        line(7, "/precious"),
        line(8, "sound.csv").replace("1\t0644", "1e3\t0644"),
        "#signature\tof something\n",
        "9\t-\t1\t1\t1\t0644\t-\ta.csv\n",
        line(10, "%61 encoded%2dwithout%2Fneed.csv"),
      ].join(""),
      { append: true },
    );

    const { status, withdrawn } = await publish(world.config);

    assertEquals([status, withdrawn], [1, 2]);
    assertEquals(Deno.readTextFileSync(`${world.root}/precious`), "precious\n");
    assertEquals(
      Deno.readTextFileSync(world.list).split("\n").slice(-3, -1).map((text) =>
        text.replace(/^(\d+)\t(.)\t.*\t/, "$1 $2 ")
      ),
      ["11 - up/precious", "12 - a encoded-without/need.csv"],
    );
  },
);

testEach(
  "never names a file that keeps changing, and takes it once it is left alone",
  async ({ publish }) => {
    using world = setUp();
    world.write("a.csv", "x".repeat(10_000_000));
    const writer = new Deno.Command("sh", {
      args: ["-c", "while :; do echo more >> a.csv; done"],
      cwd: world.base,
    }).spawn();

    const changing = await publish(world.config);
    writer.kill("SIGKILL");
    await writer.status;
    const atRest = await publish(world.config);

    assertEquals([changing.status, changing.published], [1, 0]);
    assertMatch(changing.told.join("\n"), /skipped a.csv: .*it keeps changing/);
    assertEquals([atRest.status, atRest.published], [0, 1]);
    assertEquals(world.sh("cmp data/a.csv export/a.csv"), "");
  },
);

testEach(
  "passes over links and devices, and withdraws what becomes one",
  async ({ publish }) => {
    using world = setUp();
    world.write("a.csv", "1");
    world.write("b/c.csv", "1");
    await publish(world.config);
    world.sh(`cd data && ln -s /etc/passwd link.csv && mkfifo fifo.csv &&
    rm a.csv && ln -s /etc/passwd a.csv && mv b d && ln -s d b`);

    const { status, published, withdrawn } = await publish(world.config);

    assertEquals([status, published, withdrawn], [0, 1, 2]);
    assertEquals(world.sh("cd export && find . -name '*.csv'"), "./d/c.csv\n");
  },
);

testEach("writes through no link in the export", async ({ publish }) => {
  using world = setUp();
  world.sh("mkdir -p outside export && ln -s ../outside export/stock");
  world.write("stock/a.csv", "1");
  world.write("b.csv", "1");

  const { status, published, told } = await publish(world.config);

  assertEquals([status, published, told.length], [1, 1, 1]);
  assertMatch(told[0]!, /skipped stock\/a.csv: /);
  assertEquals(world.sh("ls outside"), "");
});

testEach(
  "replaces a link of the name of a file, and no directory",
  async ({ publish }) => {
    using world = setUp();
    world.sh("mkdir -p export/b.csv outside && ln -s ../outside export/a.csv");
    world.write("a.csv", "1");
    world.write("b.csv", "1");

    const { status, published } = await publish(world.config);

    assertEquals([status, published], [1, 1]);
    assertEquals(world.entries(), ["1 + a.csv"]);
    assertEquals(
      world.sh("cat export/a.csv; ls outside export/b.csv"),
      [
        "1export/b.csv:",
        "",
        "outside:",
        "",
      ].join("\n"),
    );
  },
);

testEach("withdraws nothing when its base is gone", async ({ publish }) => {
  using world = setUp();
  world.write("a.csv", "1");
  await publish(world.config);
  const before = Deno.readTextFileSync(world.list);
  Deno.renameSync(world.base, `${world.base}.unmounted`);

  const { status, told } = await publish(world.config);

  assertEquals(status, 5);
  assertMatch(told[0]!, /Cannot publish from .*: it is no directory/);
  assertEquals(Deno.readTextFileSync(world.list), before);
});

testEach("leaves an export below its base out", async ({ publish }) => {
  using world = setUp();
  const into = `${world.base}/deep/ex[p]ort *`;
  world.write("export/a.csv", "1");
  world.write("deep/a.csv", "1");
  Deno.mkdirSync(into);

  for (const expected of [2, 0]) {
    const { status, published } = await publish({ ...world.config, into });
    assertEquals([status, published], [0, expected]);
  }
  assertEquals(
    world.sh("cd data/deep/ex* && find . -name '*.csv' | sort"),
    [
      "./deep/a.csv",
      "./export/a.csv",
      "",
    ].join("\n"),
  );
});

testEach("takes only what its globs name", async ({ publish }) => {
  using world = setUp(["stock/**/*.csv", "{x,y}/?[!0-9].txt"]);
  for (
    const path of [
      "a.csv",
      "stock/b.csv",
      "stock/deep/c.csv",
      "stock/d.pdf",
      "x/ab.txt",
      "x/éé.txt",
      "x/a1.txt",
      "y/abc.txt",
      "y/ab/cd.txt",
    ]
  ) world.write(path, path);
  await publish(world.config);
  assertEquals(world.entries(), [
    "1 + stock/b.csv",
    "2 + stock/deep/c.csv",
    "3 + x/ab.txt",
    "4 + x/éé.txt",
  ]);
});

for (const publisher of shellPublishers()) {
  Deno.test(`${publisher.name} writes what relais writes`, async () => {
    using world = setUp();
    for (const name of hostileNames) {
      world.write(name, name);
      world.write(`in/${name.slice(0, 200)}/${name}`, name);
    }
    for (const name of ["a", "a.d/x", "a/x".repeat(40), "b/x", "b-/x", "b.x"]) {
      world.write(`order/${name.replace(/^a$/, "a.csv")}`, name);
    }
    const other = { ...world.config, into: `${world.root}/other` };

    const results = [
      await publisher.publish(world.config),
      await relaisPublisher.publish(other),
    ].map(({ told: _, ...counts }) => ({
      status: counts.status,
      published: counts.published,
    }));

    assertEquals(results[0], results[1]);
    const lines = world.lines();
    const tree = world.tree();
    world.sh("mv export mine && mv other export");
    assertEquals(lines, world.lines());
    assertEquals(tree, world.tree());

    // And what one has published, the other need not publish again.
    const { published, unchanged, withdrawn } = await publisher.publish(
      world.config,
    );
    assertEquals([published, withdrawn], [0, 0]);
    assertEquals(unchanged, lines.length);
    world.sh("rm -r data/in");
    assertEquals((await publisher.publish(world.config)).status, 0);
    assertEquals(
      (await relaisPublisher.publish({
        ...world.config,
        into: `${world.root}/mine`,
      })).status,
      0,
    );
    const withdrawals = world.lines();
    world.sh("rm -r export && mv mine export");
    assertEquals(withdrawals, world.lines());
  });
}

/** What the script needs at least: POSIX utilities. */
const posix = [
  ...["sh", "awk", "cat", "chmod", "cksum", "cp", "date", "dd", "find", "fold"],
  ...["head", "ls", "mkdir", "mv", "od", "ps", "rm", "rmdir", "sed", "sleep"],
  ...["sort", "sync", "tail", "touch", "tr", "uname", "wc"],
];

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
  ]],
};

for (const [name, tools] of Object.entries(toolboxes)) {
  Deno.test(`relais-publish.sh with ${name} writes what relais writes`, async () => {
    using world = setUp();
    using env = toolbox([...posix, ...tools]);
    for (const hostile of hostileNames) world.write(hostile, hostile);
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
    assertEquals(second.unchanged, hostileNames.length + 6);
    world.sh("touch -d '2001-02-03 04:05:06 UTC' export/modes/a");
    world.sh("printf 12 > export/modes/a; chmod 644 export/modes/a");
    const lines = world.lines().slice(0, -1);
    world.sh("mv export sh && mv relais export");
    assertEquals(lines, world.lines());
  });
}

Deno.test("relais-publish.sh with no SHA-256 gives the checksum of POSIX", async () => {
  using world = setUp();
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

for (const publisher of shellPublishers()) {
  Deno.test(`${publisher.name} exports a name that is not UTF-8 under its %XX form`, async () => {
    using world = setUp();
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
    using world = setUp();
    world.sh(
      `cd data && echo 1 > caf%E9 && echo 22 > "$(printf 'caf\\351')"`,
    );
    for (const published of [1, 0]) {
      const run = await publisher.publish(world.config);
      assertEquals([run.status, run.published], [1, published]);
      assertMatch(run.told[0]!, /^skipped caf%E9: another file has the name/);
    }
    assertEquals(world.sh("cat export/caf%E9"), "1\n");
  });

  Deno.test(`${publisher.name} refuses to work beside another one, and not beside a dead one`, async () => {
    using world = setUp();
    world.write("a.csv", "1");
    const lock = `${world.into}/.relais/lock.sh`;
    Deno.mkdirSync(lock, { recursive: true });
    Deno.writeTextFileSync(`${lock}/pid`, `${Deno.pid}\n`);

    const beside = await publisher.publish(world.config);
    assertEquals(beside.status, 7);
    assertMatch(beside.told[0]!, /another relais works with it/);
    assertEquals(Deno.statSync(lock).isDirectory, true);

    Deno.writeTextFileSync(`${lock}/pid`, "99999999\n");
    assertEquals((await publisher.publish(world.config)).published, 1);
    assertEquals([...Deno.readDirSync(`${world.into}/.relais`)].length, 1);

    Deno.mkdirSync(lock);
    assertEquals((await publisher.publish(world.config)).status, 0);
  });
}

/** Runs as somebody who may not read everything. */
function asNobody(world: ReturnType<typeof setUp>, shell: string): string[] {
  if (Deno.uid() !== 0) return [shell];
  world.sh('chown -R nobody "$PWD" && chmod 755 "$PWD"');
  return ["setpriv", "--reuid=65534", "--clear-groups", shell];
}

for (const shell of ["sh", "bash"]) {
  Deno.test(`relais-publish.sh (${shell}) skips what it cannot read, and withdraws nothing of it`, async () => {
    using world = setUp();
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
    assertMatch(second.told.join("\n"), /skipped e.csv: it cannot be read/);
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
  using world = setUp();
  world.write("a.csv", "1");
  const nobody = asNobody(world, "sh");
  await runScript(world.config, nobody);
  world.sh("chmod 111 data");
  const { status, withdrawn } = await runScript(world.config, nobody);
  assertEquals([status, withdrawn], [1, 0]);
});

Deno.test("relais-publish.sh publishes nothing where it cannot tell dates", async () => {
  using world = setUp();
  using tools = toolbox([...posix, "stat"]);
  using bare = toolbox(posix);
  world.write("a.csv", "1");
  await runScript(world.config, ["sh"], { PATH: tools.PATH });
  const before = world.lines();

  const { status, told } = await runScript(world.config, ["sh"], {
    PATH: bare.PATH,
  });

  assertEquals([status, told.length], [4, 1]);
  assertMatch(told[0]!, /Cannot tell the dates of files/);
  assertEquals(world.lines(), before);
});

Deno.test("relais-publish.sh withdraws nothing when it cannot look at files", async () => {
  using world = setUp();
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
    using world = setUp();
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
    assertEquals([...Deno.readDirSync(`${world.into}/.relais`)].length, 1);
  });
}

for (const { name, command } of shellPublishers()) {
  Deno.test(`${name} stops in good order at a signal`, async () => {
    using world = setUp();
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
        ...["export:", ".relais", "", "export/.relais:", "list", ""],
      ].join("\n"),
    );
  });

  Deno.test(`${name} publishes more than one batch`, async () => {
    using world = setUp();
    world.sh(`cd data && awk 'BEGIN { for (i = 1000; i < 1300; i++) {
      print i > i; close(i) } }'`);
    const { status, published } = await runScript(world.config, command);
    assertEquals([status, published], [0, 300]);
    assertEquals(world.entries().at(-1), "300 + 1299");
    assertEquals(world.sh("cd export && cat 1000 1299"), "1000\n1299\n");
  });
}

Deno.test("relais-publish.sh refuses what it does not know", async () => {
  using world = setUp();
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
  using outer = setUp();
  const base = `${outer.root}/it's "$HOME" \\ $& (a)`;
  const into = `${outer.root}/-e'x'\n`;
  Deno.mkdirSync(`${base}/in`, { recursive: true });
  Deno.writeTextFileSync(`${base}/in/a'\\.csv`, "1");
  const files = [`${base.replace("\\", "\\\\")}/**/*'\\\\.csv`];
  const { status, published, told } = await runScript({ base, into, files });
  assertEquals([status, published, told], [0, 1, []]);
});

Deno.test({
  name: "publishScript() passes shellcheck",
  ignore: !isInstalled("shellcheck"),
  async fn() {
    using world = setUp();
    const file = `${world.root}/relais-publish.sh`;
    Deno.writeTextFileSync(file, publishScript(world.config));
    const { stdout } = await new Deno.Command("shellcheck", {
      args: ["-s", "sh", file],
    }).output();
    assertEquals(new TextDecoder().decode(stdout), "");
  },
});

Deno.test("relais publish --print-sh prints the script of its configuration", async () => {
  using world = setUp();
  const { base, into, files } = world.config;
  const config = `${world.root}/relais.toml`;
  Deno.writeTextFileSync(
    config,
    `[publish]\nbase = "${base}"\ninto = "${into}"\nfiles = ["${files[0]}"]\n`,
  );
  const { code, stdout } = await relais([
    ...["publish", "--print-sh", "--config", config],
  ]);
  assertEquals([code, stdout], [0, publishScript(world.config)]);
});
