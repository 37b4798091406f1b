/**
 * From a server's configuration to an SFTP session over the ssh client of the
 * system, with every time limit armed before it is started.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { LimitsConfig } from "../../config/config.ts";
import { type RelaisError, UnusableError } from "../../errors.ts";
import type { Limits } from "../../sftp/answers.ts";
import { SftpClient } from "../../sftp/client.ts";
import type { ProtocolError } from "../../sftp/protocol-error.ts";
import type {
  ClientEnd,
  FromClient,
  ToClient,
} from "../../transport/operations.ts";
import { Flow } from "../../worker/flow.ts";
import { weakOnes } from "../algorithms.ts";
import type { ClientServer } from "../by-client.ts";
import type { Carrier } from "../carrier.ts";
import {
  explainLateness,
  explainSubsystem,
  givenUp,
} from "../connect-failure.ts";
import type { ConnectOptions } from "../connect-options.ts";
import type { Depth } from "../depth.ts";
import { Printed } from "../printed.ts";
import { connectionLost, SftpSession } from "../session.ts";
import type { Terms } from "../terms.ts";
import {
  type ClientCircumstances,
  explainClientEnd,
  explainLostClient,
} from "./failure.ts";
import { ClientWords } from "./words.ts";

/** Bytes that a client may print before there is a session: no way has so many hops. */
const mostPrinted = 256 * 1024;

/** How often the limit begins again: four times a hop, whatever a banner says. */
const mostRenewals = 32;

/** How long it is waited for when it ends in good order. */
const endMs = 1_000;

/** Starts the ssh client of a server, and returns the port that its bytes go through. */
export type OpenClient = (server: string) => Promise<MessagePort>;

/**
 * Connects to `server` with the ssh client, and opens SFTP.
 *
 * @throws {UnreachableError} If it does not answer, or not in time.
 * @throws {UnusableError} If there is no client, or no SFTP.
 * @throws {HostKeyError} If ssh does not trust its host key.
 * @throws {AuthenticationError} If it does not let us in.
 */
export async function connectByClient(
  server: ClientServer,
  limits: LimitsConfig,
  open: OpenClient,
  options: ConnectOptions = {},
): Promise<SftpSession> {
  if (options.signal?.aborted) throw givenUp({ server });
  const attempt = new Attempt(server, limits, options);
  return await attempt.run(open);
}

/** One attempt, and what carries the session that comes of it. */
class Attempt implements Carrier {
  received = 0;
  sent = 0;
  readonly #server: ClientServer;
  readonly #limits: LimitsConfig;
  readonly #options: ConnectOptions;
  readonly #printed = new Printed();
  readonly #words = new ClientWords((depth) => {
    // Each rekeying says it all again.
    if (this.#session === undefined) this.#reach(depth);
  });
  readonly #sftp: SftpClient;
  readonly #outcome = Promise.withResolvers<SftpSession>();
  readonly #ended = Promise.withResolvers<void>();
  #flow: Flow<ToClient, FromClient> | undefined;
  #session: SftpSession | undefined;
  #depth: Depth = "nothing";
  #printedBytes = 0;
  #renewals = 0;
  #isOver = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    server: ClientServer,
    limits: LimitsConfig,
    options: ConnectOptions,
  ) {
    this.#server = server;
    this.#limits = limits;
    this.#options = options;
    this.#sftp = new SftpClient({
      send: (requests) => this.#send(requests),
      broken: (error) => this.#break(error),
    });
  }

  async run(open: OpenClient): Promise<SftpSession> {
    const { signal } = this.#options;
    const stop = () => this.#fail(givenUp({ server: this.#server }));
    signal?.addEventListener("abort", stop, { once: true });
    this.#limit(this.#limits.connectMs);
    this.#start(open);
    try {
      return await this.#outcome.promise;
    } finally {
      clearTimeout(this.#timer);
      signal?.removeEventListener("abort", stop);
    }
  }

  /** The server's banner, as the client tells it. */
  get opening(): Buffer {
    return Buffer.from(this.#words.software ?? "");
  }

  destroy(): void {
    this.#isOver = true;
    this.#flow?.say({ end: true });
  }

  async hangUp(): Promise<void> {
    if (this.#isOver) return;
    this.destroy();
    // One that hangs is killed meanwhile.
    const late = setTimeout(this.#ended.resolve, endMs);
    await this.#ended.promise;
    clearTimeout(late);
  }

  async #start(open: OpenClient): Promise<void> {
    try {
      const port = await open(this.#server.name);
      this.#flow = new Flow<ToClient, FromClient>(port, {
        bytes: (bytes) => this.#receive(bytes),
        message: (message) => this.#hear(message),
      });
    } catch (error) {
      return this.#fail(error as RelaisError);
    }
    // It was given up while the client was started.
    if (this.#isOver) this.#flow.say({ end: true });
    else this.#sftp.start((limits) => this.#succeed(limits));
  }

  #send(requests: Uint8Array): void {
    this.sent += requests.length;
    // A buffer of Node's may share its memory with others.
    if (!this.#isOver) this.#flow!.send(new Uint8Array(requests));
  }

  #receive(bytes: Uint8Array): void {
    this.received += bytes.length;
    this.#options.onReceived?.(bytes.length);
    if (this.#session === undefined) this.#printed.keep(bytes);
    if (!this.#isOver) this.#sftp.receive(bytes);
  }

  #hear(message: FromClient): void {
    if ("ended" in message) return this.#end(message.ended);
    this.#words.take(message.printed);
    this.#printedBytes += message.printed.length;
    if (this.#session === undefined && this.#printedBytes > mostPrinted) {
      this.#fail(
        new UnusableError(
          `Cannot use ${this.#server.name}: its ssh client prints without end`,
          { hint: "correct ssh, and what ssh_config starts" },
        ),
      );
    }
  }

  #end(end: ClientEnd): void {
    this.#words.take(end.last);
    this.#flow?.close();
    this.#ended.resolve();
    if (this.#isOver) return;
    const explain = this.#session === undefined
      ? explainClientEnd
      : explainLostClient;
    this.#fail(explain(end, this.#circumstances()));
  }

  #break(error: ProtocolError): void {
    this.#fail(
      this.#session === undefined
        ? explainSubsystem(error, this.#circumstances())
        : connectionLost(this.#server.name, error),
    );
  }

  #succeed(told: Limits | undefined): void {
    this.#session = new SftpSession(this.#server.name, {
      sftp: this.#sftp,
      limits: told,
      socket: this,
      endClient: () => {},
      requestMs: this.#limits.requestMs,
      terms: this.#terms(),
    });
    this.#words.forget();
    this.#reach("sftp");
    this.#outcome.resolve(this.#session);
  }

  #terms(): Terms {
    const { hops } = this.#words;
    const { hostKey = "", cipher = "" } = hops.at(-1) ?? {};
    const agreed = hops.flatMap((hop) => [
      hop.kex,
      hop.hostKeyAlgorithm,
      hop.cipher,
      hop.mac,
    ]).filter((name) => name !== undefined);
    return {
      transport: "openssh",
      way: hops.map(({ address }) => address),
      hostKey,
      cipher,
      weak: weakOnes(agreed),
    };
  }

  /** Ends the attempt, or the session that came of it. What comes later changes nothing. */
  #fail(error: RelaisError): void {
    this.#session?.break(error);
    this.#outcome.reject(error);
    this.destroy();
  }

  /** Each hop has as long as a server that is reached directly. */
  #reach(depth: Depth): void {
    this.#depth = depth;
    this.#options.onDepth?.(depth);
    if (depth !== "connected" || this.#renewals === mostRenewals) return;
    this.#renewals++;
    this.#limit(this.#limits.handshakeMs);
  }

  #limit(ms: number): void {
    clearTimeout(this.#timer);
    if (this.#session !== undefined) return;
    this.#timer = setTimeout(
      () =>
        this.#fail(
          explainLateness(this.#limits, {
            ...this.#circumstances(),
            opening: this.#words.software ?? "",
          }),
        ),
      ms,
    );
  }

  #circumstances(): ClientCircumstances {
    const user = this.#words.hops.at(-1)?.user ?? this.#server.user;
    return {
      server: { ...this.#server, user },
      depth: this.#depth,
      output: this.#printed.line,
      lines: this.#words.lines,
      certificate: this.#words.certificate,
    };
  }
}
