/**
 * An embedded SFTP server over one directory, read-only: for `relais demo`, and
 * for tests that need no OpenSSH, or a server that misbehaves.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import ssh2, {
  type AuthContext,
  type Connection,
  type ServerSession,
  type SFTPStream,
} from "ssh2";
import type { ServerConfig } from "../config/config.ts";
import { fingerprint } from "../ssh/ssh2/host-key.ts";
import { serveDirectory } from "./sftp-directory.ts";
import { generateKeyPair } from "./key-pair.ts";

export interface EmbeddedServerOptions {
  /** The directory clients see as `/`. */
  readonly root: string;
  /** Where the key of its one client is written. */
  readonly keys: string;
  /** Answers a session in place of the directory, or before it is served. */
  readonly serve?: (sftp: SFTPStream, root: string) => void;
  /** What it says before it lets anybody in. */
  readonly banner?: string;
  /** How it calls itself, behind `SSH-2.0-`. @default as ssh2 does */
  readonly ident?: string;
}

/** Starts a server on a free port of the loopback address. */
export async function startSftpServer(
  { root, keys, serve = serveDirectory, banner, ident }: EmbeddedServerOptions,
): Promise<EmbeddedServer> {
  const client = generateKeyPair();
  const identity = `${keys}/id_ed25519`;
  await Deno.writeTextFile(identity, client.private, { mode: 0o600 });
  const server = new EmbeddedServer({
    hostKey: generateKeyPair().private,
    clientKey: publicPart(client.public),
    identity,
    serve: (sftp) => serve(sftp, root),
    says: {
      ...banner === undefined ? {} : { banner },
      ...ident === undefined ? {} : { ident },
    },
  });
  await server.start();
  return server;
}

/** What ssh2's connections keep to themselves. */
interface Internals {
  readonly _sock?: Socket;
}

/** What a server is made of. */
interface Parts {
  readonly hostKey: string;
  readonly clientKey: Buffer;
  readonly identity: string;
  readonly serve: (sftp: SFTPStream) => void;
  readonly says: Pick<EmbeddedServerOptions, "banner" | "ident">;
}

/** A server that can be stopped, and started again on its port. */
export class EmbeddedServer implements AsyncDisposable {
  /** How often a client has asked to be let in, by whatever method. */
  logins = 0;
  readonly #parts: Parts;
  readonly #connections = new Set<Connection>();
  #server: InstanceType<typeof ssh2.Server> | undefined;
  #port = 0;

  /** Made by {@link startSftpServer}. */
  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get port(): number {
    return this.#port;
  }

  /** Fingerprint of the host key. */
  get hostKey(): string {
    return fingerprint(publicPart(this.#parts.hostKey));
  }

  /** The host key as known_hosts has it behind the name. */
  get publicHostKey(): string {
    const key = publicPart(this.#parts.hostKey).toString("base64");
    return `ssh-ed25519 ${key}`;
  }

  /** How a replica is told of this server. */
  serverConfig(name: string): ServerConfig {
    return {
      name,
      host: "127.0.0.1",
      port: this.#port,
      user: "relais",
      identity: this.#parts.identity,
      agent: false,
      knownHosts: [],
      hostKeys: [this.hostKey],
      jump: null,
      openssh: null,
      algorithms: "modern",
      root: "/",
      list: null,
    };
  }

  start(): Promise<void> {
    const { hostKey, says } = this.#parts;
    const server = new ssh2.Server(
      { hostKeys: [hostKey], ...says },
      (connection) => this.#welcome(connection),
    );
    this.#server = server;
    return new Promise((resolve) =>
      server.listen(this.#port, "127.0.0.1", () => {
        this.#port = server.address().port;
        resolve();
      })
    );
  }

  /** Ends the server and all its sessions. */
  stop(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#server === undefined) return Promise.resolve();
    this.#server.close(() => resolve());
    this.#server = undefined;
    for (const connection of this.#connections) connection.end();
    return promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #welcome(connection: Connection): void {
    this.#connections.add(connection);
    // Otherwise each small answer waits for an acknowledgement.
    (connection as Internals)._sock?.setNoDelay(true);
    connection.on("close", () => this.#connections.delete(connection));
    // A client that goes without a word is nothing to a server.
    connection.on("error", () => {});
    connection.on("authentication", (context) => this.#authenticate(context));
    connection.on("session", (accept) => this.#open(accept()));
  }

  #authenticate(context: AuthContext): void {
    this.logins++;
    const known = context.method === "publickey" &&
      context.key?.data.equals(this.#parts.clientKey);
    if (known) context.accept();
    else context.reject(["publickey"]);
  }

  #open(session: ServerSession): void {
    session.on("sftp", (accept) => this.#parts.serve(accept()));
  }
}

function publicPart(key: string): Buffer {
  const parsed = ssh2.utils.parseKey(key);
  if (parsed instanceof Error) throw parsed;
  return parsed.getPublicSSH();
}
