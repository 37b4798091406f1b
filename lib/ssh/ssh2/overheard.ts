/**
 * What a server says that ssh2 keeps to itself, and what an administrator needs
 * to know when a login fails: the signatures it takes, and the methods it would
 * go on with.
 *
 * @module
 */

/** What ssh2's client keeps to itself. */
interface Internals {
  readonly _protocol: {
    readonly _handlers: Handlers;
    _compatFlags: number;
  };
}

interface Handlers {
  EXT_INFO(protocol: unknown, extensions: readonly Extension[]): void;
  USERAUTH_FAILURE(
    protocol: unknown,
    methods: readonly string[],
    partial: boolean,
  ): void;
}

interface Extension {
  readonly name: string;
  readonly algs?: readonly string[];
}

/** ssh2's mark of a server that takes SHA-2 signatures and does not say so. */
const takesSha2 = 1 << 4;

/** How a server refused to let us in. */
export interface Refusal {
  /** The methods it would go on with. */
  readonly methods: readonly string[];
  /** True if what it was shown was right, but not enough. */
  readonly partial: boolean;
}

/** Hears what one server says. */
export class Overheard {
  /** The signatures that the server takes; `undefined` if it has not told (RFC 8308). */
  signatures: readonly string[] | undefined;
  /** The last refusal. */
  refusal: Refusal | undefined;
  readonly #protocol: Internals["_protocol"];

  /** @param client A client of ssh2 that has been told to connect. */
  constructor(client: unknown) {
    this.#protocol = (client as Internals)._protocol;
    const handlers = this.#protocol._handlers;
    const { USERAUTH_FAILURE } = handlers;
    // ssh2 would choose the signature by it; see `signWith()`.
    handlers.EXT_INFO = (_, extensions) => {
      this.signatures ??= extensions.find(({ name }) =>
        name === "server-sig-algs"
      )?.algs;
    };
    handlers.USERAUTH_FAILURE = (protocol, methods, partial) => {
      this.refusal = { methods, partial };
      USERAUTH_FAILURE(protocol, methods, partial);
    };
  }

  /** Chooses what an RSA key signs with. */
  signWith(hash: "SHA-1" | "SHA-2"): void {
    if (hash === "SHA-2") this.#protocol._compatFlags |= takesSha2;
    else this.#protocol._compatFlags &= ~takesSha2;
  }
}
