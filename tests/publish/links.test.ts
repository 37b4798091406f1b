/**
 * Symbolic links among the sources, for relais and its script alike: what they lead
 * to is published, and nothing of what lies outside.
 */

import { assertEquals } from "@std/assert";
import {
  runScript,
  testEachPublisher as testEach,
} from "../../fixtures/publishers.ts";
import { hostileNames, Sources } from "../../fixtures/sources.ts";
import type { PublishConfig } from "../../lib/config/config.ts";
import { noNotFiles } from "../../lib/list/not-files.ts";

/** Sources of which links are followed. */
function following(files?: readonly string[]): Sources & {
  readonly follow: PublishConfig;
} {
  const world = new Sources(files);
  world.sh("mkdir outside && echo secret > outside/secret");
  return Object.assign(world, {
    follow: { ...world.config, links: "follow" as const },
  });
}

/** The text of each file of the export. */
function exported(world: Sources): Record<string, string> {
  const names = world.sh(
    "cd export && find . -path ./.relais -prune -o -type f -print | sort",
  ).trimEnd().split("\n");
  return Object.fromEntries(
    names.map((name) => [
      name.slice(2),
      Deno.readTextFileSync(`${world.into}/${name}`),
    ]),
  );
}

/** What is named beside the list. */
function skipped(world: Sources): string[] {
  return Deno.readTextFileSync(`${world.into}/.relais/skipped`).trimEnd()
    .split("\n").toSorted();
}

testEach(
  "publishes what links lead to, under their own paths",
  async ({ publish }) => {
    using world = following();
    world.write("real/a", "a");
    world.write("real/deep/b", "b");
    world.sh(`cd data && chmod 640 real/a && touch -d @1000000000 real/a &&
      mkdir -p in/side &&
      ln -s real/a file && ln -s file chain && ln -s "$PWD/chain" absolute &&
      ln -s ../../real/deep in/side/directory &&
      ln -s in/side twice && ln -s ../outside/../data/real/a around`);

    const first = await publish(world.follow);
    const second = await publish(world.follow);

    assertEquals(
      [first.status, first.told, first.not_files],
      [0, [], noNotFiles],
    );
    assertEquals(exported(world), {
      absolute: "a",
      around: "a",
      chain: "a",
      file: "a",
      "real/a": "a",
      "real/deep/b": "b",
      "in/side/directory/b": "b",
      "twice/directory/b": "b",
    });
    assertEquals(
      world.sh("cd export && stat -c '%a %Y' chain"),
      "640 1000000000\n",
    );
    assertEquals([second.published, second.unchanged], [0, 8]);
    assertEquals((await publish(world.follow, { verify: true })).unchanged, 8);
  },
);

testEach(
  "passes over links that lead outside, nowhere or back, each with its reason",
  async ({ publish }) => {
    using world = following();
    world.write("d/a", "a");
    world.write("d/e/b", "b");
    world.sh(`ln -s ../data outside/back && ln -s data beside && cd data &&
      mkfifo pipe && ln -s pipe special &&
      ln -s ../outside/secret secret && ln -s "$PWD/../outside" all &&
      ln -s secret chain && ln -s all/secret through && ln -s / root &&
      ln -s .. above && ln -s ../data-of-others near && mkdir ../data-of-others &&
      ln -s ../export copy && ln -s ../export/.relais/list list &&
      ln -s nowhere dangling && ln -s d/a/x beyond && ln -s d/a/ slash &&
      ln -s ring1 ring2 && ln -s ring2 ring1 && ln -s self/x self &&
      ln -s . d/here && ln -s .. d/e/up && ln -s ../.. d/e/top &&
      ln -s ../outside/back base && ln -s ../beside/d/a inside`);

    const { status, told, not_files } = await publish(world.follow);

    assertEquals([status, told], [0, []]);
    assertEquals(exported(world), {
      "d/a": "a",
      "d/e/b": "b",
      inside: "a",
    });
    assertEquals(skipped(world), [
      "circular\tbase",
      "circular\td/e/top",
      "circular\td/e/up",
      "circular\td/here",
      "circular\tring1",
      "circular\tring2",
      "circular\tself",
      "dangling\tbeyond",
      "dangling\tdangling",
      "dangling\tslash",
      "outside\tabove",
      "outside\tall",
      "outside\tchain",
      "outside\tcopy",
      "outside\tlist",
      "outside\tnear",
      "outside\troot",
      "outside\tsecret",
      "outside\tthrough",
      "special\tpipe",
      "special\tspecial",
    ]);
    assertEquals(not_files, {
      links: 0,
      outside: 9,
      dangling: 3,
      circular: 7,
      special: 2,
      empty: 0,
    });
  },
);

testEach(
  "cuts circles of links through several directories",
  async ({ publish }) => {
    using world = following();
    for (const name of ["a", "b", "c"]) world.write(`${name}/${name}`, name);
    world.sh(
      "cd data && ln -s ../b a/to && ln -s ../c b/to && ln -s ../a c/to",
    );

    const { status, not_files } = await publish(world.follow);

    assertEquals([status, not_files.circular], [0, 3]);
    assertEquals(Object.keys(exported(world)), [
      ...["a/a", "a/to/b", "a/to/to/c"],
      ...["b/b", "b/to/c", "b/to/to/a"],
      ...["c/c", "c/to/a", "c/to/to/b"],
    ]);
  },
);

testEach(
  "follows links as they change: elsewhere, to a directory, away and back",
  async ({ publish }) => {
    using world = following();
    const states: [string, Record<string, string>][] = [
      ["ln -s one link", { link: "1" }],
      ["ln -sfn two link && echo more > two", { link: "more\n" }],
      ["ln -sfn d link", { "link/x": "x" }],
      ["ln -sfn missing link", {}],
      ["echo there > missing", { link: "there\n" }],
      ["rm link && mkdir link && echo z > link/z", { "link/z": "z\n" }],
      ["rm -r link && ln -s one link", { link: "1" }],
    ];
    world.write("one", "1");
    world.write("two", "22");
    world.write("d/x", "x");
    for (const [change, expected] of states) {
      world.sh(`cd data && ${change}`);
      const { status, told } = await publish(world.follow);

      assertEquals([status, told], [0, []], change);
      const linked = Object.entries(exported(world)).filter(([path]) =>
        /^link/.test(path)
      );
      assertEquals(Object.fromEntries(linked), expected, change);
    }

    // With links = "skip" again, what was followed is withdrawn, and each link is counted.
    const { withdrawn, not_files } = await publish(world.config);
    assertEquals([withdrawn, not_files], [1, { ...noNotFiles, links: 1 }]);
  },
);

testEach("follows links of any name", async ({ publish }) => {
  using world = following();
  Deno.mkdirSync(`${world.base}/links`);
  for (const name of hostileNames) {
    world.write(`real/${name}/${name}`, name);
    Deno.symlinkSync(`real/${name}`, `${world.base}/${name}`);
    Deno.symlinkSync(
      `${world.base}/${name}/${name}`,
      `${world.base}/links/${name}`,
    );
  }

  const { status, told } = await publish(world.follow);

  assertEquals([status, told], [0, []]);
  for (const name of hostileNames) {
    for (const path of [`${name}/${name}`, `links/${name}`]) {
      assertEquals(Deno.readTextFileSync(`${world.into}/${path}`), name);
    }
  }
});

testEach(
  "takes of links only what its globs name",
  async ({ publish }) => {
    using world = following(["stock/**/*.csv"]);
    world.write("elsewhere/a.csv", "a");
    world.write("elsewhere/b.txt", "b");
    world.sh(
      `cd data && mkdir -p stock/deep && ln -s ../elsewhere stock/linked &&
      ln -s ../../elsewhere/b.txt stock/deep/c.csv && ln -s nowhere stock/d.csv &&
      ln -s nowhere stock/e.txt && ln -s elsewhere/a.csv f.csv`,
    );

    const { status, not_files } = await publish(world.follow);

    assertEquals(status, 0);
    assertEquals(not_files, { ...noNotFiles, dangling: 1 });
    assertEquals(exported(world), {
      "stock/deep/c.csv": "b",
      "stock/linked/a.csv": "a",
    });
  },
);

testEach(
  "leaves an export below its base out, whatever link leads there",
  async ({ publish }) => {
    using world = following();
    const into = `${world.base}/deep/export`;
    const config = { ...world.follow, into };
    world.write("deep/a", "a");
    world.sh("cd data && ln -s deep link && ln -s deep/export/link direct");

    for (let round = 0; round < 3; round++) {
      const { status, not_files } = await publish(config);
      assertEquals([status, not_files.outside + not_files.dangling], [0, 1]);
    }
    assertEquals(
      world.sh(
        "cd data/deep/export && find . -name .relais -prune -o -type f -print | sort",
      ),
      "./deep/a\n./link/a\n",
    );
  },
);

Deno.test({
  name:
    "relais-publish.sh withdraws nothing that lies behind a link which it may not follow any more",
  // root may follow all.
  ignore: Deno.uid() !== 0,
  async fn() {
    using world = following();
    world.write("closed/d/a", "a");
    world.sh(`cd data && ln -s closed/d link && ln -s closed/d/a file &&
      chown -R 65534:65534 ..`);
    const account = ["setpriv", "--reuid=65534", "--regid=65534"];
    const shell = [...account, "--clear-groups", "sh"];
    await runScript(world.follow, shell);
    world.sh("chmod 000 data/closed");

    const { status, withdrawn, told } = await runScript(world.follow, shell);

    assertEquals([status, withdrawn], [1, 0]);
    assertEquals(
      told.filter((line) => line.includes("permission denied")).toSorted(),
      ["file", "link"].map((name) =>
        `Cannot publish ${name}: permission denied on its target; let the account that publishes read it`
      ),
    );
  },
});
