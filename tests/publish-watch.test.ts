import { assertEquals } from "@std/assert";
import { Sources } from "../fixtures/sources.ts";
import { until } from "../fixtures/until.ts";
import { spawnRelais } from "../fixtures/world.ts";

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
    Deno.readTextFileSync(log).includes("changes are not noticed")
  );

  world.write("a.csv", "1");

  await until(() => Deno.readTextFileSync(`${world.into}/a.csv`) === "1");
  relais.kill("SIGTERM");
  assertEquals((await relais.status).code, 143);
});
