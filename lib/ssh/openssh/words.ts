/**
 * What the ssh client prints with `-v`: how far it got, and why not further. A
 * server's banner comes the same way, so that nothing here decides what is
 * trusted. That of a server that is reached directly changes nothing of what is
 * told of it; a bastion's can, of what lies behind it.
 *
 * @module
 */

import type { Depth } from "../depth.ts";

/** Lines that are kept of what it says to a person, the last ones. */
const mostLines = 12;

/** Characters of a line; a longer one is cut. */
const longestLine = 400;

/** More hops are taken for one. */
const mostHops = 16;

/** One SSH connection on the way: of several, the last one is that of the server. */
export interface Hop {
  /** Where to, and as whom. */
  readonly address: string;
  readonly user: string;
  /** The key that it shows: its type and fingerprint. */
  hostKey?: string;
  kex?: string;
  hostKeyAlgorithm?: string;
  cipher?: string;
  mac?: string;
}

/** What the client prints when nothing is wrong, or besides what is. */
const noise =
  /^(?:debug\d: |OpenSSH_|Authenticated to |Transferred: |Bytes per second: |Killed by signal |@|Warning: Permanently added |$)/;

/** Reads what the client prints, as it comes. */
export class ClientWords {
  readonly hops: Hop[] = [];
  /** The key whose certificate was shown last. */
  certificate: string | undefined;
  /** How the server calls itself, as in its banner. */
  software: string | undefined;
  readonly #onDepth: (depth: Depth) => void;
  readonly #decoder = new TextDecoder();
  #isProxied = false;
  /** True once a hop has proved its key: what comes until it lets us in may be its banner. */
  #isTrusted = false;
  #rest = "";
  #lines: string[] = [];

  /** @param onDepth Hears how far the connection got; again from `connected` on for each further hop. */
  constructor(onDepth: (depth: Depth) => void) {
    this.#onDepth = onDepth;
  }

  /** Takes what was printed, cut anywhere. */
  take(bytes: Uint8Array): void {
    const text = this.#rest + this.#decoder.decode(bytes, { stream: true });
    const lines = text.split(/\r?\n/);
    this.#rest = lines.pop()!.slice(0, longestLine);
    for (const line of lines) this.#read(line.slice(0, longestLine));
  }

  /** What it says to a person, the last lines, without a full stop at the end. */
  get lines(): readonly string[] {
    const rest = noise.test(this.#rest) ? [] : [this.#rest];
    return [...this.#lines, ...rest].map((line) => line.replace(/\.$/, ""));
  }

  /** What was said so far has no more to do with what comes. */
  forget(): void {
    this.#lines = [];
  }

  #read(line: string): void {
    for (const [form, read] of this.#forms) {
      const found = form.exec(line);
      if (found !== null) return read(found[1] ?? "", found[2] ?? "");
    }
    if (!noise.test(line)) {
      this.#lines = [...this.#lines, line].slice(-mostLines);
    }
  }

  readonly #forms: readonly [RegExp, (one: string, two: string) => void][] = [
    [/^debug1: Connection established\.$/, () => this.#onDepth("connected")],
    [
      /^debug1: Remote protocol version \S+, remote software version (.+)$/,
      (software) => {
        if (!this.#isTrusted) this.software = `SSH-2.0-${software}`;
      },
    ],
    [
      /^debug1: Authenticating to (.+) as '(.*)'$/,
      (address, user) => this.#begin({ address, user }),
    ],
    [
      /^debug1: kex: algorithm: (\S+)/,
      (kex) => this.#add({ kex }),
    ],
    [
      /^debug1: kex: host key algorithm: (\S+)/,
      (hostKeyAlgorithm) => this.#add({ hostKeyAlgorithm }),
    ],
    [
      /^debug1: kex: server->client cipher: (\S+) MAC: (\S+)/,
      (cipher, mac) =>
        this.#add({ cipher, mac: mac === "<implicit>" ? "" : mac }),
    ],
    [
      /^debug1: Server host (?:key|certificate): (\S+) (SHA256:[^\s,]+)/,
      (type, fingerprint) => {
        if (this.#isTrusted) return;
        this.#add({ hostKey: `${type} ${fingerprint}` });
        this.#onDepth("handshaken");
      },
    ],
    [
      /^debug1: SSH2_MSG_NEWKEYS sent/,
      () => {
        this.#isTrusted = true;
        this.#onDepth("trusted");
      },
    ],
    [
      /^debug1: Offering public key: (.+) \S+-CERT /,
      (path) => this.certificate = path,
    ],
    [/^debug1: Executing proxy command: /, () => this.#isProxied = true],
    [
      /^(?:debug1: )?Authenticat(?:ed to |ion succeeded )(.*)/,
      (where) => this.#letIn(where),
    ],
  ];

  /** One of the hops has let us in. */
  #letIn(where: string): void {
    if (!this.#isProxied || where.includes("(via proxy)")) {
      this.#onDepth("authenticated");
    } else {
      this.#isTrusted = false;
      this.software = undefined;
      this.#onDepth("connected");
    }
  }

  #begin(hop: Hop): void {
    if (this.#isTrusted || this.hops.length === mostHops) return;
    this.hops.push(hop);
    this.#onDepth("connected");
  }

  #add(more: Partial<Hop>): void {
    if (this.#isTrusted) return;
    Object.assign(this.hops.at(-1) ?? {}, more);
  }
}
