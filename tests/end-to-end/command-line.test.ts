import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { fromFileUrl } from "@std/path";
import { relais, typed } from "../../fixtures/world.ts";
import { allCommands } from "../../main.ts";
import { exitStatuses } from "../../lib/errors.ts";
import { globBelow } from "../../lib/cli/glob.ts";
import { formatHelp } from "../../lib/cli/help.ts";
import { parseCommandLine } from "../../lib/cli/parse.ts";
import { UsageError } from "../../lib/errors.ts";

const commands = await allCommands();

/** With the columns of its tables no longer aligned. */
const readme = (await Deno.readTextFile(
  new URL("../../README.md", import.meta.url),
)).replaceAll(/ +/g, " ");

/** What of a command line matters to a test. */
function asked(...args: string[]) {
  const { command, given } = parseCommandLine(args, commands);
  const values = Object.entries(given).filter(([, value]) =>
    value !== false && value !== undefined
  );
  return { command: command.name, ...Object.fromEntries(values) };
}

Deno.test("parseCommandLine() takes options before and after the command", () => {
  assertEquals<unknown>(asked("--json", "status", "-c", "a.toml"), {
    command: "status",
    json: true,
    config: "a.toml",
  });
});

Deno.test("parseCommandLine() runs a pass when no command is named", () => {
  const options = ["--once", "-n", "--max-time=90s", "--max-transfer", "2MB"];
  assertEquals<unknown>(asked(...options), {
    command: "run",
    once: true,
    dryRun: true,
    maxTime: 90_000,
    maxTransfer: 2_000_000,
  });
});

Deno.test("parseCommandLine() takes bundled letters, and the last of several values", () => {
  assertEquals<unknown>(asked("log", "-fn5", "--lines", "7"), {
    command: "log",
    follow: true,
    lines: 7,
  });
});

Deno.test("parseCommandLine() turns --help into the help of the command", () => {
  const { command, given } = parseCommandLine(["status", "--help"], commands);
  assertEquals([command.name, given.command], ["help", "status"]);
});

Deno.test("parseCommandLine() takes what follows -- for an argument", () => {
  const { command, given } = parseCommandLine(
    ["list", "--", "--odd"],
    commands,
  );
  assertEquals([command.name, given.glob], ["list", "--odd"]);
});

const wrong: [args: string[], message: string][] = [
  [["stauts"], "did you mean status?"],
  [["--onec"], "did you mean --once?"],
  [["status", "--once"], "an option of relais and relais publish"],
  [["log", "--lines", "many"], "not a whole number"],
  [["log", "--level", "loud"], "use one of debug, info, warning, error"],
  [["--max-time", "soon"], "is not a duration"],
  [["--max-transfer", "much"], "is not a size"],
  [["--once=perhaps"], "takes no value"],
  [["status", "extra"], "takes no argument"],
  [["-v", "-q"], "together"],
  [["unit", "--user", "--dynamic-user"], "together"],
  [["--failback"], "without --once"],
  [["why"], "Cannot run relais why without PATH"],
  [["resolve", "", "--from", "b"], "Cannot run relais resolve without PATH"],
];

for (const [args, message] of wrong) {
  Deno.test(`parseCommandLine() refuses relais ${args.join(" ")}`, () => {
    const error = assertThrows(
      () => parseCommandLine(args, commands),
      UsageError,
    );
    assertStringIncludes(error.message, message);
  });
}

Deno.test("parseCommandLine() says where options are explained that contradict each other, or need another one", () => {
  const hints = [["log", "-v", "-q"], ["--failback"]].map((args) =>
    assertThrows(() => parseCommandLine(args, commands), UsageError).hint
  );

  assertEquals(hints, ['see "relais help log"', 'see "relais help"']);
});

Deno.test("globBelow() takes globs as a shell completes them, and refuses what matches nothing", () => {
  const below = (glob?: string) => globBelow("/srv/replica", glob);

  assertEquals(
    [
      ...[undefined, "/srv/replica", "/srv/replica/"],
      ...["*.csv", "./stock/*", "/srv/replica/a.csv", "/srv/replica2/x"],
    ].map(below),
    [
      ...[undefined, undefined, undefined],
      ...["*.csv", "stock/*", "/a.csv", "/srv/replica2/x"],
    ],
  );
  for (
    const [glob, expected] of [
      ["[z-a]", "ranges that go upwards"],
      ["../a", 'without ".."'],
      ["a//b", 'without "./" and "//"'],
      ["", "not empty"],
    ] as const
  ) {
    const { message, hint } = assertThrows(() => below(glob), UsageError);
    assertStringIncludes(message, `Cannot use "${glob}" as GLOB: expected `);
    assertStringIncludes(message, expected);
    assertStringIncludes(hint!, "in quotes");
  }
});

Deno.test("formatHelp(commands) names every command and option, within 80 columns", () => {
  const general = formatHelp(commands);
  for (const { name, options } of commands) {
    if (name !== "run") assertStringIncludes(general, `  ${name}`);
    const help = name === "run" ? general : formatHelp(commands, name);
    for (const { long } of options) assertStringIncludes(help, `--${long}`);
    assertEquals(help.split("\n").filter((line) => line.length > 80), []);
  }
});

Deno.test("README is read in three minutes", () => {
  assert(readme.trimEnd().split("\n").length <= 120);
});

Deno.test("README names every command and every exit status", () => {
  for (const { name } of commands) {
    if (name !== "run") assertStringIncludes(readme, `relais ${name}`);
  }
  for (const { status, meaning } of exitStatuses) {
    assertStringIncludes(readme, `| ${status} | ${meaning} |`);
  }
});

Deno.test("relais without a configuration exits 2 and says what to do", async () => {
  const { code, stderr } = await relais([
    "--once",
    "--config",
    "/nonexistent.toml",
  ]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, "relais init");
});

Deno.test("relais tells each problem of a configuration on a line of its own", async () => {
  const messy = fromFileUrl(
    new URL("../../fixtures/config/messy.toml", import.meta.url),
  );
  const told = await Deno.readTextFile(messy.replace(/toml$/, "problems.txt"));
  const { code, stderr } = await relais(["check", "--config", messy]);
  assertEquals(code, 2);
  assertEquals(
    stderr.match(/^relais: messy\.toml:\d+: /gm)?.length,
    told.trimEnd().split("\n").length,
  );
});

Deno.test("relais init never overwrites a file", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const first = await relais(["init", `${directory}/relais.toml`]);
    await Deno.writeTextFile(`${directory}/relais.toml`, "mine");
    const second = await relais(["init", `${directory}/relais.toml`]);
    assertEquals([first.code, second.code], [0, 4]);
    assertEquals(await Deno.readTextFile(`${directory}/relais.toml`), "mine");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("relais init writes the file that --config names, and no other beside it", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/relais.toml`;
    const named = await relais(["init", "--replica", "--config", path]);
    const both = await relais([
      "init",
      `${directory}/a`,
      "--config",
      `${path}2`,
    ]);

    assertEquals([named.code, named.stdout], [0, ""]);
    assertStringIncludes(await Deno.readTextFile(path), "[replica]");
    assertEquals(both.code, 2);
    assertStringIncludes(both.stderr, `Cannot write both ${directory}/a and`);
    assertEquals([...Deno.readDirSync(directory)].length, 1);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("what relais init says to type next works, whatever the file is called", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const file = `${directory}/new/my relais.toml`;
    const missing = await relais(["init", file]);
    const [, make] = /; (mkdir .*)$/m.exec(missing.stderr)!;
    await typed(make!);
    const written = await relais(["init", file]);
    const [, check] = /"(relais check.*)"/.exec(written.stderr)!;
    const checked = await typed(check!);

    assertEquals([missing.code, written.code], [4, 0]);
    assertStringIncludes(checked.stdout, `configuration: ${file}`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("results that cannot be written are told, with exit 4", async () => {
  const { code, stderr } = await typed("relais help > /dev/full");
  assertEquals(code, 4);
  assertStringIncludes(stderr, "Cannot write to the standard output: No space");
});

Deno.test("relais demo plays the whole story and leaves nothing behind", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const { code, stdout } = await relais(["demo"], {
      env: { TMPDIR: directory },
    });
    assertEquals(code, 0, stdout);
    assertStringIncludes(stdout, "Copied 42 files from backup");
    assertEquals([...Deno.readDirSync(directory)], []);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
