/**
 * relais in operation under a systemd: what it is asked, hung modules and processes,
 * stops, upgrades.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
} from "@std/assert";
import { fromFileUrl } from "@std/path";
import { compile } from "../../fixtures/bundled.ts";
import { editFile, Installed } from "../../fixtures/installed.ts";
import { type Machine, noMachines } from "../../fixtures/machine.ts";
import { shownCode } from "../../fixtures/shown-code.ts";
import { until } from "../../fixtures/until.ts";
import { isInstalled } from "../../fixtures/programs.ts";

const nodeExporter = "prometheus-node-exporter";

/** Why relais cannot be seen in operation here. */
const reason = noMachines() ??
  [nodeExporter, "strace", "curl"].filter((program) => !isInstalled(program))
    .map((program) => `${program} is not installed`)[0];

/** Where Debian's node_exporter looks for text files. */
const textfiles = "/var/lib/prometheus/node-exporter";

/** The file that is on its way when the service is stopped. */
const largeBytes = 24_000_000;

/** An entry of the journal. */
interface Entry {
  readonly PRIORITY: string;
  readonly MESSAGE: string;
}

/** Returns the journal of a unit. */
async function journal(
  machine: Machine,
  unit: string,
  ...options: readonly string[]
): Promise<Entry[]> {
  const told = await machine.does(
    `journalctl --unit=${unit} --output=json ${options.join(" ")}`,
  );
  return told.split("\n").filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

/** Waits for a message in the journal of the loop; returns its priority. */
async function priorityOf(machine: Machine, message: RegExp): Promise<number> {
  let found: Entry | undefined;
  await until(async () => {
    found = (await journal(machine, "relaisd"))
      .find(({ MESSAGE }) => message.test(MESSAGE));
    return found !== undefined;
  }, 250);
  return Number(found!.PRIORITY);
}

/** Returns a property of the loop's unit. */
async function property(machine: Machine, name: string): Promise<string> {
  return (await machine.does(`systemctl show --value -p ${name} relaisd`))
    .trim();
}

/** Publishes a new file; waits until the loop has copied it. */
async function replicates(
  { production, replica }: Installed,
  name: string,
): Promise<void> {
  await production.does(`echo ${name} > /data/stock/${name}.csv
    systemctl start relais-publish.service`);
  await until(() =>
    replica.read(`/srv/replica/stock/${name}.csv`) === `${name}\n`
  );
}

/** Builds the executable of a later version from a copy of the sources. */
async function compileVersion(version: string): Promise<string> {
  const copy = await Deno.makeTempDir({ prefix: "relais-version-" });
  try {
    const root = fromFileUrl(new URL("../..", import.meta.url));
    const names = ["build", "lib", "modules", "main.ts", "LICENSE"];
    const { success } = await new Deno.Command("cp", {
      args: ["-a", ...names, "deno.json", "deno.lock", copy],
      cwd: root,
    }).output();
    assert(success);
    const config = JSON.parse(Deno.readTextFileSync(`${copy}/deno.json`));
    Deno.writeTextFileSync(
      `${copy}/deno.json`,
      JSON.stringify({ ...config, version }),
    );
    const file = await Deno.makeTempFile({ prefix: "relais-compiled-" });
    await compile(copy, file);
    return file;
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
}

Deno.test({
  name: "under systemd, relais is watched, reloaded, stopped and upgraded" +
    (reason === undefined ? "" : ` (left out: ${reason})`),
  ignore: reason !== undefined,
  async fn(test) {
    await using installed = await Installed.boot();
    const { production, replica } = installed;
    const [opens] = shownCode("docs/watching.md", "sh", "By a monitor");
    const [figures] = shownCode("docs/watching.md", "toml", "By a monitor");
    await installed.install({
      replica: (text) => text.replace(`# every = "1m"`, `every = "2s"`),
    });
    await installed.calm();

    await test.step("figures reach a node_exporter of another account, from a replica and a publisher", async () => {
      for (
        const [machine, unit, metric] of [
          [production, "relais-publish", "relais_files_published_total 4"],
          [replica, "relais", "relais_replica_files 4"],
        ] as const
      ) {
        editFile(
          machine,
          "/etc/relais/relais.toml",
          (text) => text.replace(/^\[stat\]\n# prometheus .*\n/m, figures!),
        );
        await machine.does(`set -e
          useradd --system prometheus
          install -d ${textfiles}
          ${opens}
          systemctl start ${unit}.service
          systemd-run --quiet --unit=exporter --uid=prometheus \\
            ${nodeExporter} --collector.disable-defaults \\
            --collector.textfile --collector.textfile.directory=${textfiles}`);
        let told = "";
        await until(async () => {
          const { stdout } = await machine.run(
            "curl --silent http://127.0.0.1:9100/metrics",
          );
          return (told = stdout) !== "";
        }, 250);
        assertMatch(told, new RegExp(`^${metric}$`, "m"), told);
        assertMatch(told, /^node_textfile_scrape_error 0$/m);
      }
    });

    await test.step("the page is served from within its sandbox, on both", async () => {
      for (const machine of [production, replica]) {
        await machine.does("systemctl start relais-serve");
        const asked = (path: string) =>
          machine.does(
            `curl --silent --show-error http://127.0.0.1:7878${path}`,
          );
        assertMatch(await asked("/"), /<!doctype html>/i);
        assertMatch(await asked("/healthz"), /^4 files |^files come from/m);
        assertMatch(await asked("/metrics"), /^relais_[a-z_]+\{/m);
        assertEquals(
          await machine.does(`
            stat -c %U /proc/$(systemctl show --value -p MainPID relais-serve)
            systemctl stop relais-serve
            systemctl show --value -p Result relais-serve`),
          "relais\nsuccess\n",
        );
      }
    });

    await test.step("a reload takes a new configuration, and leaves the old one for a wrong one", async () => {
      await replica.does("systemctl start relaisd");
      const pid = await property(replica, "MainPID");
      installed.configure((text) =>
        text.replace("# retries = 3 ", "retries = 5 ")
      );
      await replica.does("systemctl reload relaisd");
      assertEquals(await priorityOf(replica, /: reloaded \/etc/), 6);
      installed.configure((text) => text.replace("\ninto", "\ninot"));
      await replica.does("systemctl reload relaisd");
      assertEquals(await priorityOf(replica, /was refused; the previous/), 3);
      installed.configure((text) => text.replace("\ninot", "\ninto"));
      await replica.does("systemctl reload relaisd");
      await replicates(installed, "reloaded");

      assertEquals(await property(replica, "MainPID"), pid);
    });

    await test.step("a module that hangs is replaced, and the service goes on", async () => {
      const pid = await property(replica, "MainPID");
      // The fourth module that was started is log, the first is connection.
      for (const [at, module] of [[4, "log"], [1, "connection"]]) {
        const strace = await replica.does(`
          thread=$(grep -l '^worker-' /proc/${pid}/task/*/comm | sort -V |
            sed -n ${at}p | cut -d / -f 5)
          strace -qq -o /dev/null -p $thread \\
            -e inject=all:delay_enter=3600000000 > /dev/null 2>&1 &
          echo $!`);
        const replaced = new RegExp(
          `: module ${module} was replaced: it does not answer`,
        );
        assertEquals(await priorityOf(replica, replaced), 4);
        await replica.does(`kill ${strace}`);
      }
      await replicates(installed, "replaced");

      assertEquals(
        [
          await property(replica, "MainPID"),
          await property(replica, "NRestarts"),
        ],
        [pid, "0"],
      );
    });

    await test.step("a process that hangs is restarted by the watchdog", async () => {
      // It also tells all that it can, for the next step.
      installed.configure((text) =>
        text.replace(`# level = "info"`, `level = "debug"`)
      );
      await replica.does(`set -e
        mkdir -p /etc/systemd/system/relaisd.service.d
        cat > /etc/systemd/system/relaisd.service.d/watchdog.conf <<'EOF'
[Service]
WatchdogSec=8
ExecStart=
ExecStart=/usr/local/bin/relais --verbose --config /etc/relais/relais.toml
EOF
        systemctl daemon-reload && systemctl restart relaisd
        kill -STOP $(systemctl show --value -p MainPID relaisd)`);
      await until(
        async () => await property(replica, "NRestarts") === "1",
        250,
      );
      await replicates(installed, "watched");
    });

    await test.step("each message has its priority in the journal", async () => {
      const said = await journal(replica, "relaisd", "_TRANSPORT=stdout");
      assertEquals(
        [...new Set(said.map(({ PRIORITY }) => PRIORITY))].sort(),
        ["3", "4", "6", "7"],
      );
      assertEquals(said.filter(({ MESSAGE }) => /^<\d>/.test(MESSAGE)), []);
      const grave = await journal(
        replica,
        "relaisd",
        "_TRANSPORT=stdout --priority=err",
      );
      const texts = grave.map(({ MESSAGE }) => MESSAGE).join("\n");
      assertMatch(texts, /does not answer and is abandoned/);
      assertMatch(texts, /was refused; the previous configuration stays/);
      assert(!/: pass from|: reloaded|was replaced/.test(texts), texts);
    });

    await test.step("stopped in the middle of a copy, it ends in good order, and fetches the rest alone", async () => {
      installed.configure((text) =>
        text.replace(`# bandwidth = "0" `, `bandwidth = "2MB" `)
      );
      await replica.does("systemctl reload relaisd");
      await production.does(`head -c ${largeBytes} /dev/urandom \\
          > /data/stock/large.csv
        systemctl start relais-publish.service`);
      const staged = async () =>
        Number(
          await replica.does(
            "du --bytes --summarize /srv/replica/.relais/staging | cut -f 1",
          ),
        );
      await until(async () => await staged() > largeBytes / 4, 250);
      await replica.does("systemctl stop relaisd");
      const kept = await staged();
      assertEquals(
        await property(replica, "Result"),
        "success",
        JSON.stringify((await journal(replica, "relaisd")).slice(-30), null, 1),
      );
      assertEquals(
        (await replica.run("ls /srv/replica/stock/large.csv")).code,
        2,
      );

      installed.configure((text) =>
        text.replace(`bandwidth = "2MB" `, `# bandwidth = "0" `)
      );
      const report = JSON.parse(await replica.does("relais --once --json"));
      const wire = report.wire_bytes;
      assert(wire < largeBytes - kept + 500_000, `${wire} after ${kept}`);
      assertEquals(
        await replica.does("sha256sum < /srv/replica/stock/large.csv"),
        await production.does("sha256sum < /data/stock/large.csv"),
      );
    });

    await test.step("an upgrade and a rollback are a link and a restart", async () => {
      const [upgrade, rollback] = shownCode("docs/install.md", "sh", "Upgrade");
      const later = await compileVersion("0.2.0");
      Deno.copyFileSync(later, replica.path("/root/dist/relais"));
      Deno.removeSync(later);
      await replica.does("systemctl start relaisd");
      const runs = async () =>
        await replica.does(
          "readlink /proc/$(systemctl show --value -p MainPID relaisd)/exe",
        );
      const before = await runs();

      await replica.does(upgrade!);
      assertMatch(await replica.does("relais --version"), /^relais 0\.2\.0 /);
      assertNotEquals(await runs(), before);
      await replicates(installed, "upgraded");

      await replica.does(rollback!);
      assertMatch(await replica.does("relais --version"), /^relais 0\.1\.0 /);
      assertEquals(await runs(), before);
      await replicates(installed, "rolled-back");
    });
  },
});
