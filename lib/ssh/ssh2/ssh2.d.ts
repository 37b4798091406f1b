/**
 * The types of the parts of `ssh2` that relais uses. Those on npm bring the
 * types of an old Node.js with them, which hide Deno's own.
 */

declare module "ssh2" {
  import type { Buffer } from "node:buffer";
  import type { EventEmitter } from "node:events";
  import type { Duplex, Readable } from "node:stream";

  export interface Attributes {
    mode: number;
    uid: number;
    gid: number;
    size: number;
    atime: number;
    mtime: number;
  }

  export interface FileEntry {
    filename: string;
    longname: string;
    attrs: Attributes;
  }

  type Done<Result> = (
    error: Error | null | undefined,
    result: Result,
  ) => void;

  /** The bytes of a subsystem, and what it prints besides. */
  export interface Channel extends Duplex {
    readonly stderr: Readable;
  }

  export type AuthMethod =
    | { type: "publickey"; username: string; key: string }
    | { type: "agent"; username: string; agent: Agent };

  export interface Agent {
    getIdentities(done: (error?: Error, keys?: unknown[]) => void): void;
  }

  export interface Algorithms {
    kex?: string[];
    serverHostKey?: string[];
    cipher?: string[];
    hmac?: string[];
    compress?: string[];
  }

  export interface ConnectConfig {
    sock: Duplex;
    username: string;
    hostVerifier: (key: Buffer) => unknown;
    authHandler: (
      methodsLeft: string[] | null,
      partialSuccess: boolean | null,
      next: (method: AuthMethod | false) => void,
    ) => void;
    algorithms?: Algorithms;
    readyTimeout?: number;
    keepaliveInterval?: number;
    keepaliveCountMax?: number;
  }

  class Client extends EventEmitter {
    connect(config: ConnectConfig): this;
    subsys(name: string, done: Done<Channel>): void;
    forwardOut(
      fromHost: string,
      fromPort: number,
      host: string,
      port: number,
      done: Done<Channel>,
    ): void;
    end(): this;
  }

  export interface ParsedKey {
    readonly type: string;
    getPublicSSH(): Buffer;
    isPrivateKey(): boolean;
    sign(data: Buffer): Buffer | Error;
    verify(data: Buffer, signature: Buffer): boolean | Error;
  }

  export interface AuthContext {
    method: string;
    username: string;
    key?: { algo: string; data: Buffer };
    signature?: Buffer;
    blob?: Buffer;
    hashAlgo?: string;
    accept(): void;
    reject(methods?: string[]): void;
  }

  /** The server's end of an SFTP session. */
  export interface SFTPStream extends EventEmitter {
    handle(request: number, handle: Buffer): void;
    data(request: number, data: Buffer): void;
    name(request: number, names: Partial<FileEntry>[]): void;
    attrs(request: number, attrs: Partial<Attributes>): void;
    status(request: number, code: number, message?: string): void;
    end(): void;
  }

  export interface ServerSession extends EventEmitter {
    on(
      event: "sftp",
      listener: (accept: () => SFTPStream, reject: () => void) => void,
    ): this;
  }

  export interface Connection extends EventEmitter {
    end(): void;
    on(event: "authentication", listener: (context: AuthContext) => void): this;
    on(
      event: "session",
      listener: (accept: () => ServerSession, reject: () => void) => void,
    ): this;
    on(event: "ready" | "close", listener: () => void): this;
    on(event: "error", listener: (error: Error) => void): this;
  }

  class Server extends EventEmitter {
    constructor(
      config: {
        hostKeys: (string | Buffer)[];
        ident?: string;
        banner?: string;
      },
      listener: (connection: Connection) => void,
    );
    listen(port: number, host: string, listener: () => void): this;
    address(): { port: number };
    close(done?: () => void): this;
  }

  const ssh2: {
    Client: typeof Client;
    Server: typeof Server;
    createAgent(socket: string): Agent;
    utils: {
      parseKey(key: string | Buffer): ParsedKey | Error;
      generateKeyPairSync(type: "ed25519"): { private: string; public: string };
      sftp: { STATUS_CODE: Record<string, number> };
    };
  };
  export default ssh2;
}
