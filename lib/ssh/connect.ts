/**
 * From a server's configuration to an SFTP session, with every time limit
 * armed before the first byte.
 *
 * @module
 */

import "./ciphers.ts";
import ssh2, {
  type Agent,
  type AuthMethod,
  type Channel,
  type ConnectConfig,
} from "ssh2";
import type { LimitsConfig, ServerConfig } from "../config/config.ts";
import { UnusableError } from "../errors.ts";
import type { Limits } from "../sftp/answers.ts";
import { SftpClient } from "../sftp/client.ts";
import type { Depth } from "./depth.ts";
import {
  type Agreed,
  isTruncatable,
  offer,
  type Offering,
  weakOnes,
} from "./algorithms.ts";
import type { Circumstances } from "./circumstances.ts";
import type { ConnectOptions } from "./connect-options.ts";
import {
  type ConnectionError,
  explainFailure,
  explainLateness,
  givenUp,
} from "./connect-failure.ts";
import {
  HostKeyVerifier,
  readTrust,
  type Trust,
  trustedKeyTypes,
} from "./host-key.ts";
import { type Identity, readIdentity } from "./identity.ts";
import { widenWindow } from "./channel.ts";
import { Overheard } from "./overheard.ts";
import { Printed } from "./printed.ts";
import { serverOffer } from "./server-offer.ts";
import { connectionLost, SftpSession } from "./session.ts";
import { SshSocket } from "./socket.ts";

/** Unanswered keepalives that end a connection. */
const keepalives = 3;

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
  readonly #offering: Offering;
  readonly #verifier: HostKeyVerifier;
  readonly #client = new ssh2.Client();
  readonly #socket = new SshSocket();
  readonly #printed = new Printed();
  readonly #outcome = Promise.withResolvers<SftpSession>();
  #session: SftpSession | undefined;
  #overheard: Overheard | undefined;
  /** Keys that the agent holds; `undefined` if it has not been asked. */
  #agentKeys: number | undefined;
  #weak: readonly string[] = [];
  #signsWeakly = false;
  #depth: Depth = "nothing";
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(means: Means, { strict }: { strict: boolean }) {
    this.#means = means;
    this.#verifier = new HostKeyVerifier(means.server, means.trust);
    this.#offering = {
      trusted: trustedKeyTypes(means.trust),
      strict,
      algorithms: means.server.algorithms,
    };
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
      (agreed: Handshake) => this.#handshaken(agreed),
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
        algorithms: offer(this.#offering),
        // Our own limits come first; ssh2's would end with less to say.
        readyTimeout: 0,
        keepaliveInterval: limits.keepaliveMs,
        keepaliveCountMax: keepalives,
      });
      this.#overheard = new Overheard(this.#client);
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
  #handshaken({ kex, serverHostKey, cs, sc }: Handshake): void {
    const agreed = [cs, sc];
    this.#weak = weakOnes([
      ...[kex, serverHostKey],
      ...agreed.flatMap(({ cipher, mac }) => [cipher, mac]),
    ]);
    const strict = (this.#client as Internals)._protocol?._strictMode === true;
    if (!strict && agreed.some(isTruncatable)) {
      this.#fail(new NotStrictError("the server has no strict key exchange"));
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

  #startSftp(): void {
    this.#reach("authenticated");
    this.#client.subsys("sftp", (error, channel) => {
      if (error) return this.#fail(error);
      const sftp = new SftpClient({
        send: (requests) => channel.write(requests),
        broken: (error) => this.#fail(error),
      });
      this.#listenTo(channel, sftp);
      widenWindow(channel);
      sftp.start((limits) => this.#succeed(sftp, limits));
    });
  }

  #listenTo(channel: Channel, sftp: SftpClient): void {
    const keep = (bytes: Uint8Array) => this.#printed.keep(bytes);
    channel.stderr.on("data", keep);
    channel.on("data", (bytes: Uint8Array) => {
      if (this.#session === undefined) keep(bytes);
      sftp.receive(bytes);
    });
    channel.on("error", (error: Error) => this.#fail(error));
    channel.on("end", () => {
      const { name } = this.#means.server;
      this.#session?.break(connectionLost(name));
    });
    channel.on(
      "close",
      (code?: number | null, signal?: string) =>
        this.#fail(ended(code, signal)),
    );
  }

  #succeed(sftp: SftpClient, told: Limits | undefined): void {
    this.#takeForLife();
    const { server, limits } = this.#means;
    this.#session = new SftpSession(server.name, {
      sftp,
      limits: told,
      socket: this.#socket,
      endClient: () => this.#client.end(),
      requestMs: limits.requestMs,
      weak: this.#signsWeakly ? [...this.#weak, rsaSha1] : this.#weak,
    });
    this.#reach("sftp");
    this.#outcome.resolve(this.#session);
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
      opening: this.#socket.opening.toString("latin1"),
      offering: this.#offering,
      theirs: serverOffer(this.#socket.opening),
      identity: this.#means.identity,
      agentKeys: this.#agentKeys,
      refusal: this.#overheard?.refusal,
      output: this.#printed.line,
    };
  }
}

/** What is said of an SFTP server that is gone before it began. */
function ended(code?: number | null, signal?: string): Error {
  if (typeof code === "number") {
    return new Error(
      `Received exit code ${code} while establishing SFTP session`,
    );
  }
  return new Error(
    signal === undefined
      ? "Received unexpected SFTP session termination"
      : `Received signal ${signal} while establishing SFTP session`,
  );
}

/** How check calls a signature of our key. */
const rsaSha1 = "a login signed with SHA-1";

function isRsa(privateKey: string): boolean {
  const key = ssh2.utils.parseKey(privateKey);
  return !(key instanceof Error) && key.type === "ssh-rsa";
}
