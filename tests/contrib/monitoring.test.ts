import { assert, assertEquals } from "@std/assert";
import { dirname } from "@std/path/posix";
import { isInstalled } from "../../fixtures/programs.ts";
import { makeWorld, nimble, relais, type World } from "../../fixtures/world.ts";

const contrib = new URL("../../contrib/", import.meta.url);
const read = (name: string) => Deno.readTextFileSync(new URL(name, contrib));

/** The samples of a text of metrics. Rules are tested in 1970: times are counted from `start`. */
function samplesOf(text: string, start: number): Map<string, number> {
  const lines = text.split("\n").filter((line) => /^relais_/.test(line));
  return new Map(lines.map((line) => {
    const [series, value] = [
      line.slice(0, line.lastIndexOf(" ")),
      Number(line.slice(line.lastIndexOf(" ") + 1)),
    ];
    const isTime = /_timestamp_seconds(?:\{|$)/.test(series) && value > 0;
    return [series, isTime ? value - start : value];
  }));
}

/** Metrics after a good pass, after one that failed over, after one that a guard refused, and after one to which all came together. */
async function realMetrics(): Promise<string[]> {
  const directory = await Deno.makeTempDir();
  const file = `${directory}/relais.prom`;
  await using world = await makeWorld({
    servers: ["production", "backup"],
    replica: `delete = "remove"`,
    more: `${nimble}\n[stat]\nprometheus = "${file}"`,
  });
  for (const server of world.servers) {
    world.write({ "a.csv": "1", "b.csv": "2", "c.csv": "3" }, server);
    await world.publish(server);
  }
  const texts: string[] = [];
  const pass = async () => {
    await world.pass();
    texts.push(await Deno.readTextFile(file));
  };
  await pass();
  await world.production.sshd.stop();
  await pass();
  for (const name of ["a.csv", "b.csv"]) {
    await Deno.remove(`${world.backup.data}/${name}`);
  }
  await world.publish(world.backup);
  await pass();
  await spoil(world);
  await pass();
  await Deno.remove(dirname(file), { recursive: true });
  return texts;
}

/** Production is back with another host key; a file of the backup cannot be had, for an hour already. */
async function spoil(world: World): Promise<void> {
  const { production, backup } = world;
  const [own, other] = [production, backup].map(({ sshd }) =>
    Deno.readTextFileSync(sshd.knownHosts).split(" ")
  );
  await Deno.writeTextFile(
    production.sshd.knownHosts,
    [own![0], ...other!.slice(1)].join(" "),
  );
  await production.sshd.start();
  world.write({ "late.csv": "1" }, backup);
  await world.publish(backup);
  await Deno.remove(`${backup.root}/late.csv`);
  const list = `${backup.root}/.relais/list`;
  const hourAgo = Math.floor(Date.now() / 1_000) - 3_600;
  const text = await Deno.readTextFile(list);
  await Deno.writeTextFile(
    list,
    text.replace(/\t[^\t]+(\t[^\t]+\t1\t.*\tlate\.csv)$/m, `\t${hourAgo}$1`),
  );
}

/** The queries of the dashboard, as Prometheus is asked them for all instances. */
function dashboardQueries(): string[] {
  return Array.from(
    read("grafana/relais.json").matchAll(/"expr": (".*")/g),
    ([, json]) => JSON.parse(json!) as string,
  ).map((query) =>
    query.replaceAll("$instance", ".*").replaceAll("$__rate_interval", "5m")
  );
}

async function promtool(...args: string[]): Promise<void> {
  const { code, stdout, stderr } = await new Deno.Command("promtool", { args })
    .output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assertEquals(code, 0, text(stdout) + text(stderr));
}

Deno.test("contrib's alerts are about metrics that exist, and fire for what real passes tell", async (test) => {
  const start = Math.floor(Date.now() / 1_000);
  const texts = await realMetrics();
  const series = texts.map((text) => samplesOf(text, start));
  const exists = new Set(
    [...series[0]!.keys()].map((name) => name.replace(/\{.*/, "")),
  );

  for (const file of ["prometheus/rules.yml", "grafana/relais.json"]) {
    await test.step(`each metric of ${file} exists`, () => {
      const named = read(file).match(/\brelais_[a-z0-9_]+/g)!;
      const missing = named.filter((name) => !exists.has(name));
      assertEquals(missing, []);
      assert(named.length >= 8);
    });
  }

  if (!isInstalled("promtool")) {
    assert(!Deno.env.has("CI"), "install prometheus for promtool");
    return;
  }
  const rules = new URL("prometheus/rules.yml", contrib).pathname;
  await test.step("promtool check rules", () =>
    promtool("check", "rules", rules));
  await test.step("promtool test rules, with series of real passes", async () => {
    // Each text holds for two hours.
    const names = new Set(series.flatMap((samples) => [...samples.keys()]));
    const input = [...names].map((name) => ({
      series: name,
      values: series.map((samples) => `${samples.get(name) ?? "_"}x119`)
        .join(" "),
    }));
    const all = Array.from(
      read("prometheus/rules.yml").matchAll(/- alert: (\w+)/g),
      ([, name]) => name!,
    );
    const seen = new Set<string>();
    const fires = (at: string, ...alerts: string[]) => {
      for (const alert of alerts) seen.add(alert);
      return all.map((alertname) => ({
        expr: `count(ALERTS{alertname="${alertname}",alertstate="firing"})`,
        eval_time: at,
        exp_samples: alerts.includes(alertname)
          ? [{ labels: "{}", value: 1 }]
          : [],
      }));
    };
    // Of each panel of the dashboard, that it shows anything.
    const shows = dashboardQueries().map((query) => ({
      expr: `count(${query}) > bool 0`,
      eval_time: "90m",
      exp_samples: [{ labels: "{}", value: 1 }],
    }));
    const directory = await Deno.makeTempDir();
    const file = `${directory}/test.yml`;
    // JSON is YAML.
    await Deno.writeTextFile(
      file,
      JSON.stringify({
        rule_files: [rules],
        evaluation_interval: "1m",
        tests: [{
          interval: "1m",
          input_series: input,
          promql_expr_test: [
            ...fires("30m"),
            ...fires("90m", "RelaisNoSuccess"),
            ...fires(
              "150m",
              ...["RelaisNoSuccess", "RelaisFailover", "RelaisServerDown"],
            ),
            ...fires(
              "300m",
              ...["RelaisNoSuccess", "RelaisRefused"],
              ...["RelaisFailover", "RelaisServerDown"],
            ),
            ...fires(
              "420m",
              ...["RelaisNoSuccess", "RelaisRefused", "RelaisFailover"],
              ...["RelaisServerDown", "RelaisUntrusted", "RelaisLag"],
              "RelaisFailingFiles",
            ),
            ...shows,
          ],
        }, {
          interval: "1m",
          input_series: [],
          promql_expr_test: fires("30m", "RelaisAbsent"),
        }],
      }),
    );
    await promtool("test", "rules", file);
    assertEquals(all.filter((alert) => !seen.has(alert)), []);
    await Deno.remove(directory, { recursive: true });
  });
});

Deno.test("contrib's check command gives options that exist", async () => {
  const { stdout } = await relais(["help", "status"]);
  const options = read("icinga/relais.conf").match(/--[a-z-]+/g)!;
  for (const option of options) {
    assert(stdout.includes(option) || option === "--config", option);
  }
});

Deno.test("contrib's hook is the one of docs/watching.md", () => {
  const docs = Deno.readTextFileSync(new URL("../docs/watching.md", contrib));
  assert(docs.includes(`<<'EOF'\n${read("hooks/relais-mail")}EOF\n`));
});
