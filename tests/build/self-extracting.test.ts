import { assert, assertEquals, assertMatch } from "@std/assert";
import { writeSelfExtracting } from "../../build/self-extracting.ts";
import { hideCache, mayMount, runIsolated } from "../../fixtures/isolation.ts";
import { targetNamed, targets } from "../../build/targets.ts";

/** A program that starts at once, in the place of the runtime. */
const runtime = `#!/bin/sh
case $1 in --version) exit 0 ;; esac
while [ "\${1##*/}" != entry.js ]; do shift; done
shift
echo "started as $0 with: $*"
[ "$1" != sleep ] || exec sleep 60
`;

const here = targetNamed(Deno.build.target);

/** A directory for one test. */
class Place implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "relais-executable-" });

  /** Builds an executable; different `version`s have different payloads. */
  async build(
    { version = "1", program = runtime, target = here } = {},
  ): Promise<string> {
    const bundle = `${this.path}/bundle-${version}`;
    Deno.mkdirSync(`${bundle}/build`, { recursive: true });
    // No two tests find each other's payloads.
    const content = `// ${this.path} ${version}`;
    Deno.writeTextFileSync(`${bundle}/build/entry.js`, content);
    Deno.writeTextFileSync(`${this.path}/runtime`, program, { mode: 0o755 });
    const output = `${this.path}/relais-${version}`;
    await writeSelfExtracting(output, {
      bundle,
      runtime: `${this.path}/runtime`,
      target,
      compression: { tool: "gzip", level: 1 },
    });
    return output;
  }

  /** Makes a directory in this one. */
  directory(name: string, mode = 0o755): string {
    const path = `${this.path}/${name}`;
    Deno.mkdirSync(path);
    Deno.chmodSync(path, mode);
    return path;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

const payloadsIn = (cache: string) =>
  [...Deno.readDirSync(cache)].map(({ name }) => name).sort();

const caches: [name: string, env: (path: string) => Record<string, string>][] =
  [
    ["CACHE_DIRECTORY", (path) => ({
      CACHE_DIRECTORY: `${path}/cache:${path}/other`,
      XDG_CACHE_HOME: `${path}/xdg`,
    })],
    ["XDG_CACHE_HOME", (path) => ({
      XDG_CACHE_HOME: `${path}/xdg`,
      HOME: `${path}/home`,
    })],
    ["HOME", (path) => ({
      XDG_CACHE_HOME: "relative",
      HOME: `${path}/home`,
    })],
  ];

const expected: Record<string, string> = {
  CACHE_DIRECTORY: "cache",
  XDG_CACHE_HOME: "xdg/relais",
  HOME: "home/.cache/relais",
};

for (const [name, env] of caches) {
  Deno.test(`the executable unpacks itself once, where ${name} says`, async () => {
    using place = new Place();
    const executable = await place.build();

    const first = await runIsolated([executable, "a b", "--once"], {
      env: env(place.path),
    });
    const cache = `${place.path}/${expected[name]}`;
    const [payload] = payloadsIn(cache);
    Deno.writeTextFileSync(`${cache}/${payload}/mark`, "");
    const second = await runIsolated([executable, "a b", "--once"], {
      env: env(place.path),
    });

    assertMatch(first.stdout, /with: a b --once/);
    assertEquals(second, first);
    assertMatch(first.stdout, new RegExp(`as ${cache}/relais-[0-9a-f]{32}/`));
    assertEquals(payloadsIn(cache), [payload!]);
    assert(Deno.statSync(`${cache}/${payload}/mark`).isFile);
  });
}

Deno.test({
  name:
    "the executable keeps to a private directory where nothing else can be used",
  ignore: !mayMount,
  async fn() {
    using place = new Place();
    const executable = await place.build();
    const open = place.directory("open", 0o777);
    const tmp = place.directory("tmp");
    const elsewhere = place.directory("elsewhere");
    const env = { CACHE_DIRECTORY: open, HOME: "/dev/null", TMPDIR: tmp };

    const ran = await runIsolated([executable], {
      env,
      mounts: [hideCache],
    });
    Deno.removeSync(`${tmp}/relais-0`, { recursive: true });
    Deno.symlinkSync(elsewhere, `${tmp}/relais-0`);
    const refused = await runIsolated([executable], {
      env,
      mounts: [hideCache],
    });

    assertMatch(ran.stdout, new RegExp(`as ${tmp}/relais-0/relais-`));
    assertEquals(refused.code, 4);
    assertMatch(refused.stderr, /open belongs to others, or others may write/);
    assertEquals([...payloadsIn(open), ...payloadsIn(elsewhere)], []);
  },
});

Deno.test({
  name:
    "the executable never starts what somebody else may have put into its cache",
  ignore: !mayMount,
  async fn() {
    using place = new Place();
    const executable = await place.build();
    const env = { XDG_CACHE_HOME: place.path, TMPDIR: place.path };
    await runIsolated([executable], { env });
    const cache = `${place.path}/relais`;
    const [payload] = payloadsIn(cache);

    Deno.chmodSync(`${cache}/${payload}`, 0o775);
    const remade = await runIsolated([executable], {
      env,
      mounts: [hideCache],
    });
    const { mode } = Deno.statSync(`${cache}/${payload}`);
    Deno.chownSync(`${cache}/${payload}`, 65534, 65534);
    Deno.chmodSync(cache, 0o757);
    const elsewhere = await runIsolated([executable], {
      env,
      mounts: [hideCache],
    });

    assertMatch(remade.stdout, new RegExp(`as ${cache}/relais-`));
    assertEquals(mode! & 0o777, 0o755);
    assertMatch(elsewhere.stdout, new RegExp(`as ${cache}-0/relais-`));
  },
});

const mounts: [what: string, options: string, message: RegExp][] = [
  ["is mounted noexec", "noexec", /is mounted noexec/],
  ["is full", "size=64k", /has no room for \d+ MB/],
  ["is mounted read-only", "ro", /cannot be written to/],
];

for (const [what, options, message] of mounts) {
  Deno.test({
    name:
      `the executable passes over a cache that ${what}, and says so if there is no other`,
    ignore: !mayMount,
    async fn() {
      using place = new Place();
      const filler = `${runtime}# ${crypto.randomUUID().repeat(10_000)}`;
      const executable = await place.build({ program: filler });
      const cache = place.directory("cache");
      const tmp = place.directory("tmp");
      const mount = (at: string) =>
        `mount -t tmpfs -o mode=755,${options} none ${at}`;
      const env = { CACHE_DIRECTORY: cache, TMPDIR: tmp };

      const none = await runIsolated([executable], {
        env,
        mounts: [mount(cache), mount(tmp), hideCache],
      });
      const other = await runIsolated([executable], {
        env: { ...env, XDG_CACHE_HOME: place.path },
        mounts: [mount(cache)],
      });

      assertEquals(none.code, 4);
      assertMatch(none.stderr, message);
      assertMatch(none.stderr, /set XDG_CACHE_HOME to/);
      assertMatch(other.stdout, new RegExp(`as ${place.path}/relais/`));
      assertEquals(other.stderr, "");
    },
  });
}

for (
  const [what, spoil] of [
    ["cut", (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 10)],
    [
      "altered",
      (bytes: Uint8Array) => bytes.with(-100, bytes.at(-100)! ^ 0xff),
    ],
  ] as const
) {
  Deno.test(`an executable that was ${what} says so, and unpacks nothing`, async () => {
    using place = new Place();
    const executable = await place.build();
    Deno.writeFileSync(executable, spoil(Deno.readFileSync(executable)));

    const { code, stderr } = await runIsolated([executable], {
      env: { XDG_CACHE_HOME: place.path },
    });

    assertEquals(code, 4);
    assertMatch(stderr, /was cut or altered .* copy it again/);
  });
}

Deno.test("an executable for another machine says so", async () => {
  using place = new Place();
  const target = targets.find(({ machine }) => machine !== here.machine)!;
  const executable = await place.build({ target });
  const { code, stderr } = await runIsolated([executable]);
  assertEquals(code, 4);
  assertMatch(stderr, new RegExp(`is for ${target.machine}`));
});

for (
  const [what, program] of [
    [
      "a C library that is too old",
      `#!/bin/sh\necho "/lib/libc.so.6: version GLIBC_2.99 not found" >&2; exit 1\n`,
    ],
    ["no loader for the runtime", "#!/nonexistent/ld-linux.so.2\n"],
  ] as const
) {
  Deno.test(`the executable says that there is ${what}, and leaves nothing behind`, async () => {
    using place = new Place();
    const executable = await place.build({ program });
    const { code, stderr } = await runIsolated([executable], {
      env: { XDG_CACHE_HOME: place.path },
    });
    assertEquals(code, 4);
    assertMatch(
      stderr,
      /Cannot run here: .*not found.* needs Linux with glibc/,
    );
    assertEquals(payloadsIn(`${place.path}/relais`), []);
  });
}

for (const shell of ["dash", "bash --posix", "busybox sh", "ksh93"]) {
  Deno.test(`many first starts at once leave one payload, with ${shell}`, async () => {
    using place = new Place();
    const executable = await place.build();
    const env = { XDG_CACHE_HOME: place.path };
    const starts = Array.from(
      { length: 20 },
      (_, index) =>
        runIsolated([...shell.split(" "), executable, `${index}`], { env }),
    );

    const codes = (await Promise.all(starts)).map(({ code }) => code);

    assertEquals(codes, codes.map(() => 0));
    assertEquals(payloadsIn(`${place.path}/relais`).length, 1);
  });
}

Deno.test("a new version removes earlier ones that nobody runs, and what a killed start left", async () => {
  using place = new Place();
  const env = { XDG_CACHE_HOME: place.path };
  const cache = `${place.path}/relais`;
  // Only a program of its own shows in /proc where it lies.
  const sleep = Deno.realPathSync("/usr/bin/sleep");
  const versions = await Promise.all(
    ["1", "2", "3"].map((version) => place.build({ version })),
  );
  await runIsolated([versions[0]!], { env });
  const [first] = payloadsIn(cache);
  await runIsolated([versions[1]!], { env });
  const [second] = payloadsIn(cache);
  assert(first !== second, "the first one was not removed");

  Deno.copyFileSync(sleep, `${cache}/${second}/running`);
  const running = new Deno.Command(`${cache}/${second}/running`, {
    args: ["60"],
  }).spawn();
  Deno.mkdirSync(`${cache}/unpacking.4194305`);
  Deno.mkdirSync(`${cache}/unpacking.${Deno.pid}`);
  await runIsolated([versions[2]!], { env });
  running.kill();
  await running.status;

  const left = payloadsIn(cache);
  assertEquals(left.length, 3);
  assert(left.includes(second!), "what runs was removed");
  assert(left.includes(`unpacking.${Deno.pid}`));
});

Deno.test("the head of the executable passes shellcheck", async () => {
  const head = new URL("../../build/head.sh", import.meta.url).pathname;
  const { code, stdout } = await runIsolated(["shellcheck", head]);
  assertEquals([code, stdout], [0, ""]);
});
