/**
 * Typed questions and answers over structured-clone `postMessage`, between two
 * workers joined by a `MessageChannel` or between a worker and its supervisor.
 *
 * @module
 */

import {
  type Failure,
  ModuleError,
  RemoteFailure,
  toFailure,
} from "../errors.ts";

/** What a module can be asked: for each kind of request its body and its reply. */
export type Operations = Record<string, { request: unknown; reply: unknown }>;

/** The discriminated union of the requests of `Ops`, as they travel. */
export type Request<Ops extends Operations> = {
  [Kind in keyof Ops & string]: {
    readonly ask: number;
    readonly kind: Kind;
    readonly body: Ops[Kind]["request"];
  };
}[keyof Ops & string];

/** An answer, as it travels. */
export type Reply =
  | { readonly answer: number; readonly reply: unknown }
  | { readonly answer: number; readonly failure: Failure };

/** One function for each kind of request. What it throws reaches the asker as a {@link RemoteFailure}. */
export type Handlers<Ops extends Operations> = {
  [Kind in keyof Ops]: (
    body: Ops[Kind]["request"],
  ) => Promise<Ops[Kind]["reply"]> | Ops[Kind]["reply"];
};

/** The part of `Worker`, `MessagePort` and a worker's own `self` that a channel needs. */
export interface Endpoint {
  postMessage(message: unknown, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent) => void) | null;
}

/** Runs the handler that `request` asks for and packs what comes of it. */
export async function reply<Ops extends Operations>(
  handlers: Handlers<Ops>,
  request: Request<Ops>,
): Promise<Reply> {
  try {
    const reply = await handlers[request.kind](request.body);
    return { answer: request.ask, reply };
  } catch (error) {
    return { answer: request.ask, failure: toFailure(error) };
  }
}

interface Waiting {
  resolve(reply: unknown): void;
  reject(error: Error): void;
}

/** The asking end. */
export class Channel<Ops extends Operations> {
  readonly #endpoint: Endpoint;
  readonly #waiting = new Map<number, Waiting>();
  #asked = 0;
  #broken: Error | undefined;

  /** Takes over `endpoint`; messages that are no answers go to `onEvent`. */
  constructor(endpoint: Endpoint, onEvent?: (event: unknown) => void) {
    this.#endpoint = endpoint;
    endpoint.onmessage = ({ data }) => {
      if (isReply(data)) this.#settle(data);
      else onEvent?.(data);
    };
  }

  /**
   * Asks and waits for the answer.
   *
   * @param transfer What of the request changes hands, and is not copied.
   * @throws {RemoteFailure} If the other side failed.
   * @throws {ModuleError} If the channel broke before it answered.
   */
  ask<Kind extends keyof Ops & string>(
    kind: Kind,
    body: Ops[Kind]["request"],
    transfer: Transferable[] = [],
  ): Promise<Ops[Kind]["reply"]> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    const ask = ++this.#asked;
    return new Promise((resolve, reject) => {
      this.#waiting.set(ask, { resolve, reject });
      this.#endpoint.postMessage({ ask, kind, body }, transfer);
    });
  }

  /** Rejects all that is asked and will be asked: the other side is gone. Idempotent. */
  break(reason: string): void {
    this.#broken ??= new ModuleError(reason);
    for (const { reject } of this.#waiting.values()) reject(this.#broken);
    this.#waiting.clear();
  }

  #settle(message: Reply): void {
    const waiting = this.#waiting.get(message.answer);
    if (waiting === undefined) return;
    this.#waiting.delete(message.answer);
    if ("failure" in message) {
      waiting.reject(new RemoteFailure(message.failure));
    } else waiting.resolve(message.reply);
  }
}

function isReply(data: unknown): data is Reply {
  return typeof data === "object" && data !== null && "answer" in data;
}
