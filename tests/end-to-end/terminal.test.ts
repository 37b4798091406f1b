import { assert, assertEquals } from "@std/assert";
import { noise } from "../../fixtures/noise.ts";
import { isInstalled } from "../../fixtures/programs.ts";
import { hasTmux, openTerminal } from "../../fixtures/terminal.ts";
import type { Link } from "../../fixtures/link.ts";
import { transport } from "../../fixtures/transport.ts";
import { makeWorld, nimble, type World } from "../../fixtures/world.ts";

/** Probes wait as long as a busy machine takes. */
const patient = nimble.replace(`"3s"`, `"60s"`);

/** So slow that no file comes before a test lets the link hurry, however busy the machine is. */
const crawl = 5_000;

/** A world with some files that take their time to come. */
async function slowWorld(
  { bytesEach = 400_000, bytesPerSecond = crawl } = {},
): Promise<{ world: World; link: Link } & AsyncDisposable> {
  const world = await makeWorld();
  for (const name of ["a", "b", "c", "d"]) {
    Deno.writeFileSync(
      `${world.production.data}/${name}.bin`,
      noise(bytesEach),
    );
  }
  await world.publish();
  const link = world.link(world.production, { bytesPerSecond });
  const dispose = () => world[Symbol.asyncDispose]();
  return { world, link, [Symbol.asyncDispose]: dispose };
}

/**
 * What differs from run to run, made the same: times and rates become `N`, and
 * so does what has arrived so far; ports and directories get names; a bar is
 * half full and short; the lag and the rate of a pass, which are there or not, are
 * left out.
 */
function neutral(screen: string): string {
  return screen
    .replaceAll(/\/\S*relais-world-[^/]+/g, "DIR")
    .replaceAll(/[\d.]+ (B|kB|MB) of /g, "N kB of ")
    .replaceAll(/\d+(\.\d+)? [kM]?B\/s/g, "N kB/s")
    .replaceAll(/(\d+ h )?(\d+ min )?[\d.]+ s\b/g, "N s")
    .replaceAll(/(\d+ h )?\d+ (h|min) left/g, "N s left")
    .replaceAll(/\d\d:\d\d(:\d\d)?Z/g, "HH:MM")
    .replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1:PORT")
    .replaceAll(/\[#*\.*\] +\d+ %/g, "[####....] N %")
    .replaceAll(/(in N s), N kB\/s\./g, "$1.")
    .replaceAll(/, lag N s|The replica is N s behind\.\n/g, "");
}

const ignore = !hasTmux;

/** The ssh client has words of its own for a server that is down. */
const ignoreDown = ignore || transport !== "ssh2";

Deno.test({
  name: "a first pass shows a bar, then a sentence; a second one a sentence",
  ignore,
  async fn() {
    await using slow = await slowWorld();
    await using terminal = await openTerminal(slow.world);

    await terminal.type("relais --once");
    const during = await terminal.until(/ left$/m);
    const hidden = !await terminal.hasCursor();
    slow.link.hurry();
    await terminal.until(/^Copied.*\n\$$/m);
    await terminal.type("relais --once");
    const after = await terminal.until(/^Nothing new.*\n\$$/m);

    assertEquals(
      neutral(during),
      `\
$ relais --once
copy-list     0 of 4 files, N kB of 1.6 MB, N kB/s, N s left
production    [####....] N %`,
    );
    assert(hidden);
    assertEquals(
      neutral(after),
      `\
$ relais --once
Copied 4 files from production, 1.6 MB, in N s.
$ relais --once
Nothing new on production, in N s.
$`,
    );
    assert(await terminal.hasCursor());
  },
});

Deno.test({
  name: "a terminal of 40 columns shows what there is room for",
  ignore,
  async fn() {
    await using slow = await slowWorld();
    await using terminal = await openTerminal(slow.world, { columns: 40 });

    await terminal.type("relais --once");
    const during = await terminal.until(
      /^\d of 4 files, [\d.]+ [kM]B of 1.6 MB$/m,
    );

    assertEquals(
      neutral(during),
      `\
$ relais --once
0 of 4 files, N kB of 1.6 MB
[####....] N %`,
    );
  },
});

Deno.test({
  name: "a terminal that is made narrower, then wider, during a pass",
  ignore,
  async fn() {
    await using slow = await slowWorld();
    await using terminal = await openTerminal(slow.world);
    // Where nothing stands above the cursor, tmux loses its place when it breaks lines.
    await terminal.type("echo 1; echo 2; echo 3; echo 4");

    await terminal.type("relais --once");
    await terminal.until(/ left$/m);
    await terminal.resize(40);
    const narrow = await terminal.until(/^\d of 4 files/m);
    await terminal.resize(80);
    const wide = await terminal.until(/^copy-list .* left$/m);
    slow.link.hurry();
    const after = await terminal.until(/^Copied.*\n\$$/m);

    const before = "$ relais --once\n";
    assertEquals(
      neutral(narrow).split(before)[1],
      `\
0 of 4 files, N kB of 1.6 MB
[####....] N %`,
    );
    assertEquals(
      neutral(wide).split(before)[1],
      `\
copy-list     0 of 4 files, N kB of 1.6 MB, N kB/s, N s left
production    [####....] N %`,
    );
    assertEquals(
      neutral(after).split(before)[1],
      `\
Copied 4 files from production, 1.6 MB, in N s.
$`,
    );
  },
});

Deno.test({
  name: "a failover and a failing file are told on the terminal",
  ignore: ignoreDown,
  async fn() {
    await using world = await makeWorld({
      servers: ["production", "backup"],
      more: patient,
    });
    for (const server of world.servers) {
      world.write({ "orders.csv": "1", "stock.csv": "2" }, server);
      for (const name of ["orders.csv", "stock.csv"]) {
        Deno.utimeSync(`${server.data}/${name}`, 1_700_000_000, 1_700_000_000);
      }
      await world.publish(server);
    }
    await Deno.remove(`${world.backup.root}/stock.csv`);
    await world.production.sshd.stop();
    await using terminal = await openTerminal(world);

    await terminal.type("relais --once");
    await terminal.until(/since .*\n\$$/m);

    assertEquals(
      neutral(await terminal.lines()),
      `\
$ relais --once
relais: Cannot reach production (127.0.0.1:PORT): connection refused; start sshd there, or correct host and port of production
relais: Cannot open DIR/backup/export/stock.csv on backup: no such file
Copied 1 file from backup, 1 B, in N s.
1 file could not be copied; the next pass tries again.
production is unreachable; files come from backup since HH:MM.
$`,
    );
  },
});

Deno.test({
  name: "Ctrl-C ends a pass, erases what was drawn, and gives the cursor back",
  ignore,
  async fn() {
    await using slow = await slowWorld({ bytesPerSecond: 300_000 });
    await using terminal = await openTerminal(slow.world);

    await terminal.type("relais --once");
    await terminal.until(/ left$/m);
    await terminal.press("C-c");
    const screen = await terminal.until(/, in [^]*\n\$$/);

    assertEquals(
      neutral(screen),
      `\
$ relais --once
relais: stopped before all was copied
Copied nothing from production, in N s.
$`,
    );
    assert(await terminal.hasCursor());
  },
});

for (
  const [why, line, env] of [
    ["to a dumb terminal", "relais --once", { TERM: "dumb" }],
    ["with -q", "relais --once -q; echo end", {}],
    ["with --json", "relais --once --json >/dev/null; echo end", {}],
    ["into a pipe", "relais --once 2>&1 | cat", {}],
  ] as const
) {
  Deno.test({
    name: `nothing is drawn ${why}`,
    ignore,
    async fn() {
      const rate = { bytesEach: 100_000, bytesPerSecond: 300_000 };
      await using slow = await slowWorld(rate);
      await using terminal = await openTerminal(slow.world, { env });
      const log = `${slow.world.directory}/screen`;
      await terminal.tmux("pipe-pane", `cat > '${log}'`);

      await terminal.type(line);
      await terminal.until(/^(end|Copied.*)\n\$$/m);

      assert(!(await Deno.readTextFile(log)).includes("copy-list"));
    },
  });
}

Deno.test("-v names each file on a line of its own, as it arrives", async () => {
  await using world = await makeWorld();
  world.write({ "a.csv": "1", "sub/b.csv": "2" });
  await world.publish();

  const { code, stdout } = await world.relais("--once", "-v");

  assertEquals(code, 0);
  assertEquals(stdout.split("\n").slice(0, -2).sort(), ["a.csv", "sub/b.csv"]);
  assert(stdout.split("\n").at(-2)!.startsWith("Copied 2 files"));
});

Deno.test({
  name: "a long list is shown page by page, a short one as it is",
  ignore: ignore || !isInstalled("less"),
  async fn() {
    await using world = await makeWorld();
    const names = Array.from(
      { length: 60 },
      (_, index) => `${100 + index}.csv`,
    );
    world.write(Object.fromEntries(names.map((name) => [name, name])));
    await world.publish();
    await world.pass();
    await using terminal = await openTerminal(world);

    await terminal.type("relais list");
    const first = await terminal.until(/^:$/m);
    await terminal.press("G");
    const last = await terminal.until(/159\.csv/);
    await terminal.press("C-c");
    await terminal.until(/^\$$/m);
    await terminal.type("clear; relais list '10*'");
    const short = await terminal.until(/109\.csv\n\$$/);
    await terminal.type("clear; PAGER='head -n 1' relais list");
    const own = await terminal.until(/100\.csv\n\$$/);

    assertEquals(first.match(/\.csv$/gm)?.length, 23);
    assert(last.includes("(END)"), last);
    assertEquals(short.match(/\.csv$/gm)?.length, 10);
    assertEquals(own.match(/\.csv$/gm)?.length, 1);
  },
});

Deno.test({
  name:
    "the loop has a line for each pass that did something, or went otherwise",
  ignore: ignoreDown,
  async fn() {
    await using world = await makeWorld({
      more: `${patient}\n[schedule]\nevery = "1s"`,
    });
    world.write({ "a.csv": "1" });
    await world.publish();
    await using terminal = await openTerminal(world);

    await terminal.type("relais");
    await terminal.until(/Copied 1 file/);
    world.write({ "b.csv": "2", "c.csv": "3" });
    await world.publish();
    await terminal.until(/Copied 2 files/);
    await world.production.sshd.stop();
    await terminal.until(/No server is available/);
    await world.production.sshd.start();
    await terminal.until(/Nothing new/);
    await terminal.press("C-c");
    const all = await terminal.until(/\^C\$$/m);

    const sentences = (await terminal.lines()).split("\n")
      .filter((line) => /^\d\d:\d\d:\d\dZ /.test(line));
    // The server may go while a pass is about to log in.
    const told = sentences.map((line) =>
      neutral(line).replace("HH:MM ", "")
        .replace(/PORT\): Connection lost [^)]+/, "PORT): connection refused")
    );
    assertEquals(told, [
      "Copied 1 file from production, 1 B, in N s.",
      "Copied 2 files from production, 2 B, in N s.",
      "No server is available: production is unreachable (Cannot reach production (127.0.0.1:PORT): connection refused). The copy stays as it is.",
      "Nothing new on production, in N s.",
    ]);
    assert(!all.includes("supervisor"), all);
  },
});
