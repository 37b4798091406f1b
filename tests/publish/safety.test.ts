/**
 * What somebody who may write among the sources can do while they are published:
 * nothing that makes relais publish, or wait for, a file from elsewhere.
 */

import { assert, assertEquals } from "@std/assert";
import { relaisPublisher } from "../../fixtures/publishers.ts";
import { relais } from "../../fixtures/relais.ts";
import { Sources } from "../../fixtures/sources.ts";
import { startSwapping } from "../../fixtures/swapper.ts";
import { until } from "../../fixtures/until.ts";
import { descriptors } from "../../lib/files/descriptors.ts";
import { FileError } from "../../lib/errors.ts";
import { Exporter } from "../../lib/publish/export.ts";
import { Signatures } from "../../lib/publish/signatures.ts";
import { Sources as PublishedSources } from "../../lib/publish/sources.ts";

/** Sources `d/0.csv` to `d/9.csv`, of which the first is large, and files of the same names outside, which nobody else may read. */
function makeSources(): Sources {
  const world = new Sources(["**/*.csv"]);
  world.write("d/0.csv", "public".repeat(400_000));
  for (let n = 1; n < 10; n++) world.write(`d/${n}.csv`, "public");
  world.sh(`mkdir outside && mkfifo outside/fifo && for file in data/d/*; do
    sed s/public/secret/g "$file" > outside/\${file##*/}
  done && chmod 600 outside/*.csv && chmod 777 data data/d`);
  return world;
}

/** Stages all that is found, without publishing it; returns how many of them came from outside. */
async function stageAll(world: Sources): Promise<number> {
  using sources = new PublishedSources(world.config, descriptors);
  const exporter = new Exporter(
    sources,
    new Signatures(world.into, Infinity),
    world.root,
  );
  const staged = `${world.root}/staged`;
  let secrets = 0;
  for (const found of sources.find()) {
    if ("failed" in found || "passedOver" in found) continue;
    try {
      await exporter.stage(found.path, staged, () => {});
      if (Deno.readTextFileSync(staged).includes("secret")) secrets++;
    } catch (error) {
      // Refused: it is a link by now, or it has gone.
      const isGone = error instanceof FileError ||
        (error as { code?: string }).code === "ENOENT";
      if (!isGone) throw error;
    }
  }
  return secrets;
}

/** The same, with links to a file and to the directory, which are followed. */
function makeLinked(): Sources {
  const world = makeSources();
  world.sh("cd data && ln -s d/1.csv link.csv && ln -s d link");
  return Object.assign(world, {
    config: { ...world.config, links: "follow" },
  });
}

for (
  const [what, swapped, other, rounds, make = makeSources] of [
    ["a large file is swapped against a link", "d/0.csv", "0.csv", 200],
    ["a small file is swapped against a link", "d/1.csv", "1.csv", 500],
    ["a file is swapped against a link to a FIFO", "d/1.csv", "fifo", 500],
    ["a directory is swapped against a link", "d", "", 200],
    ["what followed links lead to is swapped", "d", "", 100, makeLinked],
    ["a followed link is swapped", "link.csv", "1.csv", 100, makeLinked],
    ["a followed link to a directory is swapped", "link", "", 100, makeLinked],
  ] as const
) {
  Deno.test(`Exporter.stage() takes nothing from outside, and waits for nothing, while ${what}`, async () => {
    using world = make();
    const outside = `${world.root}/outside/${other}`;
    const swapping = startSwapping(`${world.base}/${swapped}`, outside);
    await until(() => leadsTo(`${world.base}/${swapped}`, outside));

    let secrets = 0;
    for (let round = 0; round < rounds && secrets === 0; round++) {
      secrets = await stageAll(world);
    }
    const swaps = await swapping.end();

    assertEquals(secrets, 0);
    assert(swaps > rounds, `${swaps} swaps`);
    const { status, published } = await relaisPublisher.publish(world.config);
    assertEquals([status, published], [0, make === makeLinked ? 21 : 10]);
  });
}

function leadsTo(link: string, target: string): boolean {
  try {
    return Deno.readLinkSync(link) === target;
  } catch {
    // It is not swapped right now.
    return false;
  }
}

/** Whether anything exported came from outside. */
function hasSecrets(world: Sources): boolean {
  return world.sh("grep -rl secret export --include='*.csv' || :") !== "";
}

Deno.test("relais publish exports nothing from outside while a directory is swapped against a link", async () => {
  using world = makeSources();
  const config = world.writeConfig();
  const swapping = startSwapping(`${world.base}/d`, `${world.root}/outside`);

  let found = false;
  for (let round = 0; round < 5 && !found; round++) {
    world.sh("rm -rf export");
    await relais(["publish", "--once", "--config", config]);
    found = hasSecrets(world);
  }
  await swapping.end();

  assertEquals(found, false);
  const { code } = await relais(["publish", "--once", "--config", config]);
  assertEquals([code, hasSecrets(world)], [0, false]);
});
