import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { mayMount, runIsolated } from "../../fixtures/isolation.ts";
import { relais, relaisPath } from "../../fixtures/relais.ts";
import { faults } from "../../fixtures/schemas.ts";
import { allJobs, isJobName } from "../../lib/config/job.ts";
import { parseConfig } from "../../lib/config/parse.ts";
import { sampleConfig } from "../../lib/config/sample.ts";
import { ConfigError } from "../../lib/errors.ts";
import { unitsFor } from "../../lib/systemd/units.ts";
import { formatUnit } from "../../lib/systemd/unit-file.ts";

const parse = (path: string, text = sampleConfig()) => parseConfig(text, path);

Deno.test("a job has a state and a log of its own, and the one that needs no name the usual ones", () => {
  const stock = parse("/etc/relais/stock.toml");
  const usual = parse("/etc/relais/relais.toml");
  const elsewhere = parse("/srv/stock.toml");

  assertEquals(
    [stock, usual, elsewhere].map(({ job, replica, log }) => [
      job,
      replica!.state,
      log.file,
    ]),
    [
      ["stock", "/var/lib/relais/stock", "/var/log/relais/stock/relais.log"],
      [null, "/var/lib/relais", "/var/log/relais/relais.log"],
      [null, "/var/lib/relais", "/var/log/relais/relais.log"],
    ],
  );
});

Deno.test("a job may be told another state and another log", () => {
  const { replica, log } = parse(
    "/etc/relais/stock.toml",
    sampleConfig().replace(/^# (?=state = )/m, "")
      .replace(/^# (?=file = )/m, ""),
  );

  assertEquals(
    [replica!.state, log.file],
    ["/var/lib/relais", "/var/log/relais/relais.log"],
  );
});

Deno.test("what is wrong with the tables of a job is told as elsewhere", () => {
  const error = assertThrows(
    () => parse("/etc/relais/stock.toml", "replica = 1\nlog = 2\n"),
    ConfigError,
  );

  assertEquals(
    error.problems.map((problem) => problem.replace(/^\S+ /, "")).sort(),
    assertThrows(
      () => parse("/srv/stock.toml", "replica = 1\nlog = 2\n"),
      ConfigError,
    ).problems.map((problem) => problem.replace(/^\S+ /, "")).sort(),
  );
});

Deno.test("isJobName() allows nothing that leads elsewhere", () => {
  const good = ["stock", "a", "9", "_", "a.b-c_D", "x".repeat(64)];
  const wrong = ["", ".", "..", ".a", "-a", "a/b", "a b", "é", "a\n", "a@b"];
  assertEquals(good.filter((name) => !isJobName(name)), []);
  assertEquals([...wrong, "x".repeat(65)].filter(isJobName), []);
});

Deno.test("relais --job says which names are allowed, and which file is missing", async () => {
  const wrong = await relais(["status", "--job", "../x"]);
  const missing = await relais(["status", "--job", "no-such-job"]);
  const both = await relais(["status", "--job", "a", "--config", "b"]);

  assertEquals([wrong.code, missing.code, both.code], [2, 2, 2]);
  assertMatch(
    wrong.stderr,
    /"..\/x" is not the name of a job; write up to 64 letters/,
  );
  assertMatch(
    missing.stderr,
    /there is no \/etc\/relais\/no-such-job\.toml; "relais init /,
  );
  assertMatch(both.stderr, /Cannot use --job and --config together/);
});

Deno.test("allJobs() names the configurations of a directory, and says that there is none", () => {
  const directory = Deno.makeTempDirSync();
  assertThrows(() => allJobs(directory), ConfigError, "Cannot find any job");
  for (
    const name of ["b.toml", "a.toml", ".c.toml", "known_hosts", "d e.toml"]
  ) {
    Deno.writeTextFileSync(`${directory}/${name}`, "");
  }

  assertEquals(allJobs(directory), ["a", "b"]);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("the units of a job are instances, and share nothing with those of another", () => {
  const units = unitsFor(parse("/etc/relais/stock.toml"), {
    executable: "/usr/local/bin/relais",
    config: "/etc/relais/stock.toml",
    user: "relais",
    perUser: false,
  });
  const [service] = units.map(formatUnit);

  assertEquals(
    units.map(({ name }) => name),
    [
      ...["relais@stock.service", "relais@stock.timer"],
      ...["relaisd@stock.service", "relais-serve@stock.service"],
    ],
  );
  for (
    const line of [
      "ExecStart=/usr/local/bin/relais --once --config /etc/relais/stock.toml",
      "StateDirectory=relais/stock",
      "LogsDirectory=relais/stock",
      "CacheDirectory=relais/stock",
    ]
  ) assertEquals(service!.split("\n").includes(line), true, line);
  assertMatch(
    formatUnit(units[2]!),
    /^Conflicts=relais@stock\.timer relais@stock\.service$/m,
  );
});

/** A machine with jobs: what `/etc/relais` is to this machine is left alone. */
class Machine implements Disposable {
  readonly root = Deno.makeTempDirSync({ prefix: "relais-jobs-" });

  constructor() {
    Deno.mkdirSync(`${this.root}/etc/relais`, { recursive: true });
  }

  /** Writes the configuration of a job that publishes. */
  addJob(name: string, more = ""): void {
    const home = `${this.root}/${name}`;
    Deno.mkdirSync(`${home}/data`, { recursive: true });
    Deno.writeTextFileSync(`${home}/data/a.csv`, name);
    Deno.writeTextFileSync(
      `${this.root}/etc/relais/${name}.toml`,
      more + `[publish]
base = "${home}/data"
files = ["${home}/data/*"]
into = "${home}/export"
[log]
file = "${home}/relais.log"
`,
    );
  }

  relais(...args: string[]) {
    return runIsolated([relaisPath, ...args], {
      mounts: [`mount --bind "${this.root}/etc" /etc`],
      env: { HOME: Deno.env.get("HOME") ?? "/root" },
    });
  }

  [Symbol.dispose]() {
    Deno.removeSync(this.root, { recursive: true });
  }
}

Deno.test({
  name:
    "relais status --all-jobs tells of each job, the worst first, for a person, a program and a monitor",
  ignore: !mayMount,
  async fn() {
    using machine = new Machine();
    machine.addJob("a-good");
    machine.addJob("b-new");
    machine.addJob("c-wrong", "mistake = 1\n");
    const run = await machine.relais("publish", "--once", "--job", "a-good");

    const text = await machine.relais("status", "--all-jobs");
    const json = await machine.relais("status", "--all-jobs", "--json");
    const nagios = await machine.relais("status", "--all-jobs", "--nagios");

    assertEquals(
      [run.code, text.code, json.code, nagios.code],
      [0, 1, 1, 2],
      run.stderr,
    );
    const states = text.stdout.split("\n").slice(1, 4);
    assertEquals(
      states.map((line) => line.replace(/ .*/, "")),
      ["b-new", "c-wrong", "a-good"],
    );
    assertEquals(await faults("jobs", json.stdout), []);
    assertMatch(
      nagios.stdout,
      /^RELAIS CRITICAL - b-new: nothing has been published yet; c-wrong: Cannot use .*; a-good: 1 file is published, .* \| a-good_publish_age=\d+s;.* b-new_publish_age=U;/,
    );
  },
});

Deno.test({
  name: "what a message recommends to a job names the job",
  ignore: !mayMount,
  async fn() {
    using machine = new Machine();
    const init = await machine.relais("init", "--publisher", "--job", "a");
    Deno.removeSync(`${machine.root}/etc/relais/a.toml`);
    machine.addJob("a");
    await machine.relais("publish", "--once", "--job", "a");
    Deno.renameSync(`${machine.root}/a/data`, `${machine.root}/a/gone`);
    Deno.mkdirSync(`${machine.root}/a/data`);

    const refused = await machine.relais("publish", "--once", "--job", "a");
    const accepted = await machine.relais(
      ...["publish", "--once", "--accept-shrink", "--job", "a"],
    );

    assertEquals([refused.code, accepted.code], [5, 0]);
    assertMatch(init.stderr, /then run "relais check --job a"/);
    assertMatch(
      refused.stderr,
      /run "relais publish --once --accept-shrink --job a"/,
    );
  },
});

Deno.test({
  name: "relais check says what two jobs share",
  ignore: !mayMount,
  async fn() {
    using machine = new Machine();
    machine.addJob("a");
    machine.addJob("b");
    const apart = await machine.relais("check", "--job", "b");
    const path = `${machine.root}/etc/relais/b.toml`;
    Deno.writeTextFileSync(
      path,
      Deno.readTextFileSync(path).replaceAll(
        `into = "${machine.root}/b/export"`,
        `into = "${machine.root}/a/export/b"`,
      ).replace("b/relais.log", "a/relais.log"),
    );
    const shared = await machine.relais("check", "--job", "b");

    assertEquals([apart.code, shared.code], [0, 2], apart.stdout);
    assertMatch(
      shared.stdout,
      /^FAILED {2}jobs: log\.file \S+a\/relais\.log is also log\.file of job a; choose another path$/m,
    );
    assertMatch(
      shared.stdout,
      /^FAILED {2}jobs: publish\.into \S+\/b overlaps \S+\/export, which is publish\.into of job a; choose another path$/m,
    );
  },
});
