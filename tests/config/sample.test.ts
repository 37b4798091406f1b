import { assertEquals } from "@std/assert";
import { parseConfig } from "../../lib/config/parse.ts";
import { sampleConfig } from "../../lib/config/sample.ts";
import { tables } from "../../lib/config/schema.ts";

/** The sample with all its keys in force. */
const everything = sampleConfig().replaceAll(
  /^# (?=\[\w+\]|\w+ = )/gm,
  "",
);

/** The same without what needs another transport, or another network. */
const uncommented = everything.replaceAll(
  /^(?:ssh_config|jump) = .*\n/gm,
  "",
);

Deno.test("sampleConfig() is a configuration as it is", () => {
  const { servers, replica, publish } = parseConfig(
    sampleConfig(),
    "relais.toml",
  );

  assertEquals(servers.map(({ name }) => name), ["production", "backup"]);
  assertEquals(replica?.into, "/srv/replica");
  assertEquals(publish, null);
});

Deno.test("sampleConfig() shows every key of every table, and no other, in the order of the schema", () => {
  const shown = Object.fromEntries(
    everything.split(/^\[+/m).slice(1).reverse().map((table) => [
      /^\w+/.exec(table)![0],
      Array.from(table.matchAll(/^(\w+) = /gm), ([, key]) => key!),
    ]).reverse(),
  );
  const known = Object.entries(tables).map((
    [name, { keys }],
  ): [string, string[]] => [name, Object.keys(keys)]);
  // The second server shows what has no default.
  shown["server"] = Object.keys(tables.server.keys).filter((key) =>
    new RegExp(`^${key} = `, "m").test(everything)
  );

  assertEquals(Object.entries(shown), known);
});

Deno.test("sampleConfig() tells true defaults", () => {
  const shown = parseConfig(uncommented, "relais.toml");
  const real = parseConfig(sampleConfig(), "relais.toml");

  assertEquals(
    {
      ...shown,
      cluster: null,
      publish: null,
      replica: { ...shown.replica!, filenameCharset: null },
      servers: shown.servers.map((each) => ({
        ...each,
        hostKeys: [],
        list: null,
      })),
    },
    real,
  );
});

Deno.test("sampleConfig() gives examples that are well", () => {
  const { servers, publish } = parseConfig(uncommented, "relais.toml");

  assertEquals(servers[0]?.hostKeys.length, 1);
  assertEquals(publish, {
    files: ["/data/stock/**/*.csv"],
    base: "/data",
    into: "/srv/sftp/export",
    links: "skip",
    signatures: 4 * 2 ** 20,
    maxWithdraw: { share: 0.5 },
    keepMs: 0,
    compaction: { size: 1_000_000, share: 0.5 },
    writer: "",
  });
});

Deno.test("sampleConfig() for one role is a configuration of its tables alone", () => {
  const publisher = parseConfig(sampleConfig("publisher"), "relais.toml");
  const replica = parseConfig(sampleConfig("replica"), "relais.toml");

  assertEquals(publisher.publish?.into, "/srv/sftp/export");
  assertEquals([publisher.replica, publisher.servers], [null, []]);
  assertEquals(replica, parseConfig(sampleConfig(), "relais.toml"));
  assertEquals(sampleConfig("replica").includes("[publish]"), false);
  for (const key of ["on_new", "on_failover", "max_lag", "[probe]"]) {
    assertEquals(sampleConfig("publisher").includes(key), false, key);
  }
});

Deno.test("sampleConfig() tells true defaults to a publisher, too", () => {
  const sample = sampleConfig("publisher");
  const all = sample.replaceAll(/^# (?=\w+ = )/gm, "");

  assertEquals(
    parseConfig(all, "relais.toml"),
    parseConfig(sample, "relais.toml"),
  );
});
