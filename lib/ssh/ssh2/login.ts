/**
 * A login to an SSH server, with every time limit armed before the first byte:
 * to have SFTP of it, or to go on from there to another one.
 *
 * @module
 */

import "./ciphers.ts";
import ssh2, { type Agent, type AuthMethod, type ConnectConfig } from "ssh2";
import type { LimitsConfig, ServerConfig } from "../../config/config.ts";
import { type RelaisError, UnusableError } from "../../errors.ts";
import {
  type Agreed,
  isTruncatable,
  offer,
  type Offering,
  weakOnes,
} from "../algorithms.ts";
import {
  type ConnectionError,
  explainLateness,
  givenUp,
} from "../connect-failure.ts";
import { type ConnectOptions, keepalives } from "../connect-options.ts";
import type { Depth } from "../depth.ts";
import { Printed } from "../printed.ts";
import { connectionLost } from "../session.ts";
import { explainFailure } from "./handshake-failure.ts";
import { HostKeyVerifier, type Trust, trustedKeyTypes } from "./host-key.ts";
import type { Identity } from "./identity.ts";
import type { LoginCircumstances } from "./login-circumstances.ts";
import { Overheard } from "./overheard.ts";
import { serverOffer } from "./server-offer.ts";
import { SshSocket } from "./socket.ts";
import type { Tunnel } from "./tunnel.ts";

/** The server has no strict key exchange, and what was agreed on needs it. */
export class NotStrictError extends UnusableError {}

/** What ssh2's client keeps to itself. */
interface Internals {
  /** True if the key exchange was strict. */
  readonly _protocol?: { readonly _strictMode?: boolean };
  /** Begins to wait for the next keepalive. */
  readonly _resetKA?: () => void;
}

/** What both sides have agreed on. */
interface Handshake {
  readonly kex: string;
  readonly serverHostKey: string;
  /** From us to the server, and back. */
  readonly cs: Agreed;
  readonly sc: Agreed;
}

/** What a login is made with. */
export interface Means {
  readonly server: ServerConfig;
  readonly limits: LimitsConfig;
  readonly options: ConnectOptions;
  readonly identity: Identity;
  readonly trust: Trust;
}

/** What comes of a login, and ends with it. */
export interface Outcome {
  break(error: RelaisError): void;
}

export interface LoginOptions<Result extends Outcome> {
  /** True to refuse a server without strict key exchange, where that matters. */
  readonly strict: boolean;
  /** What it goes through; without it, a connection is opened. */
  readonly tunnel?: Tunnel | undefined;
  /** Goes on when the server has let us in; calls {@link Login.succeed} in the end, or {@link Login.fail}. */
  readonly begin: (login: Login<Result>) => void;
}

/** One attempt to log in, and what came of it. */
export class Login<Result extends Outcome> {
  readonly client = new ssh2.Client();
  readonly socket: SshSocket | Tunnel;
  /** What the server prints where SFTP should begin. */
  readonly printed = new Printed();
  readonly #means: Means;
  readonly #offering: Offering;
  readonly #verifier: HostKeyVerifier;
  readonly #begin: (login: Login<Result>) => void;
  readonly #outcome = Promise.withResolvers<Result>();
  /** What came of it. */
  result: Result | undefined;
  #overheard: Overheard | undefined;
  /** Keys that the agent holds; `undefined` if it has not been asked. */
  #agentKeys: number | undefined;
  #weak: readonly string[] = [];
  #cipher = "";
  #signsWeakly = false;
  #depth: Depth = "nothing";
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    means: Means,
    { strict, tunnel, begin }: LoginOptions<Result>,
  ) {
    this.#means = means;
    this.#begin = begin;
    this.socket = tunnel ?? new SshSocket();
    this.#verifier = new HostKeyVerifier(means.server, means.trust);
    this.#offering = {
      trusted: trustedKeyTypes(means.trust),
      strict,
      algorithms: means.server.algorithms,
    };
  }

  async run(): Promise<Result> {
    const { options: { signal }, limits } = this.#means;
    if (signal?.aborted) throw givenUp(this.#means);
    const stop = () => this.fail(givenUp(this.#means));
    signal?.addEventListener("abort", stop, { once: true });
    this.limit(limits.connectMs);
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
      this.socket.on(
        "data",
        (bytes: Uint8Array) => onReceived(bytes.length),
      );
    }
    this.socket.once("connect", () => this.#connected());
    // These two stay for life: an error that nobody hears would end the process.
    this.client.on("error", (error: Error) => this.fail(error));
    this.client.on(
      "close",
      () => this.fail(new Error("the connection was closed")),
    );
    this.client.on(
      "handshake",
      (agreed: Handshake) => this.#handshaken(agreed),
    );
    this.client.on("ready", () => {
      this.#reach("authenticated");
      this.#begin(this);
    });
  }

  #connected(): void {
    this.#reach("connected");
    this.limit(this.#means.limits.handshakeMs);
  }

  #open(): void {
    const { server: { host, port, user }, limits } = this.#means;
    try {
      if (this.socket instanceof SshSocket) this.socket.connect({ host, port });
      else this.#connected();
      this.client.connect({
        sock: this.socket,
        username: user,
        hostVerifier: (key: Uint8Array) => this.#verify(key),
        authHandler: this.#methods(),
        algorithms: offer(this.#offering),
        // Our own limits come first; ssh2's would end with less to say.
        readyTimeout: 0,
        keepaliveInterval: limits.keepaliveMs,
        keepaliveCountMax: keepalives,
      });
      this.#overheard = new Overheard(this.client);
    } catch (error) {
      this.fail(error as Error);
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
  #handshaken({ kex, serverHostKey, cs, sc }: Handshake): void {
    const agreed = [cs, sc];
    this.#cipher = sc.cipher;
    this.#weak = weakOnes([
      kex,
      serverHostKey,
      ...agreed.flatMap(({ cipher, mac }) => [cipher, mac]),
    ]);
    const strict = (this.client as Internals)._protocol?._strictMode === true;
    if (!strict && agreed.some(isTruncatable)) {
      this.fail(new NotStrictError("the server has no strict key exchange"));
    }
  }

  /** Tries the key, then the agent, each once: servers ban those who go on trying. */
  #methods(): ConnectConfig["authHandler"] {
    let methods: Iterator<AuthMethod> | undefined;
    return (_left, _partial, next) => {
      methods ??= this.#eachMethod();
      const { value, done } = methods.next();
      next(done ? false : value);
    };
  }

  *#eachMethod(): Generator<AuthMethod> {
    const { identity: { privateKey, agent }, server } = this.#means;
    const { user: username } = server;
    const overheard = this.#overheard!;
    const hashes = this.#hashes();
    if (privateKey !== null) {
      for (const hash of isRsa(privateKey) ? hashes : hashes.slice(0, 1)) {
        overheard.signWith(hash);
        this.#signsWeakly = isRsa(privateKey) && hash === "SHA-1";
        yield { type: "publickey", username, key: privateKey };
      }
    }
    if (agent !== null) {
      overheard.signWith(hashes[0]!);
      this.#signsWeakly = false;
      yield { type: "agent", username, agent: this.#counted(agent) };
    }
  }

  /**
   * What an RSA key signs with. OpenSSH tells the signatures that it knows, and
   * not those that its configuration takes.
   */
  #hashes(): ("SHA-1" | "SHA-2")[] {
    if (this.#offering.algorithms !== "legacy") return ["SHA-2"];
    const { signatures = [] } = this.#overheard!;
    return signatures.some((name) => name.startsWith("rsa-sha2-"))
      ? ["SHA-2", "SHA-1"]
      : ["SHA-1"];
  }

  /** Counts the keys of an agent: one that holds none looks like one whose keys are refused. */
  #counted(socket: string): Agent {
    const agent = ssh2.createAgent(socket);
    const ask = agent.getIdentities.bind(agent);
    agent.getIdentities = (done) =>
      ask((error, keys) => {
        this.#agentKeys = keys?.length;
        done(error, keys);
      });
    return agent;
  }

  /** Type and fingerprint of the key that the server has shown. */
  get hostKey(): string {
    return this.#verifier.shown;
  }

  /** From the server to us. */
  get cipher(): string {
    return this.#cipher;
  }

  /** The agreed algorithms that only `algorithms = "legacy"` offers. */
  get weak(): readonly string[] {
    return this.#signsWeakly ? [...this.#weak, rsaSha1] : this.#weak;
  }

  /** The login has come to what it is for. */
  succeed(result: Result): void {
    this.#takeForLife();
    this.result = result;
    this.#outcome.resolve(result);
  }

  /** Takes whatever comes for a sign of life: the answer to a keepalive waits behind it. */
  #takeForLife(): void {
    const client = this.client as Internals;
    const everyMs = this.#means.limits.keepaliveMs / 4;
    let last = performance.now();
    this.socket.on("data", () => {
      const now = performance.now();
      if (now - last < everyMs) return;
      last = now;
      client._resetKA?.();
    });
  }

  /** Ends the attempt, or what came of it. What comes later changes nothing. */
  fail(cause: ConnectionError): void {
    const { name } = this.#means.server;
    const error = this.#verifier.refusal ??
      (this.result === undefined
        ? explainFailure(cause, this.#circumstances())
        : connectionLost(name, cause));
    this.result?.break(error);
    this.#outcome.reject(error);
    this.socket.destroy();
  }

  /** Ends the attempt with `error` if it does not go on within `ms`. */
  limit(ms: number, error?: RelaisError): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () =>
        this.fail(
          error ??
            explainLateness(this.#means.limits, this.#circumstances()),
        ),
      ms,
    );
  }

  #reach(depth: Depth): void {
    this.#depth = depth;
    this.#means.options.onDepth?.(depth);
  }

  #circumstances(): LoginCircumstances {
    return {
      server: this.#means.server,
      depth: this.#depth,
      opening: this.socket.opening.toString("latin1"),
      offering: this.#offering,
      theirs: serverOffer(this.socket.opening),
      identity: this.#means.identity,
      agentKeys: this.#agentKeys,
      refusal: this.#overheard?.refusal,
      output: this.printed.line,
    };
  }
}

/** How check calls a signature of our key. */
const rsaSha1 = "a login signed with SHA-1";

function isRsa(privateKey: string): boolean {
  const key = ssh2.utils.parseKey(privateKey);
  return !(key instanceof Error) && key.type === "ssh-rsa";
}
