import { assert, assertEquals, assertGreater, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  parse,
  problemsOf,
  publish,
  replica,
  server,
} from "../../fixtures/config/texts.ts";
import { tables } from "../../lib/config/schema.ts";
import { ConfigError } from "../../lib/errors.ts";

Deno.test("parseConfig() tells all problems of a messy file, in the order of its lines", async () => {
  const fixture = (name: string) =>
    Deno.readTextFile(
      new URL(`../../fixtures/config/${name}`, import.meta.url),
    );

  const problems = problemsOf(await fixture("messy.toml"));

  assertEquals(
    `${problems.join("\n")}\n`,
    await fixture("messy.problems.txt"),
  );
});

Deno.test("parseConfig() names the file and counts its problems", () => {
  const message = (text: string) =>
    assertThrows(() => parse(text), ConfigError).message;

  assertEquals(
    [message(`${publish}x = 1`), message(`${publish}x = 1\ny = 2`)],
    [
      "Cannot use /etc/relais/relais.toml: one problem",
      "Cannot use /etc/relais/relais.toml: 2 problems",
    ],
  );
});

Deno.test("parseConfig() gives every key its default", () => {
  assertEquals(parse(server + replica), {
    path: "/etc/relais/relais.toml",
    job: null,
    servers: [{
      name: "production",
      host: "192.0.2.10",
      port: 22,
      user: "relais",
      identity: "/etc/relais/id_ed25519",
      agent: false,
      knownHosts: ["/etc/relais/known_hosts"],
      hostKeys: [],
      jump: null,
      openssh: null,
      algorithms: "modern",
      root: "/export",
      list: null,
    }],
    replica: {
      into: "/srv/replica",
      state: "/var/lib/relais",
      source: "auto",
      include: [],
      exclude: [],
      delete: "keep",
      maxDelete: { share: 0.1 },
      trashKeepMs: 30 * 86_400_000,
      rights: {
        fileMode: null,
        directoryMode: 0o755,
        owner: null,
        group: null,
      },
      filenameCharset: null,
      treeRescanMs: 3_600_000,
      republish: false,
      links: "skip",
      sets: false,
    },
    probe: {
      timeoutMs: 5_000,
      rise: 2,
      fall: 3,
      holdMs: 60_000,
      keep: true,
      maxAgeMs: 0,
      failback: "auto",
    },
    copy: {
      parallel: 512,
      connections: 1,
      bandwidth: 0,
      retries: 3,
      order: "oldest",
      delta: "auto",
    },
    limits: {
      connectMs: 10_000,
      handshakeMs: 20_000,
      keepaliveMs: 5_000,
      requestMs: 30_000,
    },
    schedule: { everyMs: 60_000 },
    log: {
      file: "/var/log/relais/relais.log",
      level: "info",
      maxSize: 10_000_000,
      keep: 5,
    },
    stat: { prometheus: "", keepMs: 400 * 86_400_000 },
    hooks: {
      onNew: [],
      onNewTimeoutMs: 600_000,
      onFailover: [],
      onFailback: [],
      onError: [],
      onRecovered: [],
      onLag: [],
      onLeader: [],
      maxLagMs: 0,
      settleMs: 600_000,
      ping: "",
    },
    cluster: null,
    publish: null,
  });
});

Deno.test("parseConfig() needs no server to publish", () => {
  const { servers, replica, publish: published } = parse(publish);

  assertEquals({ servers, replica, published }, {
    servers: [],
    replica: null,
    published: {
      files: ["/data/**/*.csv"],
      base: "/data",
      into: "/export",
      links: "skip",
      signatures: 4 * 2 ** 20,
      maxWithdraw: { share: 0.5 },
      keepMs: 0,
      compaction: { size: 1_000_000, share: 0.5 },
      writer: "",
    },
  });
});

Deno.test("parseConfig() takes one known_hosts or host_key, or a list of them", () => {
  const keys = ["A", "B"].map((letter) => `SHA256:${letter.repeat(43)}`);
  const lists = server.replace(/known_hosts.*/, `known_hosts = ["/a", "/b"]`) +
    `host_key = ${JSON.stringify(keys)}\n`;
  const single = `${server}host_key = "${keys[0]}"\n`;

  const found = [lists, single].map((text) => {
    const { knownHosts, hostKeys } = parse(text + replica).servers[0]!;
    return { knownHosts, hostKeys };
  });

  assertEquals(found, [
    { knownHosts: ["/a", "/b"], hostKeys: keys },
    { knownHosts: ["/etc/relais/known_hosts"], hostKeys: [keys[0]!] },
  ]);
});

Deno.test("parseConfig() reads a jump host, with the user of the server and port 22 if it has none", () => {
  const jumpOf = (jump: string) =>
    parse(`${server}user = "u"\njump = "${jump}"\n${replica}`).servers[0]!
      .jump;

  assertEquals(
    ["bastion", "x@192.0.2.9:2222", "[2001:db8::1]", "x@[::1]:23"].map(jumpOf),
    [
      { user: "u", host: "bastion", port: 22 },
      { user: "x", host: "192.0.2.9", port: 2222 },
      { user: "u", host: "2001:db8::1", port: 22 },
      { user: "x", host: "::1", port: 23 },
    ],
  );
});

Deno.test("parseConfig() tells apart what ssh_config is to decide", () => {
  const own = '[[server]]\nname = "a"\nhost = "a"\nroot = "/"\n' +
    'transport = "openssh"\n';
  const set = own.replace('"a"', '"b"') + 'port = 22\nuser = "relais"\n' +
    'ssh = ["/opt/ssh", "-4"]\nssh_config = "/etc/relais/ssh_config"\n';

  const { servers } = parse(own + set + replica);

  assertEquals(
    servers.map(({ port, user, openssh }) => ({ port, user, openssh })),
    [
      {
        port: 22,
        user: "relais",
        openssh: {
          client: ["/usr/bin/ssh"],
          config: null,
          port: null,
          user: null,
          certificate: null,
        },
      },
      {
        port: 22,
        user: "relais",
        openssh: {
          client: ["/opt/ssh", "-4"],
          config: "/etc/relais/ssh_config",
          port: 22,
          user: "relais",
          certificate: null,
        },
      },
    ],
  );
});

Deno.test("parseConfig() writes paths in their shortest form", () => {
  const text = server.replace('"/export"', '"//export/./stock/"') +
    '[replica]\ninto = "/srv//replica/"\n';

  const { servers, replica } = parse(text);

  assertEquals([servers[0]!.root, replica!.into], [
    "/export/stock",
    "/srv/replica",
  ]);
});

Deno.test("parseConfig() takes / for the root of an account that is shut in its export", () => {
  const { servers } = parse(server.replace('"/export"', '"/"') + replica);

  assertEquals(servers[0]!.root, "/");
});

for (
  const host of ["localhost", "a.example", "192.0.2.1", "::1", "fe80::1%eth0"]
) {
  Deno.test(`parseConfig() takes ${host} for a host`, () => {
    const text = server.replace("192.0.2.10", host) + replica;

    assertEquals(parse(text).servers[0]!.host, host);
  });
}

Deno.test("parseConfig() finds keys in inline tables and dotted keys as well", () => {
  const text = `probe = { rise = 5 }
copy.retries = 0
${server}${replica}`;

  const { probe, copy } = parse(text);

  assertEquals([probe.rise, copy.retries], [5, 0]);
});

Deno.test("parseConfig() takes an export below the base of what is published", () => {
  const { publish: published } = parse(
    publish.replace('"/export"', '"/data/export"'),
  );

  assertEquals(published!.into, "/data/export");
});

Deno.test("parseConfig() takes modes and accounts, and tells the line of one that is not there", () => {
  const text = (keys: string) => `${server}${replica}${keys}`;
  const { rights } = parse(
    text(`file_mode = "0640"\ndirectory_mode = "0750"
owner = "root"\ngroup = "4321"`),
  ).replica!;

  assertEquals(rights, {
    fileMode: 0o640,
    directoryMode: 0o750,
    owner: { name: "root", id: 0 },
    group: { name: "4321", id: 4321 },
  });
  assertEquals(
    problemsOf(text(`file_mode = "0666"\ndirectory_mode = 755
owner = "nobody here"\ngroup = "-s"`)),
    [
      '9: replica.file_mode: expected "keep", or a mode that lets the owner read and not everybody write, like "0644", found "0666"',
      '10: replica.directory_mode: expected a mode that lets the owner do all and not everybody write, like "0755", found 755',
      '11: replica.owner: expected the name or number of a user of this machine, or "", found "nobody here"',
      '12: replica.group: expected the name or number of a group of this machine, or "", found "-s"',
    ],
  );
});

Deno.test("parseConfig() lets no control character of the file reach a terminal", () => {
  const text =
    `${server}${replica}source = "\\u001b[2J\\u202e"\n"\\u001b[31m" = 1`;

  assertEquals(problemsOf(text), [
    '9: replica.source: expected "list", "tree" or "auto", found "\\x1b[2J\\u{202e}"',
    "10: replica.\\x1b[31m: unknown key",
  ]);
});

Deno.test("parseConfig() never fails with anything but a ConfigError on any text", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    parseOrRefuse(text);
  }));
});

Deno.test("parseConfig() never fails with anything but a ConfigError on any tables", () => {
  fc.assert(fc.property(anyTables(), parseOrRefuse));
});

/** Known tables and keys, with values that are wrong more often than not. */
function anyTables(): fc.Arbitrary<string> {
  const scalar = fc.constantFrom(
    ..."0 1 -1 1.5 true 1979-05-27".split(" "),
    ...["/a", "/a/b", "10%", "5s", "", "**"].map((text) => `"${text}"`),
  );
  const value = fc.oneof(
    scalar,
    fc.array(scalar, { maxLength: 3 }).map((values) => `[${values}]`),
  );
  const tablesOfKeys = Object.entries(tables).map(([name, known]) => {
    const keys = Object.keys(known.keys);
    const table = fc.array(fc.tuple(fc.constantFrom(...keys), value)).map(
      (pairs) => `{${assignments(pairs).join(", ")}}`,
    );
    const list = fc.array(fc.oneof(table, scalar), { maxLength: 3 });
    return fc.tuple(
      fc.constant(name),
      fc.oneof(table, list.map((each) => `[${each}]`), scalar),
    );
  });
  return fc.array(fc.oneof(...tablesOfKeys)).map((pairs) =>
    assignments(pairs).join("\n")
  );
}

/** Writes each key once, as TOML wants it. */
function assignments(pairs: [key: string, value: string][]): string[] {
  return [...new Map(pairs)].map(([key, value]) => `${key} = ${value}`);
}

/** Fails if a text is neither parsed nor refused with what is wrong with it. */
function parseOrRefuse(text: string): void {
  try {
    parse(text);
  } catch (error) {
    assert(error instanceof ConfigError, String(error));
    assertGreater(error.problems.length, 0);
  }
}
