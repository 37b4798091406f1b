import { assert, assertEquals } from "@std/assert";
import { noise } from "../../fixtures/noise.ts";
import { relaisPublisher } from "../../fixtures/publishers.ts";
import { leastSigned, Sources } from "../../fixtures/sources.ts";
import { parseSignature, SignatureMaker } from "../../lib/delta/signature.ts";
import { isExtension, parseLine } from "../../lib/list/format.ts";

/** Writes a source of bytes. */
function write(sources: Sources, path: string, bytes: Uint8Array): void {
  Deno.writeFileSync(`${sources.base}/${path}`, bytes);
}

/** Names of the signatures of an export. */
function signatures({ into }: Sources): string[] {
  try {
    return [...Deno.readDirSync(`${into}/.relais/signatures`)]
      .map(({ name }) => name).sort();
  } catch {
    return [];
  }
}

/** The digest of each path, as the list has it. */
function digests({ list }: Sources): Record<string, string> {
  const lines = Deno.readTextFileSync(list).trimEnd().split("\n").slice(1)
    .filter((line) => !isExtension(line));
  return Object.fromEntries(lines.flatMap((line) => {
    const parsed = parseLine(line);
    if ("reason" in parsed || parsed.value.digest === null) return [];
    return [[parsed.value.path, parsed.value.digest.slice("sha256:".length)]];
  }));
}

Deno.test("publish() writes the signature of each large file, and no other", async () => {
  using sources = new Sources();
  const bytes = noise(leastSigned);
  write(sources, "large", bytes);
  write(sources, "small", noise(leastSigned - 1));
  Deno.chmodSync(`${sources.base}/large`, 0o640);

  await relaisPublisher.publish(sources.config);

  const name = digests(sources)["large"]!;
  assertEquals(signatures(sources), [name]);
  const path = `${sources.into}/.relais/signatures/${name}`;
  const parsed = parseSignature(Deno.readFileSync(path), {
    size: bytes.length,
    digest: `sha256:${name}`,
  });
  assert("value" in parsed, JSON.stringify(parsed));
  const maker = new SignatureMaker(bytes.length, parsed.value.blockSize);
  maker.update(bytes);
  assertEquals(parsed.value, maker.finish(`sha256:${name}`));
  assertEquals(Deno.statSync(path).mode! & 0o777, 0o640);
});

Deno.test("publish() removes a signature when no entry has its digest any more", async () => {
  using sources = new Sources();
  const [first, second] = [noise(leastSigned), noise(leastSigned)];
  write(sources, "a", first);
  write(sources, "b", first);
  await relaisPublisher.publish(sources.config);
  const { a: both } = digests(sources);
  write(sources, "a", second);
  await relaisPublisher.publish(sources.config);
  const { a: changed } = digests(sources);

  assertEquals(signatures(sources), [both!, changed!].sort());

  Deno.removeSync(`${sources.base}/b`);
  await relaisPublisher.publish(sources.config);
  assertEquals(signatures(sources), [changed!]);
});

Deno.test("publish() writes no signatures when it is told so", async () => {
  using sources = new Sources();
  write(sources, "large", noise(leastSigned));

  await relaisPublisher.publish({ ...sources.config, signatures: Infinity });

  assertEquals(signatures(sources), []);
  assertEquals(digests(sources)["large"]?.length, 64);
});
