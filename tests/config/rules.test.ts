import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  problemsOf,
  publish,
  replica,
  server,
} from "../../fixtures/config/texts.ts";

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
    `${server}ssh_config = "/etc/relais/ssh_config"\nssh = ["/opt/ssh"]\n` +
    server.replace('"production"', '"b"\ntransport = "openssh"') +
    `jump = "bastion"\nhost_key = "SHA256:${"A".repeat(43)}"\n` + replica,
    '7: server.ssh_config: only transport = "openssh" reads ssh_config; set that, or remove this key',
    '8: server.ssh: only transport = "openssh" starts the ssh client; set that, or remove this key',
    '16: server.jump: transport = "openssh" goes through no jump; set ProxyJump in ssh_config in its place',
    '17: server.host_key: transport = "openssh" does not look at host_key; set known_hosts to a file with the key of the server, or leave that to UserKnownHostsFile in ssh_config',
  ],
  [
    "a key that is about a list of another program, where there is none",
    `${server}list_append = true\n${
      server.replace("production", "b")
    }list_append = false\n${replica}`,
    "7: server.list_append: it is about list, which is not set; set list and list_format, or remove this key",
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
