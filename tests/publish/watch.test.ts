import { assertEquals } from "@std/assert";
import { Sources } from "../../fixtures/sources.ts";
import { until } from "../../fixtures/until.ts";
import { spawnRelais } from "../../fixtures/world.ts";

Deno.test("relais publish --watch publishes what changes long before the next scan", async () => {
  using world = new Sources();
  world.write("a.csv", "1");
  world.write("gone.csv", "1");
  const config = world.writeConfig();
  Deno.writeTextFileSync(config, `\n[schedule]\nevery = "1d"\n`, {
    append: true,
  });
  const relais = spawnRelais(["publish", "--watch", "--config", config], {
    stderr: "null",
  });
  const exported = (path: string) =>
    Deno.readTextFileSync(`${world.into}/${path}`);
  await until(() => exported("gone.csv") === "1");

  world.write("new.csv", "2");
  await until(() => exported("new.csv") === "2");
  world.write("deep/er/b.csv", "3");
  await until(() => exported("deep/er/b.csv") === "3");
  world.write("deep/er/b.csv", "4 ");
  await until(() => exported("deep/er/b.csv") === "4 ");
  Deno.removeSync(`${world.base}/gone.csv`);
  await until(() => world.entries().at(-1)!.endsWith("- gone.csv"));

  relais.kill("SIGTERM");
  assertEquals((await relais.status).code, 143);
  assertEquals(world.entries().map((line) => line.slice(2)), [
    "+ a.csv",
    "+ gone.csv",
    "+ new.csv",
    "+ deep/er/b.csv",
    "+ deep/er/b.csv",
    "- gone.csv",
  ]);
});

for (const links of ["skip", "follow"] as const) {
  Deno.test(`relais publish --watch publishes what changes where links lead to, links: ${links}`, async () => {
    using world = new Sources();
    Object.assign(world.config, { links });
    world.write("real/a.csv", "1");
    // Linux tells of a change by one of the ways to it.
    world.sh("cd data && for n in a b y z; do ln -s real $n; done");
    const config = world.writeConfig(`[schedule]\nevery = "1d"\n`);
    const relais = spawnRelais(["publish", "--watch", "--config", config], {
      stderr: "null",
    });
    const ways = links === "skip" ? ["real"] : ["real", "a", "z"];
    const exported = (text: string) =>
      ways.every((way) =>
        Deno.readTextFileSync(`${world.into}/${way}/a.csv`) === text
      );
    await until(() => exported("1"));

    world.write("real/a.csv", "22");
    await until(() => exported("22"));

    relais.kill("SIGTERM");
    assertEquals((await relais.status).code, 143);
  });
}

Deno.test("relais publish --watch looks only at what has changed, and at all when it is due", async () => {
  using world = new Sources();
  for (const path of ["a.csv", "b.csv", "deep/c.csv", "deep/d.csv"]) {
    world.write(path, "1");
  }
  const config = world.writeConfig();
  const watch = async (every: string, work: () => Promise<void>) => {
    Deno.writeTextFileSync(config, `\n[schedule]\nevery = "${every}"\n`, {
      append: true,
    });
    const relais = spawnRelais(
      ["publish", "--watch", "--json", "--config", config],
      { stdout: "piped", stderr: "null" },
    );
    const output = new Response(relais.stdout).text();
    await work();
    relais.kill("SIGTERM");
    await relais.status;
    const lines = (await output).trimEnd().split("\n");
    return lines.map((line) => JSON.parse(line).scanned as number);
  };
  const entries = (count: number) =>
    until(() => world.entries().length === count);

  const scanned = await watch("1d", async () => {
    await entries(4);
    world.write("b.csv", "22");
    await entries(5);
    world.sh("mv data/deep data/other");
    await entries(9);
  });

  assertEquals(scanned[0], 4);
  // The change of one file, in one run or two; and of a directory of two.
  assertEquals(scanned.slice(1).every((count) => count <= 2), true);
  assertEquals(world.entries().slice(4).sort(), [
    "5 + b.csv",
    "6 + other/c.csv",
    "7 + other/d.csv",
    "8 - deep/c.csv",
    "9 - deep/d.csv",
  ]);
});

Deno.test("relais publish --watch begins to watch sources that come later", async () => {
  using world = new Sources();
  const config = world.writeConfig();
  Deno.writeTextFileSync(config, `\n[schedule]\nevery = "1s"\n`, {
    append: true,
  });
  Deno.removeSync(world.base);
  const relais = spawnRelais(["publish", "--watch", "--config", config], {
    stderr: "null",
  });
  const log = `${world.root}/relais.log`;
  await until(() =>
    Deno.readTextFileSync(log).includes("cannot watch for changes")
  );

  world.write("a.csv", "1");

  await until(() => Deno.readTextFileSync(`${world.into}/a.csv`) === "1");
  relais.kill("SIGTERM");
  assertEquals((await relais.status).code, 143);
});
