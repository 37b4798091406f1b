import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  problemsOf,
  publish,
  replica,
  server,
} from "../../fixtures/config/texts.ts";

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
  ["replica", "filename_charset", '"utf-8"', "a charset other than UTF-8"],
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
  ["log", "file", '"/var/log/.."', 'an absolute path without ".."'],
  ["log", "file", '"/var/log/."', 'not ending in "."'],
  ["log", "level", '"loud"', '"debug", "info", "warning" or "error"'],
  ["log", "max_size", '"1B"', 'a size of at least "1KB"'],
  ["log", "keep", "1001", "from 0 to 1000"],
  ["stat", "prometheus", '"/var/relais.txt"', "ends in .prom"],
  ["stat", "prometheus", '"/var/../a.prom"', 'in .prom without ".."'],
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
