/**
 * Two streams of bytes between two workers, one each way, over a `MessagePort`.
 * The bytes change hands without a copy, and neither side gets more than it can
 * take: it says how much it has taken.
 *
 * A transferred `ReadableStream` does the same, and costs half as much again.
 *
 * @module
 */

/** Bytes that may be on their way each way. */
const windowBytes = 2 * 2 ** 20;

/** The other side hears after so many that there is room again. */
const tellBytes = windowBytes / 4;

/** The part of a `MessagePort` that is needed. */
type Port = Pick<MessagePort, "postMessage" | "onmessage" | "close">;

/** Who hears what comes. */
export interface Listener<Message> {
  /** Takes bytes; the promise settles once there is room for more. */
  bytes(bytes: Uint8Array<ArrayBuffer>): void | Promise<void>;
  /** Hears what the other side has to say besides. */
  message(message: Message): void;
}

/** One end: it sends bytes and messages of one kind, and takes messages of another. */
export class Flow<Sent extends object, Taken extends object> {
  readonly #port: Port;
  #room = windowBytes;
  /** Taken, and not told yet. */
  #taken = 0;
  #waiting: Uint8Array<ArrayBuffer>[] = [];
  #onRoom = Promise.withResolvers<void>();

  constructor(port: Port, listener: Listener<Taken>) {
    this.#port = port;
    port.onmessage = ({ data }) => {
      if (typeof data === "number") this.#makeRoom(data);
      else if (data instanceof Uint8Array) {
        this.#take(data as Uint8Array<ArrayBuffer>, listener);
      } else listener.message(data);
    };
  }

  /** Sends bytes, whose memory must be theirs alone: it is gone afterwards. They wait here while there is no room. */
  send(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#room <= 0 || this.#waiting.length > 0) this.#waiting.push(bytes);
    else this.#post(bytes);
  }

  /** Settles at once while there is room, or else when there is. */
  async whenRoom(): Promise<void> {
    while (this.#room <= 0) await this.#onRoom.promise;
  }

  /** Says something; it may arrive before bytes that wait. */
  say(message: Sent): void {
    this.#port.postMessage(message);
  }

  /** Nothing more comes or goes. */
  close(): void {
    this.#port.onmessage = null;
    this.#port.close();
  }

  #post(bytes: Uint8Array<ArrayBuffer>): void {
    this.#room -= bytes.length;
    this.#port.postMessage(bytes, [bytes.buffer]);
  }

  async #take(
    bytes: Uint8Array<ArrayBuffer>,
    listener: Listener<Taken>,
  ): Promise<void> {
    const { length } = bytes;
    const taking = listener.bytes(bytes);
    if (taking !== undefined) await taking;
    this.#taken += length;
    if (this.#taken < tellBytes) return;
    this.#port.postMessage(this.#taken);
    this.#taken = 0;
  }

  #makeRoom(bytes: number): void {
    this.#room += bytes;
    while (this.#room > 0 && this.#waiting.length > 0) {
      this.#post(this.#waiting.shift()!);
    }
    if (this.#room <= 0) return;
    this.#onRoom.resolve();
    this.#onRoom = Promise.withResolvers();
  }
}
