import { assertEquals } from "@std/assert";
import { limits } from "../../../fixtures/ssh/limits.ts";
import { sshdAvailable, startSshd } from "../../../fixtures/sshd.ts";
import { connect } from "../../../lib/ssh/ssh2/connect.ts";

Deno.test({
  name: "no cipher of a connection outlives it",
  ignore: !sshdAvailable,
  sanitizeResources: true,
  async fn() {
    await using sshd = await startSshd({});
    const config = sshd.serverConfig("production", sshd.directory);
    const session = await connect(config, limits());
    const { kind } = await session.stat(sshd.directory);
    assertEquals(kind, "directory");
    await session.end();
  },
});
