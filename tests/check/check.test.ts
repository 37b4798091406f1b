import { assertEquals, assertMatch } from "@std/assert";
import { makeWorld } from "../../fixtures/world.ts";

Deno.test("relais check tells all that is wrong with an installation, and not the first of it", async () => {
  await using world = await makeWorld();
  const { directory } = world;
  Deno.writeTextFileSync(
    world.config,
    `[[server]]
name = "production"
host = "127.0.0.1"
port = 1
user = "relais"
identity = "${directory}/no-key"
known_hosts = ["${directory}/no-hosts", "${directory}"]
root = "/"

[replica]
into = "${world.into}"
state = "${world.state}"

[log]
file = "${directory}/log/relais.log"

[hooks]
on_new = ["${world.config}"]
on_error = ["no-such-program"]
on_lag = ["sh", "-c", "true"]
max_lag = "1h"
`,
  );

  const { code, stdout, stderr } = await world.relais("check");

  assertEquals(code, 2, stderr);
  const lines = stdout.trim().split("\n");
  for (
    const expected of [
      /^ok {2}configuration: /,
      /^FAILED {2}key: .*no-key.*no such file/,
      /^FAILED {2}known_hosts: .*no-hosts.*no such file/,
      /^FAILED {2}known_hosts: .*it is a directory/,
      /^FAILED {2}server production: /,
      /^ok {2}destination: .*will be made/,
      /^ok {2}state: /,
      /^ok {2}log: /,
      /^FAILED {2}hooks\.on_new: .*is not a program that this account may run/,
      /^FAILED {2}hooks\.on_error: no-such-program is not in PATH \(/,
      /^ok {2}hooks\.on_lag: .*\/sh$/,
    ]
  ) assertMatch(lines.shift() ?? "", expected);
  assertEquals(lines, []);
});

Deno.test("relais check and relais log say that the log is a directory", async () => {
  await using world = await makeWorld();
  Deno.mkdirSync(`${world.directory}/replica/log/relais.log`, {
    recursive: true,
  });

  const check = await world.relais("check");
  const read = await world.relais("log");

  assertEquals([check.code, read.code], [4, 4], read.stderr);
  assertMatch(
    check.stdout,
    /^FAILED {2}log: (\S+) is a directory; move it away, or set log\.file to a file$/m,
  );
  assertMatch(
    read.stderr,
    /^relais: Cannot read the log "\S+": it is a directory; move it away, or set log\.file to a file$/m,
  );
});

Deno.test("relais check says that a file stands where a directory is to be", async () => {
  await using world = await makeWorld();
  for (const name of ["copy", "file"]) {
    Deno.writeTextFileSync(`${world.directory}/${name}`, "");
  }
  Deno.writeTextFileSync(
    world.config,
    Deno.readTextFileSync(world.config)
      .replace(world.into, `${world.directory}/copy`)
      .replace(world.state, `${world.directory}/file/state`),
  );

  const { code, stdout } = await world.relais("check");

  assertEquals(code, 4);
  assertEquals(
    stdout.match(/^FAILED {2}(?:destination|state): .*/gm),
    [["destination", "copy"], ["state", "file"]].map(([what, name]) =>
      `FAILED  ${what}: ${world.directory}/${name} is not a directory; move it away, or choose another path`
    ),
  );
});
