/**
 * From a server's configuration to an SFTP session, with every time limit
 * armed before the first byte.
 *
 * @module
 */

import "./ciphers.ts";
import ssh2, { type AuthMethod, type ConnectConfig } from "ssh2";
import type { LimitsConfig, ServerConfig } from "../config/config.ts";
import { UnusableError } from "../errors.ts";
import type { Depth } from "../protocol.ts";
import { type Agreed, isTruncatable, offer } from "./algorithms.ts";
import {
  type Circumstances,
  type ConnectionError,
  explainFailure,
  explainLateness,
  givenUp,
  type Refusal,
} from "./connect-failure.ts";
import {
  HostKeyVerifier,
  readTrust,
  type Trust,
  trustedKeyTypes,
} from "./host-key.ts";
import { type Identity, readIdentity } from "./identity.ts";
import { tuneChannel } from "./channel.ts";
import { connectionLost, SftpSession } from "./session.ts";
import { SshSocket } from "./socket.ts";

/** Unanswered keepalives that end a connection. */
const keepalives = 3;

export interface ConnectOptions {
  /** Gives the attempt up. A session that is open already is left alone. */
  readonly signal?: AbortSignal;
  /** Hears how many bytes have just arrived. */
  readonly onReceived?: (bytes: number) => void;
  /** Hears how far the connection got. */
  readonly onDepth?: (depth: Depth) => void;
}

/**
 * Connects to `server` and opens SFTP. Needs the permissions that
 * `sessionPermissions()` tells.
 *
 * @throws {ConfigError} If its key or known_hosts cannot be used.
 * @throws {UnreachableError} If it does not answer, or not in time.
 * @throws {UnusableError} If it answers, but not as an SFTP server.
 * @throws {HostKeyError} If its host key is not the known one; nothing more was said to it.
 * @throws {AuthenticationError} If it does not let us in. Each key was shown once.
 */
export async function connect(
  server: ServerConfig,
  limits: LimitsConfig,
  options: ConnectOptions = {},
): Promise<SftpSession> {
  const means = {
    server,
    limits,
    options,
    identity: readIdentity(server),
    trust: readTrust(server),
  };
  try {
    return await new Attempt(means, { strict: true }).run();
  } catch (error) {
    if (!(error instanceof NotStrictError)) throw error;
    return await new Attempt(means, { strict: false }).run();
  }
}

/** The server has no strict key exchange, and what was agreed on needs it. */
class NotStrictError extends UnusableError {}

/** What ssh2's client keeps to itself. */
interface Internals {
  /** Whether the key exchange was strict. */
  readonly _protocol?: { readonly _strictMode?: boolean };
  /** Begins to wait for the next keepalive. */
  readonly _resetKA?: () => void;
}

/** What an attempt is made with. */
interface Means {
  readonly server: ServerConfig;
  readonly limits: LimitsConfig;
  readonly options: ConnectOptions;
  readonly identity: Identity;
  readonly trust: Trust;
}

/** One attempt to connect. */
class Attempt {
  readonly #means: Means;
  readonly #strict: boolean;
  readonly #verifier: HostKeyVerifier;
  readonly #keyTypes: string[];
  readonly #client = new ssh2.Client();
  readonly #socket = new SshSocket();
  readonly #outcome = Promise.withResolvers<SftpSession>();
  #session: SftpSession | undefined;
  #refusal: Refusal | undefined;
  #depth: Depth = "nothing";
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(means: Means, { strict }: { strict: boolean }) {
    this.#means = means;
    this.#strict = strict;
    this.#verifier = new HostKeyVerifier(means.server, means.trust);
    this.#keyTypes = trustedKeyTypes(means.trust);
  }

  async run(): Promise<SftpSession> {
    const { options: { signal }, limits } = this.#means;
    if (signal?.aborted) throw givenUp(this.#means);
    const stop = () => this.#fail(givenUp(this.#means));
    signal?.addEventListener("abort", stop, { once: true });
    this.#limit(limits.connectMs);
    this.#listen();
    this.#open();
    try {
      return await this.#outcome.promise;
    } finally {
      clearTimeout(this.#timer);
      signal?.removeEventListener("abort", stop);
    }
  }

  #listen(): void {
    const { onReceived } = this.#means.options;
    if (onReceived !== undefined) {
      this.#socket.on(
        "data",
        (bytes: Uint8Array) => onReceived(bytes.length),
      );
    }
    this.#socket.once("connect", () => {
      this.#reach("connected");
      this.#limit(this.#means.limits.handshakeMs);
    });
    // These two stay for life: an error that nobody hears would end the process.
    this.#client.on("error", (error: Error) => this.#fail(error));
    this.#client.on(
      "close",
      () => this.#fail(new Error("the connection was closed")),
    );
    this.#client.on(
      "handshake",
      ({ cs, sc }: { cs: Agreed; sc: Agreed }) => this.#handshaken([cs, sc]),
    );
    this.#client.on("ready", () => this.#startSftp());
  }

  #open(): void {
    const { server: { host, port, user }, limits } = this.#means;
    try {
      this.#socket.connect({ host, port });
      this.#client.connect({
        sock: this.#socket,
        username: user,
        hostVerifier: (key: Uint8Array) => this.#verify(key),
        authHandler: this.#methods(),
        algorithms: offer(this.#keyTypes, this.#strict),
        // Our own limits come first; ssh2's would end with less to say.
        readyTimeout: 0,
        keepaliveInterval: limits.keepaliveMs,
        keepaliveCountMax: keepalives,
      });
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #verify(key: Uint8Array): boolean {
    // Each rekeying asks again, long after.
    const first = this.#depth === "connected";
    if (first) this.#reach("handshaken");
    const trusted = this.#verifier.verify(key);
    if (first && trusted) this.#reach("trusted");
    return trusted;
  }

  /** Refuses, before it authenticates, a connection that Terrapin could tamper with. */
  #handshaken(agreed: readonly Agreed[]): void {
    const strict = (this.#client as Internals)._protocol?._strictMode === true;
    if (!strict && agreed.some(isTruncatable)) {
      this.#fail(new NotStrictError("the server has no strict key exchange"));
    }
  }

  /** Tries the key, then the agent, each once: servers ban those who go on trying. */
  #methods(): ConnectConfig["authHandler"] {
    const { identity: { privateKey, agent }, server: { user: username } } =
      this.#means;
    const methods: AuthMethod[] = [];
    if (privateKey !== null) {
      methods.push({ type: "publickey", username, key: privateKey });
    }
    if (agent !== null) methods.push({ type: "agent", username, agent });
    return (left, partial, next) => {
      if (left !== null) {
        this.#refusal = { methods: left, partial: partial === true };
      }
      next(methods.shift() ?? false);
    };
  }

  #startSftp(): void {
    this.#reach("authenticated");
    this.#client.sftp((error, sftp) => {
      if (error) return this.#fail(error);
      tuneChannel(sftp);
      this.#takeForLife();
      const { server, limits } = this.#means;
      this.#session = new SftpSession(server.name, {
        sftp,
        socket: this.#socket,
        endClient: () => this.#client.end(),
        requestMs: limits.requestMs,
      });
      this.#reach("sftp");
      this.#outcome.resolve(this.#session);
    });
  }

  /** Takes whatever comes for a sign of life: the answer to a keepalive waits behind it. */
  #takeForLife(): void {
    const client = this.#client as Internals;
    const everyMs = this.#means.limits.keepaliveMs / 4;
    let last = performance.now();
    this.#socket.on("data", () => {
      const now = performance.now();
      if (now - last < everyMs) return;
      last = now;
      client._resetKA?.();
    });
  }

  /** Ends the attempt, or the session that came of it. What comes later changes nothing. */
  #fail(cause: ConnectionError): void {
    const { name } = this.#means.server;
    const error = this.#verifier.refusal ??
      (this.#session === undefined
        ? explainFailure(cause, this.#circumstances())
        : connectionLost(name, cause));
    this.#session?.break(error);
    this.#outcome.reject(error);
    this.#socket.destroy();
  }

  #limit(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () =>
        this.#fail(explainLateness(this.#means.limits, this.#circumstances())),
      ms,
    );
  }

  #reach(depth: Depth): void {
    this.#depth = depth;
    this.#means.options.onDepth?.(depth);
  }

  #circumstances(): Circumstances {
    return {
      server: this.#means.server,
      depth: this.#depth,
      opening: this.#socket.opening,
      keyTypes: this.#keyTypes,
      refusal: this.#refusal,
    };
  }
}
