/**
 * Private keys in a form that ssh2 can sign with under Deno.
 *
 * OpenSSH writes the private number of an ECDSA key without its leading zeros,
 * or with one more. ssh2 hands it on as it is, and Deno takes it only at the
 * full length of its curve. PKCS#8 is unknown to ssh2, and so is PEM of P-521.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createPrivateKey, type JsonWebKey } from "node:crypto";

/** What PEM calls a key that OpenSSH wrote in its own form: PROTOCOL.key of OpenSSH. */
const openssh = "OPENSSH PRIVATE KEY";
const magic = "openssh-key-v1\0";

/** The forms that ssh2 cannot read, or not for every curve. */
const standardForms = ["EC PRIVATE KEY", "PRIVATE KEY"];

/** The curves of RFC 5656, by the names of SSH, and of JSON Web Keys; the bytes of a number of each. */
const curves = new Map([
  ["nistp256", { jwk: "P-256", bytes: 32 }],
  ["nistp384", { jwk: "P-384", bytes: 48 }],
  ["nistp521", { jwk: "P-521", bytes: 66 }],
]);

/** Returns the private key `text` as ssh2 can sign with it; what needs no change, or is no private key, is returned as it is. */
export function signable(text: string): string {
  const type = typeOf(text);
  if (type === openssh) return padded(text);
  if (type === undefined || !standardForms.includes(type)) return text;
  try {
    return converted(text);
  } catch {
    // Whoever parses it next says that it cannot be read.
    return text;
  }
}

/** What stands after BEGIN. */
function typeOf(text: string): string | undefined {
  return /^\s*-----BEGIN ([A-Z0-9 ]+)-----/.exec(text)?.[1];
}

function contentsOf(text: string): Buffer {
  return Buffer.from(
    text.replace(/-----(BEGIN|END) [A-Z ]+-----/g, ""),
    "base64",
  );
}

/** Gives the private number of an ECDSA key in OpenSSH's form the length of its curve. */
function padded(text: string): string {
  try {
    const file = new Fields(contentsOf(text), magic.length);
    const cipher = file.next().toString();
    // The key derivation and its options: there are none without a cipher.
    file.next();
    file.next();
    if (cipher !== "none" || file.number() !== 1) return text;
    // The public key stands in the private part as well.
    file.next();
    const secret = new Fields(file.next(), 8);
    const type = secret.next().toString();
    const curve = secret.next().toString();
    if (type !== `ecdsa-sha2-${curve}`) return text;
    return opensshKey(type, [Buffer.from(curve), secret.next()], [
      numberOf(curve, secret.next()),
    ]);
  } catch (error) {
    // Whoever parses it next says that it cannot be read.
    if (error instanceof RangeError) return text;
    throw error;
  }
}

/** Turns SEC1 and PKCS#8 to what ssh2 reads. */
function converted(text: string): string {
  const key = createPrivateKey(text);
  if (key.asymmetricKeyType === "rsa") {
    return key.export({ type: "pkcs1", format: "pem" }) as string;
  }
  const jwk = key.export({ format: "jwk" });
  const [x, y, d] = [jwk.x, jwk.y, jwk.d].map((part) =>
    Buffer.from(part ?? "", "base64url")
  ) as [Buffer, Buffer, Buffer];
  if (key.asymmetricKeyType === "ed25519") {
    return opensshKey("ssh-ed25519", [x], [Buffer.concat([d, x])]);
  }
  const curve = curveOf(jwk);
  const uncompressed = Buffer.concat([
    Buffer.from([4]),
    numberOf(curve, x),
    numberOf(curve, y),
  ]);
  return opensshKey(`ecdsa-sha2-${curve}`, [Buffer.from(curve), uncompressed], [
    numberOf(curve, d),
  ]);
}

function curveOf({ crv }: JsonWebKey): string {
  const [name] = [...curves].find(([, { jwk }]) => jwk === crv) ?? [];
  if (name === undefined) throw new RangeError(`curve ${crv}`);
  return name;
}

/** Returns a number at the full length of its curve. */
function numberOf(curve: string, number: Buffer): Buffer {
  const bytes = curves.get(curve)?.bytes;
  if (bytes === undefined) throw new RangeError(`curve ${curve}`);
  const leading = number.length - bytes;
  if (leading <= 0) return Buffer.concat([Buffer.alloc(-leading), number]);
  if (number.subarray(0, leading).some((byte) => byte !== 0)) {
    throw new RangeError("a number too large for its curve");
  }
  return number.subarray(leading);
}

/** Writes an unencrypted key in OpenSSH's form. */
function opensshKey(
  type: string,
  publicParts: readonly Buffer[],
  privateParts: readonly Buffer[],
): string {
  const name = field(Buffer.from(type));
  const shown = Buffer.concat([name, ...publicParts.map(field)]);
  // Two equal numbers that tell whether decryption went well, the key, and an empty comment.
  const secret = Buffer.concat([
    Buffer.alloc(8),
    shown,
    ...privateParts.map(field),
    field(Buffer.alloc(0)),
  ]);
  const padding = Array.from({ length: -secret.length & 7 }, (_, at) => at + 1);
  const none = field(Buffer.from("none"));
  const bytes = Buffer.concat([
    Buffer.from(magic),
    none,
    none,
    field(Buffer.alloc(0)),
    numeral(1),
    field(shown),
    field(Buffer.concat([secret, Buffer.from(padding)])),
  ]);
  const lines = bytes.toString("base64").replace(/.{1,70}/g, "$&\n");
  return `-----BEGIN ${openssh}-----\n${lines}-----END ${openssh}-----\n`;
}

function numeral(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A string of RFC 4251, section 5. */
function field(bytes: Buffer): Buffer {
  return Buffer.concat([numeral(bytes.length), bytes]);
}

/** Strings and numbers of RFC 4251, section 5, one after the other. */
class Fields {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, start: number) {
    this.#bytes = bytes;
    this.#at = start;
  }

  /** @throws {RangeError} If there is none. */
  number(): number {
    const value = this.#bytes.readUInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  /** @throws {RangeError} If there is none. */
  next(): Buffer {
    const length = this.number();
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError("a field too long");
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }
}
