import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  loadConfig,
  requirePublish,
  requireReplica,
} from "../../lib/config/load.ts";
import { parseConfig } from "../../lib/config/parse.ts";
import { sampleConfig } from "../../lib/config/sample.ts";
import { ConfigError } from "../../lib/errors.ts";
import { relais } from "../../fixtures/world.ts";

/** Writes a file for one test. */
async function temporary(
  content: string | Uint8Array,
): Promise<{ path: string } & AsyncDisposable> {
  const directory = await Deno.makeTempDir({ prefix: "relais-config-" });
  const path = `${directory}/relais.toml`;
  await Deno.writeFile(
    path,
    typeof content === "string" ? new TextEncoder().encode(content) : content,
  );
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}

/** What is said of a file that cannot be loaded. */
async function refusal(
  path: string,
): Promise<[message: string, hint: string | undefined]> {
  const { message, hint } = await assertRejects(
    () => loadConfig(path),
    ConfigError,
  );
  return [message, hint];
}

Deno.test("loadConfig() reads the file that is named", async () => {
  await using file = await temporary(sampleConfig());

  const config = await loadConfig(file.path);

  assertEquals(config, parseConfig(sampleConfig(), file.path));
});

Deno.test("loadConfig() leaves a byte order mark out", async () => {
  await using file = await temporary(`\ufeff${sampleConfig()}`);

  const { servers } = await loadConfig(file.path);

  assertEquals(servers.length, 2);
});

Deno.test("loadConfig() says how to make a configuration when there is none", async () => {
  assertEquals(await refusal("/nonexistent/relais.toml"), [
    "Cannot find a configuration: there is no /nonexistent/relais.toml",
    '"relais init /nonexistent/relais.toml" writes one',
  ]);
});

Deno.test("loadConfig() refuses a directory", async () => {
  await using file = await temporary("");
  const directory = file.path.replace("/relais.toml", "");

  assertEquals(await refusal(directory), [
    `Cannot read ${directory}: it is a directory`,
    "name the file in it",
  ]);
});

Deno.test("loadConfig() refuses a file that is not UTF-8", async () => {
  await using file = await temporary(Uint8Array.of(0x23, 0xe9, 0x0a));

  assertEquals(await refusal(file.path), [
    `Cannot read ${file.path}: it is not valid UTF-8`,
    "save it as UTF-8",
  ]);
});

Deno.test("relais finds ./relais.toml, and tells all that is wrong with it", async () => {
  await using file = await temporary("[replica]\ninto = 1\n[prob]\n");
  const cwd = file.path.replace("/relais.toml", "");

  const { code, stderr } = await relais(["--once"], { cwd });

  assertEquals([code, stderr.match(/relais\.toml:\d: \w+/g)], [2, [
    "relais.toml:1: replica",
    "relais.toml:2: replica",
    "relais.toml:3: prob",
  ]]);
});

Deno.test("requireReplica() names the table that is missing", () => {
  const config = parseConfig(
    '[publish]\nfiles = ["/d/*"]\nbase = "/d"\ninto = "/e"',
    "/etc/relais.toml",
  );

  const { message } = assertThrows(() => requireReplica(config), ConfigError);

  assertEquals(
    message,
    "Cannot keep a replica: /etc/relais.toml has no [replica] table",
  );
});

Deno.test("requirePublish() names the table that is missing", () => {
  const config = parseConfig(sampleConfig(), "/etc/relais.toml");

  const { message } = assertThrows(() => requirePublish(config), ConfigError);

  assertEquals(
    message,
    "Cannot publish: /etc/relais.toml has no [publish] table",
  );
});
