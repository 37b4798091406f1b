import { assertEquals, assertMatch } from "@std/assert";
import { relais } from "../../fixtures/relais.ts";
import { faults } from "../../fixtures/schemas.ts";
import { Sources } from "../../fixtures/sources.ts";
import { makeWorld } from "../../fixtures/world.ts";

/** A publisher, and relais with its configuration. */
function makePublisher(more = "") {
  const sources = new Sources(["**/*", ".*"]);
  const config = sources.writeConfig(more);
  return {
    sources,
    relais: (...args: string[]) => relais([...args, "--config", config]),
    [Symbol.dispose]: () => sources[Symbol.dispose](),
  };
}

/** A source that relais does not publish, whoever runs it: the name is that of its own directory. */
const refused = ".RELAIS";

Deno.test("relais status tells of a publisher that it has not run yet, with exit 1", async () => {
  using publisher = makePublisher();

  const { code, stdout } = await publisher.relais("status");
  const nagios = await publisher.relais("status", "--nagios");

  assertEquals([code, nagios.code], [1, 2]);
  assertMatch(stdout, /: nothing has been published yet\.$/m);
  assertMatch(nagios.stdout, /^RELAIS CRITICAL - nothing has been published/);
});

Deno.test("relais status tells a publisher's runs, its list and who writes it, with exit 0", async () => {
  using publisher = makePublisher();
  publisher.sources.write("a.csv", "1");
  publisher.sources.write("b.csv", "22");
  await publisher.relais("publish", "--once");
  publisher.sources.sh("rm data/b.csv");
  await publisher.relais("publish", "--once");

  const { code, stdout, stderr } = await publisher.relais("status");
  const json = JSON.parse(
    (await publisher.relais("status", "--json")).stdout,
  ).publisher;
  const nagios = await publisher.relais("status", "--nagios");

  assertEquals([code, stderr, nagios.code], [0, "", 0]);
  assertMatch(stdout, /: 1 file is published, last run .* ago\.$/m);
  assertMatch(stdout, /^List +renewed .*, writer \d+$/m);
  assertMatch(stdout, /^ {2}20\S+ +0 +0 +0 B +1 +1 +0 /m);
  assertMatch(stdout, /^ {2}20\S+ +0 +2 +3 B +0 +0 +0 /m);
  assertEquals(json.list.generation, publisher.sources.generation());
  assertEquals(
    publisher.sources.extensions(),
    [`#writer ${json.list.writer}`],
  );
  assertMatch(
    nagios.stdout,
    /^RELAIS OK - 1 file is published, .* \| publish_age=\d+s;;3600;0 publish_list_age=\d+s;;;0 publish_failed=0;0;;0 publish_files=1;;;0 publish_free=\d+B;;;0;\d+\n$/,
  );
});

Deno.test("relais status names the sources that a publisher could not publish, and why", async () => {
  using publisher = makePublisher();
  publisher.sources.write("a.csv", "1");
  publisher.sources.write(refused, "1");
  const run = await publisher.relais("publish", "--once");

  const { code, stdout } = await publisher.relais("status");
  const nagios = await publisher.relais("status", "--nagios");

  assertEquals([run.code, code, nagios.code], [1, 1, 1]);
  assertMatch(stdout, /: 1 file could not be published\.$/m);
  assertMatch(
    stdout,
    /^Failed files, tried again by the next run\n {2}\.RELAIS: /m,
  );
  assertMatch(nagios.stdout, /^RELAIS WARNING - 1 file could not be published/);
});

Deno.test("relais status says why a publisher's run was refused, and that a list is gone", async () => {
  using publisher = makePublisher();
  publisher.sources.write("a.csv", "1");
  await publisher.relais("publish", "--once");
  publisher.sources.sh("mv data gone");
  const run = await publisher.relais("publish", "--once");
  const refused = await publisher.relais("status", "--nagios");
  publisher.sources.sh("mv gone data; rm export/.relais/list");
  const lost = await publisher.relais("status");

  assertEquals([run.code, refused.code, lost.code], [5, 2, 1]);
  assertMatch(
    refused.stdout,
    /^RELAIS CRITICAL - the last run ended with exit 5: refused by a safety guard \(/,
  );
  assertMatch(lost.stdout, /the list in \S+ is missing or unreadable/);
});

Deno.test("relais status judges a publisher's age", async () => {
  using publisher = makePublisher();
  publisher.sources.write("a.csv", "1");
  await publisher.relais("publish", "--once");

  const { stdout } = await publisher.relais(
    ...["status", "--nagios", "--max-age", "1ms"],
  );

  assertMatch(stdout, /^RELAIS CRITICAL - the last complete run ended/);
});

Deno.test("relais status --json of a publisher is as docs/schemas says, before the first run and after", async () => {
  using publisher = makePublisher();
  publisher.sources.write(refused, "1");

  for (const _ of [1, 2]) {
    const { stdout } = await publisher.relais("status", "--json");
    assertEquals(await faults("status", stdout), [], stdout);
    await publisher.relais("publish", "--once");
  }
});

Deno.test("relais status tells of both where one machine is replica and publisher, and of what is worse first", async () => {
  await using world = await makeWorld();
  world.write({ "a.csv": "1" });
  await world.publish();
  await world.pass();
  using sources = new Sources();
  sources.writeConfig();
  Deno.writeTextFileSync(
    world.config,
    `\n[publish]\nbase = "${sources.base}"\ninto = "${sources.into}"\nfiles = ["${sources.base}/*"]\n`,
    { append: true },
  );

  const text = await world.relais("status");
  const json = await world.relais("status", "--json");
  const nagios = await world.relais("status", "--nagios");

  assertEquals([text.code, nagios.code], [1, 2]);
  assertMatch(text.stdout, /files come from production[^]*nothing has been/);
  assertEquals(await faults("status", json.stdout), []);
  assertEquals(JSON.parse(json.stdout).healthy, false);
  assertMatch(
    nagios.stdout,
    /^RELAIS CRITICAL - nothing has been published yet; files come from production, .* \| lag=0s.* publish_age=U;/,
  );
});

Deno.test("a publisher tells its hooks when runs fail, and when they no longer do", async () => {
  const directory = Deno.makeTempDirSync();
  const told = `${directory}/told`;
  const hook = JSON.stringify(["sh", "-c", `cat >> ${told}`]);
  using publisher = makePublisher(
    `[hooks]\non_error = ${hook}\non_recovered = ${hook}\nsettle = "0s"\n`,
  );
  publisher.sources.write("a.csv", "1");
  await publisher.relais("publish", "--once");
  publisher.sources.sh("mv data gone");
  await publisher.relais("publish", "--once");
  await publisher.relais("publish", "--once");
  publisher.sources.sh("mv gone data");
  await publisher.relais("publish", "--once");

  const notices = Deno.readTextFileSync(told).trimEnd().split("\n");

  for (const notice of notices) {
    assertEquals(await faults("notice", notice), []);
  }
  assertEquals(
    notices.map((notice) => JSON.parse(notice)).map(({ event, exit }) => [
      event,
      exit,
    ]),
    [["error", 5], ["recovered", 0]],
  );
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("a publisher sets a history that is damaged aside, and publishes all the same", async () => {
  using publisher = makePublisher();
  publisher.sources.write("a.csv", "1");
  await publisher.relais("publish", "--once");
  publisher.sources.sh("echo no database > export/.relais/relais.db");
  publisher.sources.write("b.csv", "2");

  const { code } = await publisher.relais("publish", "--once");
  const { stdout } = await publisher.relais("status");

  assertEquals(code, 0);
  assertMatch(stdout, /: 2 files are published/);
  assertEquals(
    publisher.sources.sh("ls export/.relais | grep -c damaged"),
    "1\n",
  );
});

Deno.test("relais stat --since tells the history of a publisher, without server and lag", async () => {
  using publisher = makePublisher();
  publisher.sources.write("a.csv", "1");
  await publisher.relais("publish", "--once");

  const { code, stdout } = await publisher.relais("stat", "--since", "1d");
  const json = await publisher.relais("stat", "--since", "1d", "--json");

  assertEquals(code, 0);
  assertMatch(stdout, /^1 run, 0 failed; 1 file published, 1 B; /m);
  assertEquals(/lag|server/.test(stdout), false);
  assertEquals(await faults("history", json.stdout), []);
});
