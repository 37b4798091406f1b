import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import { loadConfig } from "../lib/config/load.ts";
import { parseConfig } from "../lib/config/parse.ts";
import { sampleConfig } from "../lib/config/sample.ts";
import { keysOf } from "../lib/config/schema.ts";
import {
  parseDuration,
  parseMaxDelete,
  parseRate,
  parseSize,
} from "../lib/config/units.ts";
import { ConfigError } from "../lib/errors.ts";

const server = `
[[server]]
name = "production"
host = "192.0.2.10"
identity = "/etc/relais/id_ed25519"
known_hosts = "/etc/relais/known_hosts"
root = "/export"
`;
const replica = `
[replica]
into = "/srv/replica"
`;

/** What is told of a wrong configuration, without file names. */
function problemsOf(text: string): string[] {
  const error = assertThrows(
    () => parseConfig(text, "/etc/relais.toml"),
    ConfigError,
  );
  return error.problems.map((problem) => problem.replace("relais.toml:", ""));
}

Deno.test("parseConfig() tells all problems of a messy file at once, with their lines", async () => {
  const text = await Deno.readTextFile(
    new URL("../fixtures/config-messy.toml", import.meta.url),
  );
  assertEquals(problemsOf(text), [
    `2: server[0].name: expected 1 to 64 of A-Z a-z 0-9 _ . -, found "the server"`,
    "4: server[0].port: expected a whole number from 1 to 65535, found 0",
    "1: server[0].root: is missing",
    "8: replica.into: is missing",
    "10: replica.state: expected a text, found 7",
    `9: replica.inot: unknown key; did you mean "into"?`,
    `14: probe.timeout: expected a duration of at least "100ms", found "fast"`,
    `13: probe.rise: expected a whole number from 1 to 100, found "two"`,
    `17: copy.paralel: unknown key; did you mean "parallel"?`,
    `20: log.level: expected debug, info, warning, error, found "loud"`,
  ]);
});

const wrong: [what: string, text: string, problem: string][] = [
  ["an empty file", "", "neither [replica] nor [publish]"],
  ["text that is not TOML", "[replica\ninto = 1", "no TOML"],
  ["no server", replica, "there is no server"],
  [
    "two servers of one name",
    server + server + replica,
    `another server is called "production"`,
  ],
  [
    "into inside state",
    `${server}[replica]\ninto = "/a/b"\nstate = "/a"`,
    "must not lie in each other",
  ],
  [
    "state inside into",
    `${server}[replica]\ninto = "/a"\nstate = "/a/b"`,
    "must not lie in each other",
  ],
  [
    "a relative into",
    `${server}[replica]\ninto = "srv"`,
    "expected an absolute path",
  ],
  ["no key", server.replace(/identity.*/, "") + replica, "identity is missing"],
  [
    "no known host",
    server.replace(/known_hosts.*/, "") + replica,
    "its host key is not known",
  ],
  [
    "a bad fingerprint",
    `${server}host_key = "MD5:00"${replica}`,
    "expected a fingerprint",
  ],
  [
    "an unknown table",
    `${server}${replica}[prob]\nrise = 1`,
    `did you mean "probe"?`,
  ],
  [
    "an unknown source",
    `${server}${replica}source = "lists"`,
    "expected list, tree, auto",
  ],
  ["too large a share", `${server}${replica}max_delete = "101%"`, "share"],
  [
    "a glob outside base",
    `[publish]\nfiles = ["/etc/*"]\nbase = "/data"\ninto = "/e"`,
    "globs below base",
  ],
  [
    "an export that is its source",
    `[publish]\nfiles = ["/d/*"]\nbase = "/d"\ninto = "/d"`,
    "into must not be base",
  ],
];

for (const [what, text, problem] of wrong) {
  Deno.test(`parseConfig() refuses ${what}`, () => {
    const problems = problemsOf(text);
    assertStringIncludes(problems.join("\n"), problem);
    assertEquals(problems.length, 1);
  });
}

Deno.test("parseConfig() takes the sample of relais init", () => {
  const { servers, replica } = parseConfig(sampleConfig(), "relais.toml");
  assertEquals(servers.map(({ name }) => name), ["production", "backup"]);
  assertEquals(replica?.into, "/srv/replica");
});

Deno.test("sampleConfig() shows every key, and its true default", () => {
  const sample = sampleConfig();
  const withDefaults = sample.replaceAll(/^# (?=[a-z_]+ = )/gm, "")
    .replaceAll(/^(host_key|files|base|into = "\/export").*$/gm, "");
  assertEquals(
    parseConfig(withDefaults, "relais.toml"),
    parseConfig(sample, "relais.toml"),
  );
  for (const table of keysOf([])) {
    const keys = keysOf(table === "server" ? [table, 0] : [table]);
    for (const key of keys) {
      assert(
        new RegExp(`^(# )?${key} = `, "m").test(sample),
        `${table}.${key}`,
      );
    }
  }
});

Deno.test("loadConfig() says what to do when there is no configuration", async () => {
  const error = await assertRejects(
    () => loadConfig("/nonexistent/relais.toml"),
    ConfigError,
  );
  assertStringIncludes(error.message, "/nonexistent/relais.toml");
  assertStringIncludes(error.hint!, "relais init");
});

Deno.test("parseDuration() adds its parts up", () => {
  assertEquals(
    ["0", "500ms", "5s", "1m30s", "2h", "1d"].map(parseDuration),
    [0, 500, 5_000, 90_000, 7_200_000, 86_400_000],
  );
  assertEquals(
    ["", "5", "s", "1 s", "-1s", "1.5s"].map(parseDuration),
    Array(6).fill(undefined),
  );
});

Deno.test("parseSize() knows powers of 1000 and of 1024", () => {
  assertEquals(
    ["0", "10MB", "64KiB", "1.5GB", "7"].map(parseSize),
    [0, 10_000_000, 65_536, 1_500_000_000, 7],
  );
  assertEquals(parseRate("20MB/s"), 20_000_000);
  assertEquals(
    ["MB", "10 parsecs", "-1MB", "1e99TB"].map(parseSize),
    Array(4).fill(undefined),
  );
});

Deno.test("parseMaxDelete() takes a share or a number of files", () => {
  assertEquals(
    ["10%", 0, 7, "7", -1, "200%"].map(parseMaxDelete),
    [
      { share: 0.1 },
      { files: 0 },
      { files: 7 },
      undefined,
      undefined,
      undefined,
    ],
  );
});

Deno.test("parseConfig() never fails with anything but a ConfigError", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    try {
      parseConfig(text, "relais.toml");
    } catch (error) {
      assert(error instanceof ConfigError, String(error));
    }
  }));
});
