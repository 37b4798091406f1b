/**
 * The algorithms offered to a server, the fastest good ones first.
 *
 * @module
 */

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

/**
 * Returns what to offer.
 *
 * @param trusted Key types that can be compared; empty: any.
 * @param strict False for a server without strict key exchange: there
 *   ChaCha20-Poly1305 and encrypt-then-MAC are open to prefix truncation
 *   (Terrapin, CVE-2023-48795).
 */
export function offer(trusted: readonly string[], strict: boolean): Offer {
  return {
    kex: [
      "curve25519-sha256",
      "curve25519-sha256@libssh.org",
      "ecdh-sha2-nistp256",
      "ecdh-sha2-nistp384",
      "ecdh-sha2-nistp521",
      "diffie-hellman-group16-sha512",
      "diffie-hellman-group14-sha256",
    ],
    serverHostKey: hostKeyAlgorithms(trusted),
    cipher: strict ? [chacha20, ...aes] : aes,
    hmac: strict
      ? [
        `hmac-sha2-256${encryptThenMac}`,
        `hmac-sha2-512${encryptThenMac}`,
        "hmac-sha2-256",
        "hmac-sha2-512",
      ]
      : ["hmac-sha2-256", "hmac-sha2-512"],
    compress: ["none"],
  };
}

/** What the two sides agreed on for one direction. */
export interface Agreed {
  readonly cipher: string;
  /** Empty where the cipher authenticates by itself. */
  readonly mac: string;
}

/** Whether prefix truncation works against what was agreed on, unless the key exchange was strict. */
export function isTruncatable({ cipher, mac }: Agreed): boolean {
  return cipher === chacha20 || mac.endsWith(encryptThenMac);
}

/** A known RSA key is shown under the names of its signatures (RFC 8332). */
function hostKeyAlgorithms(trusted: readonly string[]): string[] {
  const wanted = keyTypes.filter((type) =>
    trusted.includes(type) ||
    (type.startsWith("rsa-") && trusted.includes("ssh-rsa"))
  );
  return wanted.length > 0 ? wanted : keyTypes;
}
