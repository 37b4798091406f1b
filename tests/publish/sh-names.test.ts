import { assertEquals, assertMatch } from "@std/assert";
import { relaisPublisher, runScript } from "../../fixtures/publishers.ts";
import { Sources } from "../../fixtures/sources.ts";
import { noNotFiles } from "../../lib/list/not-files.ts";
import { makeWorld, treeOf } from "../../fixtures/world.ts";

Deno.test("names of any bytes come through script, list, pass and verify, none lost and none taken for another", async () => {
  await using world = await makeWorld();
  const { data, root } = world.production;
  // Each byte but NUL and "/" alone and between letters; Latin-1; and what looks like an encoded name.
  const names = [
    ...Array.from({ length: 255 }, (_, code) => [code + 1])
      .filter(([code]) => code !== 0x2f)
      .flatMap(([code]) => [[0x78, code!], [0x78, code!, 0x79]]),
    [...new TextEncoder().encode("d/été")],
    [0x64, 0x2f, 0xe9, 0x74, 0xe9],
    [...new TextEncoder().encode("d/%E9t%E9x")],
  ];
  const escaped = (name: readonly number[]) =>
    name.map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
  // The last x keeps what the shell would cut off: line breaks at the end.
  const lines = names.map((name) =>
    `n=$(printf '${escaped(name)}x') && printf '${
      escaped(name).replaceAll("\\", "\\\\")
    }' > "./\${n%x}"`
  );
  await new Deno.Command("bash", {
    args: ["-c", `mkdir d && ${lines.join("\n")}`],
    cwd: data,
    env: { LC_ALL: "C" },
  }).output();
  using sources = new Sources();
  const config = { ...sources.config, base: data, into: root };
  const published = await runScript({ ...config, files: [`${data}/**/*`] });

  const { copied, exit } = await world.pass();
  const verified = await world.relais("verify", "--json");

  assertEquals(published, {
    status: 0,
    published: names.length,
    withdrawn: 0,
    unchanged: 0,
    not_files: noNotFiles,
    told: [],
  });
  assertEquals([copied, exit], [names.length, 0]);
  assertEquals(JSON.parse(verified.stdout).verified, names.length);
  assertEquals(verified.code, 0);
  // Each file says what its name was; that is under which name it must be here.
  const here = Object.entries(treeOf(world.into)).map(([path, { text }]) => [
    text,
    path,
  ]);
  const expected = names.map((name) => [escaped(name), exported(name)]);
  assertEquals(Object.fromEntries(here), Object.fromEntries(expected));
  assertEquals(here.length, names.length);
});

Deno.test("relais publish leaves alone what the script has exported of names that are not UTF-8, and says so", async () => {
  using sources = new Sources();
  sources.sh(`cd data && n=$(printf 'caf\\351') && d=$(printf 'd\\351') &&
    echo 1 > "$n" && mkdir -p "$d/e" && echo 2 > "$d/e/f" && echo 3 > plain &&
    echo 4 > '100%'`);
  await runScript(sources.config);
  const before = sources.lines();
  sources.sh("rm data/plain");

  const first = await relaisPublisher.publish(sources.config);
  sources.sh(`cd data && rm -r "$(printf 'caf\\351')"`);
  const second = await relaisPublisher.publish(sources.config);

  assertEquals(
    [first.status, first.published, first.withdrawn, first.unchanged],
    [1, 0, 1, 1],
  );
  assertEquals(first.told.length, 2);
  assertMatch(
    first.told.join("\n"),
    /Cannot publish caf\uFFFD: its name is not valid UTF-8; .*\nCannot publish d\uFFFD: its name/,
  );
  assertEquals(second.withdrawn, 1);
  assertEquals(sources.entries().slice(before.length), [
    "5 - plain",
    "6 - caf%25E9",
  ]);
});

Deno.test("a Latin-1 tree is readable on a replica with filename_charset, and stays its server's", async () => {
  await using world = await makeWorld({
    replica:
      `filename_charset = "latin1"\ndelete = "remove"\nmax_delete = "100%"`,
  });
  const { data, root } = world.production;
  const sh = (command: string) =>
    new Deno.Command("bash", {
      args: ["-ec", command],
      cwd: data,
      env: { LC_ALL: "C" },
    }).output();
  await sh(`e=$(printf '\\351')
    mkdir "$e"; echo 1 > "inventaire_\${e}t$e.csv"; echo 2 > "$e/a b.csv"; echo 3 > plain
    echo latin1 > "caf$e"; echo utf8 > café
    head -c 300000 /dev/zero > "gros_$e"`);
  using sources = new Sources();
  const config = { ...sources.config, base: data, into: root };
  const publish = () => runScript({ ...config, files: [`${data}/**/*`] });
  const texts = () =>
    Object.fromEntries(
      Object.entries(treeOf(world.into)).map(([path, { text }]) => [
        path,
        path.startsWith("gros")
          ? Deno.statSync(`${world.into}/${path}`).size
          : text.trim(),
      ]),
    );

  await publish();
  const first = await world.pass();
  const here = texts();
  const verified = await world.relais("verify", "--json");
  const why = await world.relais("why", "inventaire_%E9t%E9.csv");
  await sh(
    `e=$(printf '\\351'); rm "inventaire_\${e}t$e.csv"; echo 20 >> "$e/a b.csv"`,
  );
  await publish();
  const second = await world.pass();

  assertEquals([first.copied, first.exit], [6, 0]);
  assertEquals(here, {
    "inventaire_été.csv": "1",
    "é/a b.csv": "2",
    "plain": "3",
    "café": "utf8",
    "caf%E9": "latin1",
    "gros_é": 300_000,
  });
  assertEquals([verified.code, JSON.parse(verified.stdout).verified], [0, 6]);
  assertMatch(
    why.stdout,
    /^inventaire_été\.csv is here: .*\nIt was verified .*\nproduction lists .*, as inventaire_%E9t%E9\.csv, published/,
  );
  assertEquals([second.copied, second.removed, second.exit], [1, 1, 0]);
  const { "inventaire_été.csv": _, ...rest } = here;
  assertEquals(texts(), { ...rest, "é/a b.csv": "2\n20" });
});

Deno.test("filename_charset renames what is here already, though the list has not changed", async () => {
  await using world = await makeWorld();
  world.write({ "caf%E9": "1", "plain": "2" });
  await world.publish();
  await world.pass();
  const names = () => Object.keys(treeOf(world.into)).sort();
  const before = names();
  world.configure({
    replica:
      `filename_charset = "latin1"\ndelete = "remove"\nmax_delete = "50%"`,
  });

  const { copied, removed, exit } = await world.pass();

  assertEquals(before, ["caf%E9", "plain"]);
  assertEquals({ copied, removed, exit }, { copied: 1, removed: 1, exit: 0 });
  assertEquals(names(), ["café", "plain"]);
});

/** The name a file is exported under: its own, or where a part is not UTF-8 the %XX form of that part. */
function exported(name: readonly number[]): string {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const parts = new TextDecoder("latin1").decode(Uint8Array.from(name))
    .split("/").map((part) => Uint8Array.from(part, (c) => latin1.indexOf(c)));
  return parts.map((part) => {
    try {
      return decoder.decode(part);
    } catch {
      return [...part].map((byte) =>
        byte < 0x20 || byte > 0x7e || byte === 0x25
          ? `%${byte.toString(16).toUpperCase().padStart(2, "0")}`
          : String.fromCharCode(byte)
      ).join("");
    }
  }).join("/");
}

const latin1 = Array.from(
  { length: 256 },
  (_, byte) => new TextDecoder("latin1").decode(Uint8Array.of(byte)),
);
