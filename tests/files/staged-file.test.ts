import { assertEquals, assertThrows } from "@std/assert";
import {
  BtrfsDisk,
  canMount,
  canShareBlocks,
  TmpfsDisk,
} from "../../fixtures/disk.ts";
import { createHasher } from "../../lib/files/digest.ts";
import { StagedFile } from "../../lib/files/staged-file.ts";
import { type Contents, stagedName } from "../../lib/files/staged-name.ts";
import { FileError } from "../../lib/errors.ts";
import type { Digest } from "../../lib/list/entry.ts";
import type { Timestamp } from "../../lib/text/timestamp.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function sha256(text: string): Digest {
  const hasher = createHasher(null);
  hasher.update(bytes(text));
  return hasher.digest();
}

function contents(text: string, more: Partial<Contents> = {}): Contents {
  return {
    path: "a.csv",
    size: bytes(text).length,
    mtime: "1700000000.25" as Timestamp,
    mode: 0o640,
    digest: sha256(text),
    ...more,
  };
}

function stagingDirectory() {
  const path = Deno.makeTempDirSync();
  return {
    path,
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}

Deno.test("StagedFile.finish() gives a whole file its date and mode", async () => {
  using staging = stagingDirectory();
  using staged = await StagedFile.open(staging.path, contents("hello"));
  staged.write(bytes("hel"));
  staged.write(bytes("lo"));
  staged.finish();
  const { mode, mtime, size } = Deno.statSync(staged.path);
  assertEquals(
    [mode! & 0o7777, mtime!.getTime(), size],
    [0o640, 1_700_000_000_250, 5],
  );
});

Deno.test("StagedFile.finish() gives no setuid bit, no right of everybody to write, and what the umask leaves", async () => {
  using staging = stagingDirectory();
  using staged = await StagedFile.open(
    staging.path,
    contents("x", { mode: 0o6777 }),
  );
  staged.write(bytes("x"));
  staged.finish();
  assertEquals(
    Deno.statSync(staged.path).mode! & 0o7777,
    0o775 & ~Deno.umask(),
  );
});

Deno.test("StagedFile.finish() gives a date before 1970", async () => {
  using staging = stagingDirectory();
  const mtime = "-86400.5" as Timestamp;
  using staged = await StagedFile.open(staging.path, contents("x", { mtime }));
  staged.write(bytes("x"));
  staged.finish();
  assertEquals(Deno.statSync(staged.path).mtime!.getTime(), -86_400_500);
});

Deno.test("StagedFile.open() goes on with what was staged before", async () => {
  using staging = stagingDirectory();
  {
    using cutOff = await StagedFile.open(staging.path, contents("hello world"));
    cutOff.write(bytes("hello "));
  }
  using staged = await StagedFile.open(staging.path, contents("hello world"));
  assertEquals(staged.offset, 6);
  staged.write(bytes("world"));
  staged.finish();
  assertEquals(Deno.readTextFileSync(staged.path), "hello world");
});

Deno.test("StagedFile.open() begins anew where no digest could tell that a part is whole", async () => {
  using staging = stagingDirectory();
  const undigested = contents("hello", { digest: null });
  {
    using cutOff = await StagedFile.open(staging.path, undigested);
    cutOff.write(bytes("hel"));
  }
  using staged = await StagedFile.open(staging.path, undigested);
  assertEquals(staged.offset, 0);
});

const broken: [string, string, string][] = [
  ["too few bytes", "hell", "4 bytes arrived, the list says 5"],
  ["other bytes", "jello", "its digest is sha256:"],
  ["too many bytes", "hello!", "more than the 5 bytes"],
];

for (const [what, arriving, message] of broken) {
  Deno.test(`StagedFile refuses ${what}, and begins anew`, async () => {
    using staging = stagingDirectory();
    using staged = await StagedFile.open(staging.path, contents("hello"));
    assertThrows(
      () => {
        staged.write(bytes(arriving));
        staged.finish();
      },
      FileError,
      message,
    );
    assertEquals(staged.offset, 0);
    staged.write(bytes("hello"));
    staged.finish();
    assertEquals(Deno.readTextFileSync(staged.path), "hello");
  });
}

Deno.test("stagedName() tells versions of a path apart, and fits any path", () => {
  const names = new Set([
    contents("a"),
    contents("b"),
    contents("a", { mtime: "1" as Timestamp }),
    contents("a", { path: "x".repeat(4_096) }),
  ].map(stagedName));
  assertEquals(
    [names.size, Math.max(...[...names].map((name) => name.length))],
    [4, 40],
  );
});

Deno.test("createHasher() makes the checksum of POSIX cksum", () => {
  const hasher = createHasher("cksum:0");
  hasher.update(bytes("hello world\n"));
  assertEquals(hasher.digest(), "cksum:3733384285");
});

Deno.test({
  name: "StagedFile.clone() begins a file with another one, and checks it all",
  ignore: !canShareBlocks(),
  async fn() {
    const directory = Deno.makeTempDirSync();
    {
      using _disk = new BtrfsDisk(directory);
      const old = `${directory}/old`;
      Deno.writeTextFileSync(old, "hello, old", { mode: 0o644 });
      const begin = async (text: string) => {
        const staged = await StagedFile.open(directory, contents(text));
        const cloned = await staged.clone(old, 7);
        return { staged, cloned };
      };
      const good = await begin("hello, world");
      assertEquals(good.cloned, 7);
      assertEquals(Deno.statSync(good.staged.path).mode! & 0o777, 0o600);
      // What was cloned is there to go on with.
      good.staged[Symbol.dispose]();
      using again = await StagedFile.open(directory, contents("hello, world"));
      assertEquals(again.offset, 7);
      assertEquals(await again.clone(old, 3), 0);
      again.write(bytes("world"));
      again.finish();
      assertEquals(Deno.readTextFileSync(again.path), "hello, world");

      const { staged: bad } = await begin("Hello, world");
      bad.write(bytes("world"));
      assertThrows(() => bad.finish(), FileError, "its digest is");
      assertEquals([bad.offset, Deno.statSync(bad.path).size], [0, 0]);
      assertEquals(await bad.clone(`${directory}/none`, 7), 0);
      bad.write(bytes("Hello, world"));
      bad.finish();
      bad[Symbol.dispose]();
      assertEquals(Deno.readTextFileSync(old), "hello, old");

      using checked = await StagedFile.open(directory, contents("hello, you"));
      const seen: string[] = [];
      const isRight = (index: number, unit: Uint8Array) => {
        seen.push(`${index} ${new TextDecoder().decode(unit)}`);
        return index < 2;
      };
      assertEquals(await checked.clone(old, 9, { unit: 3, isRight }), 6);
      assertEquals(seen, ["0 hel", "1 lo,", "2  ol"]);
      checked.write(bytes(" you"));
      checked.finish();
      assertEquals(Deno.readTextFileSync(checked.path), "hello, you");
    }
    Deno.removeSync(directory);
  },
});

Deno.test("StagedFile.clone() leaves a file empty where the kernel would copy", async () => {
  using staging = stagingDirectory();
  const disk = canMount() ? new TmpfsDisk(staging.path, "size=1m") : undefined;
  Deno.writeTextFileSync(`${staging.path}/old`, "hello");
  {
    using staged = await StagedFile.open(staging.path, contents("hello"));
    assertEquals(await staged.clone(`${staging.path}/old`, 5), 0);
    assertEquals([staged.offset, Deno.statSync(staged.path).size], [0, 0]);
  }
  disk?.[Symbol.dispose]();
});
