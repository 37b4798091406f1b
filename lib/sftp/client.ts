/**
 * A client of SFTP version 3, draft-ietf-secsh-filexfer-02, whatever carries
 * its bytes.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { answerNames, type Limits, status, statusCode } from "./answers.ts";
import { FieldReader, packet, textOf } from "./fields.ts";
import { Packets } from "./packets.ts";
import { ProtocolError } from "./protocol-error.ts";
import { limits, limitsExtension, type Request } from "./requests.ts";

/** What relais speaks. */
const version = 3;

/** The two packets without a number. */
const packetType = { init: 1, version: 2 } as const;

/** Where a client sends to, and who hears how it ends. */
export interface Line {
  /** Takes the requests of one turn of the event loop. */
  send(requests: Uint8Array): void;
  /** Hears once that the server does not speak SFTP as it should. Nothing that comes after is looked at. */
  broken(error: ProtocolError): void;
}

/** Takes what the server tells of its limits, if it does. */
type Begun = (limits?: Limits) => void;

/** A request that waits for its answer. */
interface Waiting {
  readonly request: Request<unknown>;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (status: number) => void;
}

/**
 * One session. Requests are numbered, and answered in any order; each answer is
 * compared with its request. Nobody waits here for longer than he likes: time
 * limits are up to the caller.
 */
export class SftpClient {
  readonly #line: Line;
  readonly #packets = new Packets((packet) =>
    this.#take(new FieldReader(packet))
  );
  readonly #waiting = new Map<number, Waiting>();
  #begun: Begun = () => {};
  #requests: Buffer[] = [];
  #last = 0;
  #isStarted = false;
  #isBroken = false;

  constructor(line: Line) {
    this.#line = line;
  }

  /** Begins; to be called once. Nothing is to be asked before `begun` is called. */
  start(begun: Begun): void {
    this.#begun = begun;
    this.#send(packet(packetType.init, [version]));
  }

  /** Makes a request. One of the two is called, once, when it is answered; `reject` with SSH_FX_*, which says why not. */
  ask<Result>(
    request: Request<Result>,
    resolve: (result: Result) => void,
    reject: (status: number) => void,
  ): void {
    this.#last = (this.#last + 1) % 2 ** 32;
    this.#waiting.set(
      this.#last,
      { request, resolve, reject } as Waiting,
    );
    this.#send(packet(request.type, [this.#last, ...request.fields]));
  }

  /** Gives memory for the answers to what is asked. */
  give(memory: ArrayBuffer): void {
    this.#packets.give(memory);
  }

  /** Takes what the server has sent, cut anywhere. Never throws. */
  receive(bytes: Uint8Array): void {
    if (this.#isBroken) return;
    try {
      this.#packets.receive(bytes);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#isBroken = true;
      this.#line.broken(error);
    }
  }

  #take(fields: FieldReader): void {
    const type = fields.byte();
    if (!this.#isStarted) return this.#begin(type, fields);
    const name = answerNames.get(type);
    if (name === undefined) {
      throw new ProtocolError(`it sends a packet of type ${type}`);
    }
    const id = fields.uint32();
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) {
      throw new ProtocolError(`it sends ${name} for what nobody asked`);
    }
    this.#waiting.delete(id);
    if (!settle(waiting, type, fields)) {
      throw new ProtocolError(
        `it answers ${waiting.request.name} with ${name}`,
      );
    }
    if (this.#waiting.size === 0) this.#packets.forget();
  }

  #begin(type: number, fields: FieldReader): void {
    if (type !== packetType.version) {
      throw new ProtocolError(`it begins with a packet of type ${type}`);
    }
    const spoken = fields.uint32();
    if (spoken !== version) {
      throw new ProtocolError(`it speaks version ${spoken} of SFTP`);
    }
    let tellsLimits = false;
    while (!fields.ended) {
      const name = textOf(fields.string());
      const revision = textOf(fields.string());
      if (name === limitsExtension && revision === "1") tellsLimits = true;
    }
    this.#isStarted = true;
    if (tellsLimits) this.ask(limits(), this.#begun, () => this.#begun());
    else this.#begun();
  }

  /** SFTP is a stream: what is asked in one turn of the event loop fits into a few packets of SSH. */
  #send(request: Buffer): void {
    if (this.#requests.length === 0) setImmediate(() => this.#flush());
    this.#requests.push(request);
  }

  #flush(): void {
    const requests = this.#requests;
    this.#requests = [];
    if (!this.#isBroken) this.#line.send(Buffer.concat(requests));
  }
}

/** Hands an answer on. Returns false if it belongs to another request. */
function settle(
  { request: { answer, atEnd }, resolve, reject }: Waiting,
  type: number,
  fields: FieldReader,
): boolean {
  if (type !== status.type) {
    if (type === answer.type) resolve(answer.read(fields));
    return type === answer.type;
  }
  const code = status.read(fields);
  if (code === statusCode.endOfFile && atEnd !== undefined) resolve(atEnd());
  else if (code !== statusCode.ok) reject(code);
  else if (answer.type === type) resolve(code);
  else return false;
  return true;
}
