/**
 * Two streams of bytes between two workers, one each way, over a `MessagePort`.
 * The bytes change hands without a copy, and neither side gets more than it can
 * take: it says how much it has taken, and gives the memory back.
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

/** Memory of fewer bytes is not worth giving back. */
const leastMemory = 32 * 1024;

/** So many pieces of it are enough. */
const mostMemory = windowBytes / leastMemory / 2;

/** Says what was taken, and gives back the memory it was in. */
interface Taken {
  readonly taken: number;
  readonly memory: readonly ArrayBuffer[];
}

/** Who hears what comes. */
export interface Listener<Message> {
  /** Takes bytes, whose memory is gone afterwards; the promise settles once there is room for more. */
  bytes(bytes: Uint8Array<ArrayBuffer>): void | Promise<void>;
  /** Hears what the other side has to say besides. */
  message(message: Message): void;
}

/** One end: it sends bytes and messages of one kind, and takes messages of another. */
export class Flow<Sent extends object, Heard extends object> {
  readonly #port: Port;
  #room = windowBytes;
  /** Taken, and not told yet. */
  #taken = 0;
  #toGiveBack: ArrayBuffer[] = [];
  /** Has come back. */
  #memory: ArrayBuffer[] = [];
  #waiting: Uint8Array<ArrayBuffer>[] = [];
  #onRoom = Promise.withResolvers<void>();

  constructor(port: Port, listener: Listener<Heard>) {
    this.#port = port;
    port.onmessage = ({ data }) => {
      if ("taken" in data) this.#makeRoom(data);
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

  /** Returns memory of bytes that were sent, to send others in; `undefined` if there is none. */
  memory(): ArrayBuffer | undefined {
    return this.#memory.pop();
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
    listener: Listener<Heard>,
  ): Promise<void> {
    const { length } = bytes;
    const taking = listener.bytes(bytes);
    if (taking !== undefined) await taking;
    this.#taken += length;
    if (bytes.buffer.byteLength >= leastMemory) {
      add(this.#toGiveBack, bytes.buffer);
    }
    if (this.#taken < tellBytes) return;
    const memory = this.#toGiveBack;
    const told: Taken = { taken: this.#taken, memory };
    this.#port.postMessage(told, memory);
    this.#taken = 0;
    this.#toGiveBack = [];
  }

  #makeRoom({ taken, memory }: Taken): void {
    this.#room += taken;
    for (const each of memory) add(this.#memory, each);
    while (this.#room > 0 && this.#waiting.length > 0) {
      this.#post(this.#waiting.shift()!);
    }
    if (this.#room <= 0) return;
    this.#onRoom.resolve();
    this.#onRoom = Promise.withResolvers();
  }
}

function add(pieces: ArrayBuffer[], memory: ArrayBuffer): void {
  if (pieces.length < mostMemory) pieces.push(memory);
}
