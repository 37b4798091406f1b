import { assert, assertEquals } from "@std/assert";
import { noise } from "../../fixtures/noise.ts";
import { type Connection, Fetcher } from "../../lib/copy-list/fetch.ts";
import {
  blockSizeOf,
  formatSignature,
  SignatureMaker,
  signaturePath,
} from "../../lib/delta/signature.ts";
import { FileError } from "../../lib/errors.ts";
import { createHasher } from "../../lib/files/digest.ts";
import { ordinaryRights } from "../../lib/files/rights.ts";
import { Throttle } from "../../lib/files/throttle.ts";
import type { Digest } from "../../lib/list/entry.ts";
import { KeptSignatures, type Signed } from "../../lib/republish/signatures.ts";

/** A file of a server, and its signature. */
interface Published {
  readonly file: Signed & { readonly digest: Digest };
  readonly signature: Uint8Array;
}

function published(size: number): Published {
  const bytes = noise(size);
  const hasher = createHasher(null);
  hasher.update(bytes);
  const digest = hasher.digest();
  const maker = new SignatureMaker(size, blockSizeOf(size)!);
  maker.update(bytes);
  const signature = formatSignature(maker.finish(digest));
  return { file: { path: `${size}`, size, digest }, signature };
}

/** What fetches from a server that has these signatures. */
function fetcherOf(
  signatures: ReadonlyMap<string, Uint8Array>,
  asked: string[] = [],
): Fetcher {
  const find = (path: string) => {
    asked.push(path);
    const bytes = signatures.get(path);
    if (bytes === undefined) throw new FileError(`no ${path}`);
    return bytes;
  };
  const connection: Connection = {
    maxRead: 255 * 1024,
    maxHandles: 48,
    requestMs: 10_000,
    stat: () => Promise.reject(new Error("not asked for")),
    fetch: ({ path, length }) => Promise.try(() => find(path).slice(0, length)),
    open: (path) =>
      Promise.try(() => {
        const bytes = find(path);
        return {
          read: (position, length) =>
            Promise.resolve(bytes.slice(position, position + length)),
          close() {},
        };
      }),
  };
  return new Fetcher([connection], new Throttle({ bytesPerSecond: 0 }));
}

/** Keeps signatures in a directory that is gone with the test. */
function keeping(fetcher: Fetcher) {
  const own = Deno.makeTempDirSync();
  const kept = new KeptSignatures({
    own,
    root: "/export",
    rights: ordinaryRights,
    fetcher: () => Promise.resolve(fetcher),
  });
  return {
    kept,
    names: () =>
      [...Deno.readDirSync(`${own}/signatures`)].map(({ name }) => name),
    read: (name: string) => Deno.readFileSync(`${own}/signatures/${name}`),
    [Symbol.dispose]: () => Deno.removeSync(own, { recursive: true }),
  };
}

function pathOf({ file: { digest } }: Published): string {
  return `/export/${signaturePath(digest)}`;
}

function nameOf({ file: { digest } }: Published): string {
  return digest.slice("sha256:".length);
}

Deno.test("KeptSignatures takes a damaged signature for no sign that smaller files have none", async () => {
  const large = published(300_000);
  const small = published(100_000);
  const signatures = new Map([
    [pathOf(large), large.signature.with(500, large.signature[500]! ^ 1)],
    [pathOf(small), small.signature],
  ]);
  using keeper = keeping(fetcherOf(signatures));
  const { kept, names, read } = keeper;

  await kept.fetch([large.file]);
  await kept.fetch([small.file]);

  assertEquals(names(), [nameOf(small)]);
  assertEquals(read(nameOf(small)), small.signature);
});

Deno.test("KeptSignatures asks for no signatures of smaller files where a larger one has none", async () => {
  const asked: string[] = [];
  const [large, small] = [published(300_000), published(100_000)];
  using keeper = keeping(fetcherOf(new Map(), asked));

  await keeper.kept.fetch([large.file]);
  await keeper.kept.fetch([small.file]);

  assertEquals(asked, [pathOf(large)]);
});

Deno.test("KeptSignatures leaves nothing beside a signature, and takes it away with its file", async () => {
  const file = published(100_000);
  using keeper = keeping(
    fetcherOf(new Map([[pathOf(file), file.signature]])),
  );
  const { kept, names } = keeper;
  await kept.fetch([file.file]);
  assertEquals(names(), [nameOf(file)]);

  await kept.prune(() => Promise.resolve(new Set<string>()));

  assert(names().length === 0);
});
