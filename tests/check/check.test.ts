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
