/**
 * From a server's configuration to an SFTP session, with every time limit
 * armed before the first byte.
 *
 * @module
 */

import ssh2, { type AuthMethod, type ConnectConfig } from "ssh2";
import type { LimitsConfig, ServerConfig } from "../config/config.ts";
import {
  AuthenticationError,
  RelaisError,
  UnreachableError,
  UnusableError,
} from "../errors.ts";
import type { Depth } from "../protocol.ts";
import { offer } from "./algorithms.ts";
import {
  HostKeyVerifier,
  readTrust,
  type Trust,
  trustedKeyTypes,
} from "./host-key.ts";
import { type Identity, readIdentity } from "./identity.ts";
import { SftpSession } from "./session.ts";
import { SshSocket } from "./socket.ts";

/** Unanswered keepalives that end a connection. */
const keepalives = 3;

export interface ConnectOptions {
  readonly signal?: AbortSignal;
  /** Hears how far the connection got. */
  readonly onDepth?: (depth: Depth) => void;
}

/**
 * Connects to `server` and opens SFTP.
 *
 * @throws {ConfigError} If its key or known_hosts cannot be used.
 * @throws {UnreachableError} If it does not answer, or not in time.
 * @throws {UnusableError} If it answers, but not as an SFTP server.
 * @throws {HostKeyError} If its host key is not the known one; nothing more was said to it.
 * @throws {AuthenticationError} If it does not let us in.
 */
export async function connect(
  server: ServerConfig,
  limits: LimitsConfig,
  options: ConnectOptions = {},
): Promise<SftpSession> {
  const identity = readIdentity(server);
  const trust = readTrust(server);
  try {
    return await new Attempt(server, limits, options, trust, true).run(
      identity,
    );
  } catch (error) {
    if (!(error instanceof NotStrictError)) throw error;
    return await new Attempt(server, limits, options, trust, false).run(
      identity,
    );
  }
}

/** The server has no strict key exchange, and ChaCha20 was agreed on. */
class NotStrictError extends UnusableError {}

/** What ssh2's client keeps to itself: whether the key exchange was strict. */
interface Internals {
  readonly _protocol?: { readonly _strictMode?: boolean };
}

/** One attempt to connect. */
class Attempt {
  readonly #server: ServerConfig;
  readonly #limits: LimitsConfig;
  readonly #options: ConnectOptions;
  readonly #verifier: HostKeyVerifier;
  readonly #trust: Trust;
  readonly #strict: boolean;
  readonly #client = new ssh2.Client();
  readonly #socket = new SshSocket();
  /** Methods the server would take, once it has refused one. */
  #offered: readonly string[] | undefined;
  #depth: Depth = "nothing";
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    server: ServerConfig,
    limits: LimitsConfig,
    options: ConnectOptions,
    trust: Trust,
    strict: boolean,
  ) {
    this.#server = server;
    this.#limits = limits;
    this.#options = options;
    this.#trust = trust;
    this.#strict = strict;
    this.#verifier = new HostKeyVerifier(server, trust);
  }

  async run(identity: Identity): Promise<SftpSession> {
    const { promise, resolve, reject } = Promise.withResolvers<SftpSession>();
    let session: SftpSession | undefined;
    const fail = (cause: Error) => {
      const error = this.#translate(cause);
      // Late errors find a session, and later ones nobody: they must not go unheard by ssh2.
      session?.break(error);
      reject(error);
      this.#socket.destroy();
    };
    const stop = () => fail(this.#unreachable("it was given up"));
    this.#arm(fail);
    this.#options.signal?.addEventListener("abort", stop, { once: true });

    this.#client.on("error", fail);
    this.#client.on(
      "close",
      () => fail(new Error("Connection lost before handshake")),
    );
    this.#client.on("handshake", () => this.#handshaken(fail));
    this.#client.on("ready", () => {
      this.#reach("authenticated");
      this.#client.sftp((error, sftp) => {
        if (error) return fail(this.#noSubsystem(error));
        session = new SftpSession(this.#server.name, {
          sftp,
          socket: this.#socket,
          endClient: () => this.#client.end(),
          requestMs: this.#limits.requestMs,
        });
        this.#reach("sftp");
        resolve(session);
      });
    });
    this.#open(identity, fail);
    try {
      return await promise;
    } finally {
      clearTimeout(this.#timer);
      this.#options.signal?.removeEventListener("abort", stop);
    }
  }

  #open(identity: Identity, fail: (error: Error) => void): void {
    const { host, port, user } = this.#server;
    this.#socket.once("connect", () => this.#reach("connected"));
    this.#socket.connect({ host, port });
    try {
      this.#client.connect({
        sock: this.#socket,
        username: user,
        hostVerifier: (key: Uint8Array) => this.#verify(key),
        authHandler: this.#methods(identity),
        algorithms: offer(
          trustedKeyTypes(this.#trust),
          this.#strict,
        ),
        // Our own limits come first; ssh2's would end with less to say.
        readyTimeout: 0,
        keepaliveInterval: this.#limits.keepaliveMs,
        keepaliveCountMax: keepalives,
      });
    } catch (error) {
      fail(error as Error);
    }
  }

  #verify(key: Uint8Array): boolean {
    this.#reach("handshaken");
    const trusted = this.#verifier.verify(key);
    if (trusted) this.#reach("trusted");
    return trusted;
  }

  /** Refuses, before it authenticates, a connection that Terrapin could tamper with. */
  #handshaken(fail: (error: Error) => void): void {
    const strict = (this.#client as Internals)._protocol?._strictMode === true;
    if (this.#strict && !strict) {
      fail(new NotStrictError("the server has no strict key exchange"));
    }
  }

  /** Tries the key, then the agent, each once: servers ban those who go on trying. */
  #methods({ privateKey, agent }: Identity): ConnectConfig["authHandler"] {
    const username = this.#server.user;
    const methods: AuthMethod[] = [];
    if (privateKey !== null) {
      methods.push({ type: "publickey", username, key: privateKey });
    }
    if (agent !== null) methods.push({ type: "agent", username, agent });
    return (left, _partial, next) => {
      if (left !== null) this.#offered = left;
      const method = methods.shift();
      next(method ?? false);
    };
  }

  /** Arms the limits on the TCP connection, and then on handshake and authentication. */
  #arm(fail: (error: Error) => void): void {
    const limit = (ms: number, what: string) => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => {
        fail(this.#unreachable(`${what} within ${ms / 1_000} s`));
      }, ms);
    };
    limit(this.#limits.connectMs, "no answer");
    this.#socket.once(
      "connect",
      () => limit(this.#limits.handshakeMs, "no SSH session"),
    );
  }

  #reach(depth: Depth): void {
    this.#depth = depth;
    this.#options.onDepth?.(depth);
  }

  #translate(error: Error & { level?: string; code?: string }): RelaisError {
    if (this.#verifier.refusal !== undefined) return this.#verifier.refusal;
    if (error instanceof RelaisError) return error;
    if (error.level === "client-authentication") return this.#refused();
    if (this.#depth === "sftp") return this.#unreachable(error.message);
    const reason = reasonOf(error, this.#depth);
    if (reason.usable) return this.#unreachable(reason.text, error);
    return new UnusableError(`Cannot use ${this.#who()}: ${reason.text}`, {
      cause: error,
      hint: reason.hint,
    });
  }

  #refused(): AuthenticationError {
    const offered = this.#offered?.join(", ") || "nothing";
    return new AuthenticationError(
      `Cannot log in to ${this.#who()} as ${this.#server.user}: authentication failed: the server offers ${offered}`,
      { hint: "see that its authorized_keys holds the key of this server" },
    );
  }

  #noSubsystem(cause: Error): UnusableError {
    return new UnusableError(
      `Cannot use ${this.#who()}: it does not offer SFTP (${cause.message})`,
      {
        cause,
        hint:
          "see Subsystem sftp in its sshd_config, and that its shell prints nothing",
      },
    );
  }

  #unreachable(what: string, cause?: Error): UnreachableError {
    return new UnreachableError(`Cannot reach ${this.#who()}: ${what}`, {
      cause,
    });
  }

  #who(): string {
    const { name, host, port } = this.#server;
    return `${name} (${host}:${port})`;
  }
}

interface Reason {
  readonly text: string;
  /** Whether the server may be all right, and only not be reached. */
  readonly usable: boolean;
  readonly hint: string;
}

/** Puts what Deno and ssh2 say of a failed connection into an administrator's words. */
function reasonOf(error: Error & { code?: string }, depth: Depth): Reason {
  const unreachable = (text: string) => ({ text, usable: true, hint: "" });
  switch (error.code) {
    case "ECONNREFUSED":
      return unreachable("connection refused");
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "EAI_NONAME":
      return unreachable("its host name is not found");
    case "ETIMEDOUT":
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return unreachable("no route, or no answer");
  }
  if (/greeting|identification|version|bad.*header/i.test(error.message)) {
    return {
      text: "it is no SSH server",
      usable: false,
      hint: "see its host and port",
    };
  }
  if (/packet length/i.test(error.message)) {
    return {
      text: "it prints text where SFTP should begin",
      usable: false,
      hint: "see that its shell's start-up files print nothing",
    };
  }
  if (/no matching/i.test(error.message)) {
    return {
      text: error.message,
      usable: false,
      hint: "see the algorithms of its sshd",
    };
  }
  return unreachable(
    depth === "connected" || depth === "nothing"
      ? "it closed the connection before the SSH handshake (too many connections?)"
      : error.message,
  );
}
