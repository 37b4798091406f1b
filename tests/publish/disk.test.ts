/**
 * An export whose disk runs full: what fits is published and listed, and the next
 * run goes on.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Buffer } from "node:buffer";
import { canMount, TmpfsDisk } from "../../fixtures/disk.ts";
import { noise } from "../../fixtures/noise.ts";
import {
  type Publisher,
  relaisPublisher,
  runScript,
} from "../../fixtures/publishers.ts";
import { relais } from "../../fixtures/relais.ts";
import { Sources } from "../../fixtures/sources.ts";

const publishers: readonly Publisher[] = [
  relaisPublisher,
  { name: "relais-publish.sh", publish: (config) => runScript(config) },
];

/** Sources of random contents, and an export on a small disk. */
class SmallExport implements Disposable {
  readonly sources = new Sources();
  readonly disk: TmpfsDisk;

  constructor(options: string) {
    Deno.mkdirSync(this.sources.into);
    this.disk = new TmpfsDisk(this.sources.into, options);
  }

  write(path: string, size: number): void {
    Deno.writeFileSync(`${this.sources.base}/${path}`, noise(size));
  }

  writeMany(count: number, size: number): void {
    for (let n = 0; n < count; n++) this.write(`${1_000 + n}.bin`, size);
  }

  /** Paths that are exported, whole, as the list names them; each once. */
  published(): string[] {
    const paths = this.sources.entries().map((entry) => entry.split(" ")[2]!);
    const { base, into } = this.sources;
    for (const path of paths) {
      const source = Deno.readFileSync(`${base}/${path}`);
      const copy = Deno.readFileSync(`${into}/${path}`);
      assert(Buffer.compare(source, copy) === 0, path);
    }
    assertEquals(new Set(paths).size, paths.length);
    return paths;
  }

  [Symbol.dispose](): void {
    this.disk[Symbol.dispose]();
    this.sources[Symbol.dispose]();
  }
}

for (const { name, publish } of publishers) {
  for (
    const [count, size, least, options] of [
      [30, 1024 * 1024, 17, "size=20m"],
      [300, 100_000, 150, "size=20m"],
      [400, 10, 100, "size=20m,nr_inodes=350"],
    ] as const
  ) {
    Deno.test({
      name:
        `${name} publishes what fits of ${count} files of ${size} bytes with ${options}, and the rest when there is room`,
      ignore: !canMount(),
      async fn() {
        using small = new SmallExport(options);
        small.writeMany(count, size);

        const full = await publish(small.sources.config);

        assertEquals(full.status, 4);
        assertMatch(full.told.join("\n"), /disk .*is full/);
        const fits = small.published();
        assert(fits.length >= least, `${fits.length} fit`);
        // Full as it is, nothing is done again, and nothing is taken back.
        assertEquals((await publish(small.sources.config)).status, 4);
        const again = small.published();
        assertEquals(again.slice(0, fits.length), fits);
        assert(again.length < count);

        small.disk.remount("size=200m,nr_inodes=10000");
        const { status } = await publish(small.sources.config);

        assertEquals(status, 0);
        assertEquals(small.published().length, count);
      },
    });
  }

  Deno.test({
    name: `${name} withdraws from a full disk, and then there is room`,
    ignore: !canMount(),
    async fn() {
      using small = new SmallExport("size=20m");
      small.writeMany(30, 1024 * 1024);
      await publish(small.sources.config);
      const fits = small.published();
      const rest = 30 - fits.length;
      for (const path of fits.slice(0, rest)) {
        Deno.removeSync(`${small.sources.base}/${path}`);
      }

      let status = 4;
      for (let run = 0; run < 3 && status === 4; run++) {
        ({ status } = await publish(small.sources.config));
      }

      assertEquals(status, 0);
      assertEquals(small.sources.sh("diff -r data export -x .relais"), "");
    },
  });
}

Deno.test({
  name:
    "relais publish --once tells with exit 4 that the disk of the export is full",
  ignore: !canMount(),
  async fn() {
    using small = new SmallExport("size=20m");
    small.writeMany(30, 1024 * 1024);
    small.write("small", 100);
    const config = small.sources.writeConfig();

    const { code, stderr } = await relais([
      ...["publish", "--once", "--config", config],
    ]);

    assertEquals(code, 4);
    assertMatch(
      stderr,
      /Cannot publish \d+ files: the disk of \S+ is full; \d+ files that fit were published/,
    );
    // A smaller one fits where a larger one did not.
    assert(small.published().includes("small"));
  },
});
