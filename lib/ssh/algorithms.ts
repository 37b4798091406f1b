/**
 * The algorithms offered to a server, the fastest good ones first.
 *
 * @module
 */

import type { Algorithms } from "../config/config.ts";

/** For ssh2's `algorithms`. */
export interface Offer {
  kex: string[];
  serverHostKey: string[];
  cipher: string[];
  hmac: string[];
  compress: string[];
}

const chacha20 = "chacha20-poly1305@openssh.com";

/** RFC 5647 and RFC 4344; AES-GCM is ten times slower here than ChaCha20. */
const aes = [
  "aes128-gcm@openssh.com",
  "aes256-gcm@openssh.com",
  "aes128-ctr",
  "aes256-ctr",
];

const encryptThenMac = "-etm@openssh.com";

const keyTypes = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-512",
  "rsa-sha2-256",
];

const exchanges = [
  "curve25519-sha256",
  "curve25519-sha256@libssh.org",
  "ecdh-sha2-nistp256",
  "ecdh-sha2-nistp384",
  "ecdh-sha2-nistp521",
  "diffie-hellman-group16-sha512",
  "diffie-hellman-group14-sha256",
  "diffie-hellman-group-exchange-sha256",
];

/** Offered after all others, and only with `algorithms = "legacy"`: SHA-1 and CBC. */
export const legacy = {
  kex: ["diffie-hellman-group14-sha1", "diffie-hellman-group-exchange-sha1"],
  serverHostKey: ["ssh-rsa"],
  cipher: ["aes128-cbc", "aes256-cbc"],
  hmac: ["hmac-sha1"],
};

/** What an offer depends on. */
export interface Offering {
  /** Key types that can be compared; empty: any. */
  readonly trusted: readonly string[];
  /**
   * False for a server without strict key exchange: there ChaCha20-Poly1305 and
   * encrypt-then-MAC are open to prefix truncation (Terrapin, CVE-2023-48795).
   */
  readonly strict: boolean;
  readonly algorithms: Algorithms;
}

/** Returns what to offer. */
export function offer({ trusted, strict, algorithms }: Offering): Offer {
  const old = algorithms === "legacy" ? legacy : nothing;
  const plain = ["hmac-sha2-256", "hmac-sha2-512"];
  return {
    kex: [...exchanges, ...old.kex],
    serverHostKey: hostKeyAlgorithms(
      [...keyTypes, ...old.serverHostKey],
      trusted,
    ),
    cipher: [...strict ? [chacha20] : [], ...aes, ...old.cipher],
    hmac: [
      ...strict ? plain.map((mac) => mac + encryptThenMac) : [],
      ...plain,
      ...old.hmac,
    ],
    compress: ["none"],
  };
}

const nothing: typeof legacy = {
  kex: [],
  serverHostKey: [],
  cipher: [],
  hmac: [],
};

/** What the two sides agreed on for one direction. */
export interface Agreed {
  readonly cipher: string;
  /** Empty where the cipher authenticates by itself. */
  readonly mac: string;
}

/** Tells whether prefix truncation works against what was agreed on, unless the key exchange was strict. */
export function isTruncatable({ cipher, mac }: Agreed): boolean {
  return cipher === chacha20 || mac.endsWith(encryptThenMac);
}

/** Returns those of the agreed algorithms that only `algorithms = "legacy"` offers. */
export function weakOnes(agreed: readonly string[]): string[] {
  const weak = Object.values(legacy).flat();
  return [...new Set(agreed)].filter((name) => weak.includes(name));
}

/** A kind of algorithm that both sides must have one of in common. */
export interface Unmet {
  readonly kind: string;
  /** The keyword of sshd_config that chooses them. */
  readonly keyword: string;
  readonly ours: readonly string[];
  readonly theirs: readonly string[];
}

/** Returns the kinds of algorithms of which two offers have none in common. */
export function unmet(ours: Offer, theirs: Offer): Unmet[] {
  const cipher = ours.cipher.find((name) => theirs.cipher.includes(name));
  // A cipher that authenticates by itself needs no MAC.
  const isWhole = cipher !== undefined && /gcm|poly1305/.test(cipher);
  return kinds.filter(([key]) =>
    !(key === "hmac" && isWhole) &&
    !ours[key].some((name) => theirs[key].includes(name))
  ).map(([key, kind, keyword]) => ({
    kind,
    keyword,
    ours: ours[key],
    theirs: theirs[key],
  }));
}

const kinds = [
  ["kex", "key exchange", "KexAlgorithms"],
  ["serverHostKey", "host key", "HostKeyAlgorithms"],
  ["cipher", "cipher", "Ciphers"],
  ["hmac", "MAC", "MACs"],
] as const;

/** A known RSA key is shown under the names of its signatures (RFC 8332). */
function hostKeyAlgorithms(
  all: readonly string[],
  trusted: readonly string[],
): string[] {
  const wanted = all.filter((type) =>
    trusted.includes(type) ||
    (type.startsWith("rsa-") && trusted.includes("ssh-rsa"))
  );
  return wanted.length > 0 ? wanted : [...all];
}
