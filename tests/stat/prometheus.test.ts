import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { dirname } from "@std/path/posix";
import { makeWorld, nimble } from "../../fixtures/world.ts";
import { loadConfig } from "../../lib/config/load.ts";
import { exitStatus, UsageError } from "../../lib/errors.ts";
import { verdicts } from "../../lib/test-server/operations.ts";
import { StatsBlock } from "../../lib/worker/stats-block.ts";
import { figures, figuresOf, passFigure } from "../../lib/worker/figures.ts";
import {
  formatPrometheus,
  writePrometheus,
} from "../../lib/stat/prometheus.ts";
import { type Snapshot, takeSnapshot } from "../../lib/stat/snapshot.ts";
import { moduleNames } from "../../lib/worker/protocol.ts";

const servers = [
  {
    name: 'prod"uction\\1\n',
    verdict: "unreachable",
    active: false,
    probed: 1_790_000_000,
    seconds: 5,
    list: null,
  },
  {
    name: "backup",
    verdict: "up",
    active: true,
    probed: 1_790_000_000,
    seconds: 0.035,
    list: { size: 4_711, mtime: 1_789_999_999.5 },
  },
] as const;

function snapshot(): Snapshot {
  const block = StatsBlock.create();
  block.section("copy-list").add("bytes_copied", 2 ** 53 - 1);
  block.section("stat").set("lag", 1_500);
  return takeSnapshot(block, servers);
}

interface Metric {
  readonly help: string;
  readonly type: string;
  readonly samples: Map<string, number>;
}

/** Reads the format strictly: each metric has its HELP, its TYPE, then all of its samples. */
function parse(text: string): Map<string, Metric> {
  const metrics = new Map<string, Metric>();
  let pendingHelp: RegExpExecArray | null = null;
  let current: [string, Metric] | undefined;
  assert(text.endsWith("\n"));
  for (const line of text.slice(0, -1).split("\n")) {
    const help = /^# HELP ([a-z_]+) (\S.*)$/.exec(line);
    const type = /^# TYPE ([a-z_]+) (counter|gauge)$/.exec(line);
    if (help !== null) pendingHelp = help;
    else if (type !== null) {
      const [, name, kind] = type as unknown as string[];
      assertEquals(pendingHelp?.[1], name);
      assert(!metrics.has(name!), `${name} stands twice`);
      const metric = {
        help: pendingHelp![2]!,
        type: kind!,
        samples: new Map(),
      };
      metrics.set(name!, metric);
      current = [name!, metric];
    } else addSample(current!, line);
  }
  return metrics;
}

function addSample([name, { samples }]: [string, Metric], line: string): void {
  const sample =
    /^([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)+\})? (\S+)$/.exec(
      line,
    );
  assert(sample !== null, `neither comment nor sample: ${line}`);
  const [, metric, labels = "", value] = sample as unknown as string[];
  assertEquals(metric, name);
  assert(!samples.has(labels), `${line} stands twice`);
  assert(Number.isFinite(Number(value)), line);
  samples.set(labels, Number(value));
}

Deno.test("formatPrometheus() writes what a strict reader reads", () => {
  const metrics = parse(formatPrometheus(snapshot()));

  const samples = [...metrics.values()].reduce((n, m) => n + m.samples.size, 0);
  const declared = moduleNames.reduce((n, m) => n + figuresOf(m).length, 0);
  const ofServers = (4 + verdicts.length) * servers.length + 2;
  assertEquals(samples, declared + 2 + ofServers);
});

Deno.test("formatPrometheus() names metrics as Prometheus asks", () => {
  for (const [name, { type }] of parse(formatPrometheus(snapshot()))) {
    assertMatch(name, /^relais(_[a-z]+)+$/);
    assertEquals(name.endsWith("_total"), type === "counter", name);
    assert(
      !/_(count|sum|bucket|info|ms|millis\w*|sec|counter|gauge)(_|$)/.test(
        name,
      ),
    );
  }
});

Deno.test("formatPrometheus() puts the unit of a figure into its name", () => {
  for (const module of moduleNames) {
    for (const [, { metric, unit }] of figuresOf(module)) {
      const suffix = metric.replace(/_total$/, "");
      assertEquals(
        suffix.endsWith("_seconds"),
        unit === "milliseconds",
        metric,
      );
      assertEquals(suffix.endsWith("_bytes"), unit === "bytes", metric);
    }
  }
});

Deno.test("formatPrometheus() gives values in base units, exact to 2^53", () => {
  const metrics = parse(formatPrometheus(snapshot()));

  assertEquals(metrics.get("relais_lag_seconds")?.samples.get(""), 1.5);
  assertEquals(
    metrics.get("relais_copied_bytes_total")?.samples.get(""),
    2 ** 53 - 1,
  );
});

Deno.test("formatPrometheus() escapes the labels", () => {
  const text = formatPrometheus(snapshot());

  assert(
    text.includes('relais_server_up{server="prod\\"uction\\\\1\\n"} 0\n'),
  );
  assert(text.includes('relais_server_active{server="backup"} 1\n'));
});

Deno.test("figures declare a metric the same way wherever it stands", () => {
  const seen = new Map<string, unknown>();
  for (const module of moduleNames) {
    for (const [, { metric, kind, unit, help }] of figuresOf(module)) {
      const declared = { kind, unit, help };
      assertEquals(seen.get(metric) ?? declared, declared, metric);
      seen.set(metric, declared);
    }
  }
});

Deno.test("figures have one for each verdict and each exit status", () => {
  for (const verdict of verdicts) {
    assert(`probes_${verdict}` in figures["test-server"], verdict);
  }
  for (const [name, status] of Object.entries(exitStatus)) {
    assertEquals<string>(passFigure(status), `passes_${name}`);
  }
  assertEquals(passFigure(143), "passes_stopped");
  assertEquals(passFigure(70), "passes_incomplete");
});

Deno.test("writePrometheus() writes a file that everyone may read", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/relais.prom`;
    const text = formatPrometheus(snapshot());

    writePrometheus(path, text);

    assertEquals(await Deno.readTextFile(path), text);
    assertEquals((await Deno.stat(path)).mode! & 0o777, 0o644);
    assertEquals([...Deno.readDirSync(directory)].length, 1);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("writePrometheus() refuses a name the collector would pass over", () => {
  assertThrows(
    () => writePrometheus("/nowhere/relais.txt", ""),
    UsageError,
    ".prom",
  );
});

/** What promtool says about a text; undefined where there is no promtool. */
async function promtool(text: string): Promise<string | undefined> {
  try {
    const process = new Deno.Command("promtool", {
      args: ["check", "metrics"],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = process.stdin.getWriter();
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
    const { code, stdout, stderr } = await process.output();
    const told = [stdout, stderr].map((bytes) =>
      new TextDecoder().decode(bytes)
    );
    return `${told.join("")}${code === 0 ? "" : `exit ${code}`}`;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return undefined;
  }
}

Deno.test("promtool finds nothing to say about the metrics of a real replica", async (test) => {
  await using world = await makeWorld({
    servers: ["production", "backup"],
    more: `${nimble}\n[stat]\nprometheus = "${await Deno
      .makeTempDir()}/relais.prom"`,
  });
  const { stat: { prometheus } } = await loadConfig(world.config);
  for (const server of world.servers) {
    world.write({ "a.csv": "1\n" }, server);
    await world.publish(server);
  }
  await world.pass();
  await world.production.sshd.stop();
  await world.pass();
  const text = await Deno.readTextFile(prometheus);
  await Deno.remove(dirname(prometheus), { recursive: true });

  const metrics = parse(text);
  const active = metrics.get("relais_server_active")?.samples;
  assertEquals(active?.get('{server="production"}'), 0);
  assertEquals(active?.get('{server="backup"}'), 1);
  const verdict = metrics.get("relais_server_verdict")?.samples;
  assertEquals(
    verdict?.get('{server="production",verdict="unreachable"}'),
    1,
  );
  assertEquals(metrics.get("relais_replica_files")?.samples.get(""), 1);
  assertEquals(metrics.get("relais_lag_seconds")?.samples.get(""), 0);
  const success = metrics.get("relais_last_success_timestamp_seconds");
  assert(success!.samples.get("")! > Date.now() / 1_000 - 600);
  await test.step("promtool check metrics", async () => {
    const told = await promtool(text);
    assert(
      told !== undefined || !Deno.env.has("CI"),
      "install prometheus for promtool",
    );
    // deno-lint-ignore no-console -- a step that tests nothing should say so
    if (told === undefined) console.log("skipped: there is no promtool here");
    assertEquals(told ?? "", "");
  });
});
