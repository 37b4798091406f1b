import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { createHash } from "node:crypto";
import {
  blockSizeOf,
  countBlocks,
  formatSignature,
  headerBytes,
  mostBlocks,
  parseHeader,
  parseSignature,
  type Signature,
  signatureBytes,
  SignatureMaker,
  signaturePath,
  type Signed,
} from "../../lib/delta/signature.ts";
import { createHasher } from "../../lib/files/digest.ts";
import type { Digest } from "../../lib/list/entry.ts";

const sha256 = (bytes: Uint8Array) =>
  `sha256:${createHash("sha256").update(bytes).digest("hex")}` as Digest;

/** CRC-32 by its definition: the remainder of a division, bit by bit. */
function crc32(bytes: Uint8Array): number {
  let remainder = ~0;
  for (const byte of bytes) {
    remainder ^= byte;
    for (let bit = 0; bit < 8; bit++) {
      const odd = remainder & 1;
      remainder >>>= 1;
      if (odd === 1) remainder ^= 0xedb88320;
    }
  }
  return ~remainder >>> 0;
}

/** The signature of `bytes`, which come in pieces. */
function sign(bytes: Uint8Array, blockSize: number, piece = 100): Signature {
  const maker = new SignatureMaker(bytes.length, blockSize);
  for (let at = 0; at < bytes.length; at += piece) {
    maker.update(bytes.subarray(at, at + piece));
  }
  const hasher = createHasher(null);
  hasher.update(bytes);
  return maker.finish(hasher.digest());
}

const text = new TextEncoder().encode("a file of some blocks\n".repeat(100));
const signature = sign(text, 512);
const formatted = formatSignature(signature);

/** The signature of the text with other bytes at `offset`, and the right check value. */
function altered(offset: number, ...values: number[]): Uint8Array {
  const bytes = formatted.slice();
  bytes.set(values, offset);
  const end = bytes.length - 32;
  const check = createHash("sha256").update(bytes.subarray(0, end)).digest();
  bytes.set(check, end);
  return bytes;
}

function reason(bytes: Uint8Array, signed: Signed = signature): string {
  const parsed = parseSignature(bytes, signed);
  return "reason" in parsed ? parsed.reason : "none";
}

Deno.test("a signature is as docs/signature-format.md says", () => {
  const bytes = new TextEncoder().encode("x".repeat(600));
  const { weak: [weak], ...made } = sign(bytes, 512);
  const written = formatSignature({
    ...made,
    weak: Int32Array.of(weak!, 0x01020304),
  });

  assertEquals(written.length, 64 + 2 * 4 + 2 * 8 + 32);
  assertEquals(new TextDecoder().decode(written.subarray(0, 8)), "relaisig");
  const words = new DataView(written.buffer);
  assertEquals(words.getUint32(8, true), 1);
  assertEquals(words.getUint32(12, true), 512);
  assertEquals(words.getBigUint64(16, true), 600n);
  assertEquals(words.getBigUint64(24, true), 2n);
  assertEquals(written.subarray(32, 64).toHex(), sha256(bytes).slice(7));
  assertEquals(words.getUint32(64, true), crc32(bytes.subarray(0, 512)));
  assertEquals(written.subarray(68, 72), Uint8Array.of(4, 3, 2, 1));
  assertEquals(
    written.subarray(72, 88).toHex(),
    sha256(bytes.subarray(0, 512)).slice(7, 23) +
      sha256(bytes.subarray(512)).slice(7, 23),
  );
  assertEquals(
    written.subarray(88).toHex(),
    sha256(written.subarray(0, 88)).slice(7),
  );
});

Deno.test("any signature can be read again as it was", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 5_000 }),
      fc.integer({ min: 512, max: 2_000 }),
      fc.integer({ min: 1, max: 3_000 }),
      (bytes, blockSize, piece) => {
        const made = sign(bytes, blockSize, piece);
        const read = parseSignature(formatSignature(made), made);
        assertEquals(read, { value: made });
        assertEquals(made.weak.length, countBlocks(made));
      },
    ),
  );
});

Deno.test("any byte that is another one is noticed", () => {
  fc.assert(
    fc.property(
      fc.nat(formatted.length - 1),
      fc.integer({ min: 1, max: 255 }),
      (offset, change) => {
        const bytes = formatted.slice();
        bytes[offset]! ^= change;
        assert(reason(bytes) !== "none");
      },
    ),
  );
});

Deno.test("any bytes are read, or refused with a reason", () => {
  const header = fc.uint8Array({ minLength: 56, maxLength: 200 }).map((bytes) =>
    Uint8Array.of(...formatted.subarray(0, 12), ...bytes)
  );
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), header), (bytes) => {
      assert(reason(bytes) !== "none");
    }),
  );
});

Deno.test("parseSignature() refuses what is no sound signature of the file", () => {
  const other = { ...signature, digest: sha256(new Uint8Array()) };
  const reasons = [
    reason(formatted.subarray(0, headerBytes - 1)),
    reason(formatted.subarray(0, -1)),
    reason(Uint8Array.of(...formatted, 0)),
    reason(altered(0, 0x58)),
    reason(altered(8, 2)),
    reason(formatted, other),
    reason(formatted, { ...signature, size: signature.size + 1 }),
    reason(altered(12, 0, 0, 0, 0)),
    reason(altered(12, 0, 0, 0, 0x7f)),
    reason(altered(24, 255, 255, 255, 255, 255, 255, 255, 255)),
    reason(Uint8Array.of(...formatted.subarray(0, -1), 0)),
  ];

  assertEquals(reasons, [
    "it is cut",
    "it is cut",
    "it is too long",
    "it is not a signature",
    "it is of version 2",
    "it is of another file",
    "it is of another file",
    "its blocks have 0 bytes",
    "its blocks have 2130706432 bytes",
    "it tells of 18446744073709551615 blocks",
    "it is damaged",
  ]);
});

Deno.test("parseHeader() lets no signature be longer than the memory for it", () => {
  const huge = { ...signature, size: 2 ** 40 };
  const header = altered(16, 0, 0, 0, 0, 0, 1, 0, 0);

  assertEquals(parseHeader(header, huge), { reason: "it tells of 5 blocks" });
  const count = 2 ** 40 / 512;
  new DataView(header.buffer).setBigUint64(24, BigInt(count), true);
  assertEquals(parseHeader(header, huge), {
    reason: `it tells of ${count} blocks`,
  });
});

Deno.test("blockSizeOf() follows the square root, in pages, within the limits", () => {
  const MiB = 2 ** 20;
  const sizes = [
    1,
    4 * MiB,
    256 * MiB,
    1024 * MiB,
    2048 * MiB,
    2 ** 40,
    2 ** 44,
  ];
  assertEquals(
    sizes.map(blockSizeOf),
    [4_096, 4_096, 16_384, 32_768, 45_056, MiB, 16 * MiB],
  );
  assertEquals(blockSizeOf(2 ** 44 + 1), undefined);
  fc.assert(fc.property(fc.integer({ min: 1, max: 2 ** 44 }), (size) => {
    const count = countBlocks({ size, blockSize: blockSizeOf(size)! });
    assert(count <= mostBlocks);
    assert(signatureBytes(count) < 13 * MiB);
  }));
});

Deno.test("signaturePath() names a signature by the digest, if it is one of SHA-256", () => {
  assertEquals(signaturePath("sha256:00ff"), ".relais/signatures/00ff");
  assertEquals(signaturePath("cksum:12"), null);
  assertEquals(signaturePath(null), null);
});
