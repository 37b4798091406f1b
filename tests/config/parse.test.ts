import {
  assert,
  assertEquals,
  assertGreater,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import { parseConfig } from "../../lib/config/parse.ts";
import { tables } from "../../lib/config/schema.ts";
import { ConfigError } from "../../lib/errors.ts";

const server = `[[server]]
name = "production"
host = "192.0.2.10"
identity = "/etc/relais/id_ed25519"
known_hosts = "/etc/relais/known_hosts"
root = "/export"
`;
const replica = `[replica]
into = "/srv/replica"
`;
const publish = `[publish]
files = ["/data/**/*.csv"]
base = "/data"
into = "/export"
`;

/** Parses a file that is well. */
function parse(text: string) {
  return parseConfig(text, "/etc/relais/relais.toml");
}

/** What is told of a file that is not, without its name. */
function problemsOf(text: string): string[] {
  const error = assertThrows(() => parse(text), ConfigError);
  return error.problems.map((problem) => problem.replace(/^relais.toml:/, ""));
}

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
        ...{ fileMode: null, directoryMode: 0o755 },
        ...{ owner: null, group: null },
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
      ...{ onNew: [], onNewTimeoutMs: 600_000 },
      ...{ onFailover: [], onFailback: [], onError: [] },
      ...{ onRecovered: [], onLag: [], onLeader: [] },
      ...{ maxLagMs: 0, settleMs: 600_000 },
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

/** One value of one key, and what is told of it. */
const values: [table: string, key: string, value: string, told: string][] = [
  ["server", "name", '""', "1 to 64 of A-Z"],
  ["server", "name", `"${"x".repeat(65)}"`, "1 to 64 of A-Z"],
  ["server", "name", '"a/b"', 'found "a/b"'],
  ["server", "host", '"two words"', "a host name or an address"],
  ["server", "host", '"relais@192.0.2.10"', "a host name or an address"],
  ["server", "host", '"192.0.2.10:22"', "a host name or an address"],
  ["server", "host", '"-oProxyCommand"', "a host name or an address"],
  ["server", "port", "0", "a whole number from 1 to 65535, found 0"],
  ["server", "port", "65536", "found 65536"],
  ["server", "port", '"22"', 'found "22"'],
  ["server", "port", "22.5", "found 22.5"],
  ["server", "port", "nan", "found NaN"],
  ["server", "user", '""', "a user name"],
  ["server", "user", '"a b"', "a user name"],
  ["server", "user", '"-oProxyCommand=x"', 'no "-" at its beginning'],
  ["server", "transport", '"rsh"', '"ssh2" or "openssh"'],
  ["server", "ssh", '["ssh"]', "by its absolute path"],
  ["server", "ssh", "[]", "a list of a program"],
  ["server", "ssh", '"/usr/bin/ssh"', "a list of a program"],
  ["server", "jump", '"a b"', 'like "me@bastion:22"'],
  ["server", "jump", '"-oProxyCommand=x"', "a host to go through"],
  ["server", "jump", '"-x@bastion"', "a host to go through"],
  ["server", "jump", '"bastion:65536"', "a host to go through"],
  ["server", "jump", '"2001:db8::1"', "a host to go through"],
  ["server", "jump", '"a,b"', "a host to go through"],
  ["server", "ssh_config", '"~/.ssh/config"', "an absolute path"],
  ["server", "identity", '"~/.ssh/id_ed25519"', "an absolute path"],
  ["server", "identity", '""', 'found ""'],
  ["server", "agent", '"yes"', "true or false"],
  ["server", "known_hosts", '"known_hosts"', "an absolute path"],
  ["server", "known_hosts", '["/a", "b"]', 'found "b"'],
  ["server", "known_hosts", "7", "found 7"],
  ["server", "host_key", '"SHA256:AAAA"', 'a fingerprint as "ssh-keygen -l"'],
  [
    "server",
    "host_key",
    `["MD5:${"0".repeat(43)}"]`,
    'a fingerprint as "ssh-keygen -l"',
  ],
  ["server", "root", '"export"', "an absolute path"],
  ["server", "root", '"/export/../etc"', "an absolute path"],
  ["replica", "into", '"srv"', "an absolute path"],
  ["replica", "into", '"/"', 'a directory below "/"'],
  ["replica", "into", '"/srv/.."', "an absolute path"],
  ["replica", "into", '"/srv/\\u0000"', 'found "/srv/\\x00"'],
  ["replica", "state", '"lib"', "an absolute path"],
  ["replica", "source", '"lists"', '"list", "tree" or "auto"'],
  ["replica", "include", '"*.csv"', "a list of globs"],
  ["replica", "include", '["a", ""]', "a text that is not empty"],
  ["replica", "exclude", '["[z-a]"]', "ranges that go upwards"],
  ["replica", "exclude", '["../*"]', 'a glob without ".."'],
  ["replica", "exclude", '["./tmp"]', 'a glob without "./" and "//"'],
  ["replica", "include", '["stock//*"]', 'a glob without "./" and "//"'],
  ["replica", "include", '["/export/stock/*"]', 'such as "stock/*", found'],
  ["replica", "include", '["/srv/replica"]', 'such as "**", found'],
  ["replica", "delete", "true", '"keep", "trash" or "remove", found true'],
  ["replica", "max_delete", '"101%"', 'a share, like "10%"'],
  ["replica", "max_delete", '"10"', 'a share, like "10%"'],
  ["replica", "max_delete", "-1", "found -1"],
  ["replica", "max_delete", "true", "found true"],
  ["probe", "timeout", '"0"', 'a duration from "100ms" to "1d"'],
  ["probe", "timeout", '"2d"', 'a duration from "100ms" to "1d"'],
  ["probe", "timeout", "5", "found 5"],
  ["probe", "rise", "0", "a whole number from 1 to 100"],
  ["probe", "fall", "101", "a whole number from 1 to 100"],
  ["probe", "hold", '"1 minute"', 'a duration, like "5s"'],
  ["probe", "hold", "1979-05-27", "found a date"],
  ["probe", "max_age", '"-1s"', 'a duration, like "5s"'],
  ["probe", "failback", '"never"', '"auto" or "manual"'],
  ["copy", "parallel", "4097", "from 1 to 4096"],
  ["copy", "connections", "0", "from 1 to 10"],
  ["copy", "connections", "11", "from 1 to 10"],
  ["copy", "bandwidth", '"20Mbit/s"', 'a rate, like "20MB/s"'],
  ["copy", "retries", "-1", "from 0 to 100"],
  ["copy", "delta", '"sometimes"', '"auto", "always" or "never"'],
  ["limits", "connect", '"10"', "a duration from"],
  ["limits", "keepalive", '"0s"', "a duration from"],
  ["schedule", "every", '"999ms"', 'a duration from "1s" to "7d"'],
  ["schedule", "every", '"30d"', 'a duration from "1s" to "7d"'],
  ["log", "file", '"relais.log"', 'an absolute path, or "" for none'],
  ["log", "file", '"/var/log/"', 'an absolute path, or "" for none'],
  ["log", "level", '"loud"', '"debug", "info", "warning" or "error"'],
  ["log", "max_size", '"1B"', 'a size of at least "1KB"'],
  ["log", "keep", "1001", "from 0 to 1000"],
  ["stat", "prometheus", '"/var/relais.txt"', "ends in .prom"],
  ["hooks", "on_new", '"/bin/true"', "a list of a command and its arguments"],
  ["hooks", "on_error", '["", "-q"]', "a command before its arguments"],
  ["hooks", "on_failover", "[7]", "found 7"],
  ["hooks", "ping", '"ftp://hc.example/x"', "an address, like"],
  ["hooks", "ping", '"https://hc.example/x?y"', "an address, like"],
  ["publish", "files", "[]", "at least one glob"],
  ["publish", "files", '["data/*"]', "an absolute glob below base"],
  ["publish", "files", '["/data2/*"]', "an absolute glob below base"],
  ["publish", "files", '["/data/stock/"]', 'such as "/data/stock/**", found'],
  ["publish", "base", '"data"', "an absolute path"],
  ["publish", "signatures", '"0"', 'a size of at least "64KiB", like'],
  ["publish", "signatures", "true", 'or "never", found true'],
  ["publish", "into", '"/"', 'a directory below "/"'],
];

for (const [table, key, value, told] of values) {
  Deno.test(`parseConfig() refuses ${value} for ${table}.${key}, on its line`, () => {
    const all = server + replica + publish.replace("/export", "/exported");
    const lines = withKey(all, table, `${key} = ${value}`).split("\n");
    const line = 1 + lines.indexOf(`${key} = ${value}`);

    const [problem, ...others] = problemsOf(lines.join("\n"));

    assertStringIncludes(problem!, `${line}: ${table}.${key}: expected `);
    assertStringIncludes(problem!, told);
    assertEquals(others, []);
  });
}

/** Sets a key of a table; the table is added where it is not there. */
function withKey(text: string, table: string, line: string): string {
  const [key] = line.split(" ");
  const header = table === "server" ? "[[server]]" : `[${table}]`;
  if (!text.includes(header)) return `${text}${header}\n${line}\n`;
  const [before, after] = text.split(header) as [string, string];
  const end = after.search(/^\[/m);
  const own = end === -1 ? after : after.slice(0, end);
  const others = own.split("\n").filter((each) => !each.startsWith(`${key} `));
  return `${before}${header}\n${line}${others.join("\n")}\n${
    end === -1 ? "" : after.slice(end)
  }`;
}

/** Files that break a rule between keys, and all that is told of them. */
const rules: [what: string, text: string, ...problems: string[]][] = [
  [
    "an empty file",
    "",
    "1: there is neither [replica], to keep a copy, nor [publish], to offer files",
  ],
  [
    "a replica without a server",
    `\n${replica}`,
    "2: replica: no server; add a [[server]] table for each machine files come from",
  ],
  [
    "two servers of one name",
    server + server + replica,
    '8: server.name: another server is called "production" already',
  ],
  [
    "a missing key, on the line of its table",
    `${server}${replica}\n[publish]\nbase = "/data"\ninto = "/export"`,
    "10: publish.files: missing; [publish] needs it",
  ],
  [
    "a server with no way to log in",
    server + server.replace(/identity.*/, "").replace("production", "b") +
    replica,
    "7: server: no way to log in; set identity to the path of a private key, or agent = true",
  ],
  [
    "keys of the other transport",
    `${server}ssh_config = "/etc/relais/ssh_config"\n` +
    server.replace('"production"', '"b"\ntransport = "openssh"') +
    `jump = "bastion"\nhost_key = "SHA256:${"A".repeat(43)}"\n` + replica,
    '7: server.ssh_config: only transport = "openssh" reads ssh_config; set that, or remove this key',
    '15: server.jump: transport = "openssh" goes through no jump; set ProxyJump in ssh_config in its place',
    '16: server.host_key: transport = "openssh" does not look at host_key; set known_hosts to a file with the key of the server, or leave that to UserKnownHostsFile in ssh_config',
  ],
  [
    "a jump host whose key is not known",
    server.replace(/known_hosts.*/, `host_key = "SHA256:${"A".repeat(43)}"`) +
    `jump = "bastion"\n${replica}`,
    "7: server.jump: the key of that host must be in known_hosts, which is not set; host_key is about the server itself",
  ],
  [
    "paths that ssh would read in its own way",
    server.replace("id_ed25519", "%h").replace('known_hosts"', '$HOME"')
      .replace('"production"', '"production"\ntransport = "openssh"') +
    replica,
    '5: server.identity: expected a path without ", %, $ and \\, which ssh would read in its own way, found "/etc/relais/%h"',
    '6: server.known_hosts: expected a path without ", %, $ and \\, which ssh would read in its own way, found "/etc/relais/$HOME"',
  ],
  [
    "into inside state",
    `${server}[replica]\ninto = "/a//b/"\nstate = "/a"`,
    '9: replica.state: "/a" and replica.into "/a/b" must not lie in each other',
  ],
  [
    "state inside into",
    `${server}[replica]\ninto = "/a"\nstate = "/a/./b"`,
    '9: replica.state: "/a/b" and replica.into "/a" must not lie in each other',
  ],
  [
    "into that is the default of state",
    `${server}[replica]\ninto = "/var/lib/relais/"`,
    '7: replica.state: "/var/lib/relais" and replica.into "/var/lib/relais" must not lie in each other',
  ],
  [
    "files that relais trusts in the copy",
    server.replaceAll("/etc/", "/srv/replica/") + replica +
    '[log]\nfile = "/srv/replica/log"\n[stat]\nprometheus = "/srv/replica/a.prom"',
    '4: server.identity: "/srv/replica/relais/id_ed25519" must not lie in replica.into "/srv/replica", where servers choose the names',
    '5: server.known_hosts: "/srv/replica/relais/known_hosts" must not lie in replica.into "/srv/replica", where servers choose the names',
    '10: log.file: "/srv/replica/log" must not lie in replica.into "/srv/replica", where servers choose the names',
    '12: stat.prometheus: "/srv/replica/a.prom" must not lie in replica.into "/srv/replica", where servers choose the names',
  ],
  [
    "an export that is its base",
    publish.replace("/export", "/data"),
    '4: publish.into: "/data" must not hold base "/data": files would be published over their sources',
  ],
  [
    "an export that holds its base",
    publish.replaceAll("/data", "/export/data"),
    '4: publish.into: "/export" must not hold base "/export/data": files would be published over their sources',
  ],
  [
    "an export that is the copy",
    server + replica + publish.replace("/export", "/srv/replica"),
    '12: publish.into: "/srv/replica" and replica.into "/srv/replica" must not lie in each other',
  ],
  [
    "globs outside base, each on its line",
    publish.replace(
      '["/data/**/*.csv"]',
      '[\n  "/data/*",\n  "/etc/*",\n  "/database/*",\n]',
    ),
    '4: publish.files: expected an absolute glob below base "/data", found "/etc/*"',
    '5: publish.files: expected an absolute glob below base "/data", found "/database/*"',
  ],
  [
    "a single table of servers",
    `${server.replace("[[server]]", "[server]")}${replica}`,
    "1: server: expected [[server]] tables: write [[server]], in double brackets, before the keys of each server, found a table",
  ],
  [
    "a list of tables where there is but one",
    `${server}${replica}[[probe]]\nrise = 5`,
    "9: probe: expected a [probe] table, found a list",
  ],
  [
    "a date instead of a table",
    `probe = 1979-05-27\n${server}${replica}`,
    "1: probe: expected a [probe] table, found a date",
  ],
  [
    "every unknown key, and names the one that was meant",
    `${server}${replica}exlcude = []\nkeep = 1\n"constructor" = 1`,
    '9: replica.exlcude: unknown key; did you mean "exclude"?',
    "10: replica.keep: unknown key here; it belongs in [probe], [log], [stat] or [publish]",
    "11: replica.constructor: unknown key",
  ],
  [
    "an unknown table, and does not call the one that was meant missing",
    `${server}[replcia]\ninto = "/srv/replica"`,
    '7: replcia: unknown table; did you mean "replica"?',
  ],
  [
    "an unknown key of each of two servers",
    server + `Port = 22\n` + server.replace("production", "b") +
    "colour = 1\n" +
    replica,
    '7: server.Port: unknown key; did you mean "port"?',
    "14: server.colour: unknown key",
  ],
];

for (const [what, text, ...problems] of rules) {
  Deno.test(`parseConfig() refuses ${what}`, () => {
    assertEquals(problemsOf(text), problems);
  });
}

Deno.test("parseConfig() says how to learn a host key that is not known", () => {
  const text = server.replace(/known_hosts.*/, "known_hosts = []") + replica;

  const [problem, ...others] = problemsOf(text);

  assertStringIncludes(problem!, "1: server: its host key is not known; set");
  assertStringIncludes(
    problem!,
    "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub",
  );
  assertEquals(others, []);
});

/** Files that are no TOML: where that is seen, and what is told. */
const syntax: [text: string, told: string][] = [
  ["[replica\ninto = 1", "2:1: expected a key, = and a value on one line"],
  [
    `[log]\nfile = /var/log/relais.log`,
    '2:8: unexpected character; a text stands in quotes, like file = "…"',
  ],
  [
    "[schedule]\nevery = 5s",
    '2:10: expected the end of the line after the value; a text stands in quotes, like every = "…"',
  ],
  ["a = 1\na = 2", "2:1: this key or table is there already, further up"],
  ["[copy]\n[copy]", "2:2: this key or table is there already, further up"],
  ["a = ", "1:5: expected a value"],
  ['a = "x', "1:7: the quotes of this text are not closed"],
  ["a b = 1", "1:3: expected = after the key"],
  ["port = 022", "1:8: leading zeros are not allowed"],
];

for (const [text, told] of syntax) {
  Deno.test(`parseConfig() tells the line and column of ${JSON.stringify(text)}`, () => {
    const [problem, ...others] = problemsOf(text);

    assertStringIncludes(problem!, told);
    assertEquals(others, []);
  });
}

Deno.test("parseConfig() repeats no value of a line that is no TOML", () => {
  const [problem] = problemsOf("password = hunter2");

  assert(!problem!.includes("hunter2"), problem);
});

Deno.test("parseConfig() shows the first line of a key that was pasted in place of its path", () => {
  const pasted = '"""-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n"""';

  const [problem] = problemsOf(
    server.replace('"/etc/relais/id_ed25519"', pasted) + replica,
  );

  assert(
    problem!.endsWith('found "-----BEGIN OPENSSH PRIVATE KEY-----…"'),
    problem,
  );
});

Deno.test("parseConfig() takes modes and accounts, and tells the line of one that is not there", () => {
  const text = (keys: string) => `${server}${replica}${keys}`;
  const { rights } = parse(
    text(`file_mode = "0640"\ndirectory_mode = "0750"
owner = "root"\ngroup = "4321"`),
  ).replica!;

  assertEquals(rights, {
    ...{ fileMode: 0o640, directoryMode: 0o750 },
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
