/**
 * A binary semaphore in shared memory that outlives whoever holds it.
 *
 * A worker may be terminated, or stop turning, inside its critical section, and
 * nothing tells the others. So every holder writes a ticket that is never given
 * out twice, waits are bounded, and a holder that shows no change for longer
 * than the patience of a waiter is robbed of it. Should it come back, its
 * release is recognised by the ticket and ignored.
 *
 * @module
 */

/** Proof of holding a semaphore: epoch and owner in one word, never 0. */
export type Ticket = number & { readonly ticket: unique symbol };

/** Words of 32 bits that a semaphore occupies. */
export const semaphoreWords = 2;

const word = {
  /** 0, or the ticket of the holder. */
  taken: 0,
  /** How many tickets were made. */
  epoch: 1,
} as const;

/** The low bits of a ticket say who made it, plus one; so there are owners 0 to 14. */
const ownerBits = 4;

/** A critical section takes microseconds; who stays in it for so long will not come out. */
const defaultPatienceMs = 1_000;

/** No single wait is longer: a blocked worker cannot be terminated. */
const sliceMs = 250;

/** Waiters rob whoever holds it after so many times their patience, even if holders change. */
const totalPatience = 8;

/** One user's view of a semaphore. */
export class Semaphore {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #owner: number;

  /** `words` are {@link semaphoreWords} shared ones, zero at first; `owner` is 0 to 14. */
  constructor(words: Int32Array<SharedArrayBuffer>, owner: number) {
    this.#words = words;
    this.#owner = owner;
  }

  /** Takes the semaphore if it is free. Never blocks. */
  tryAcquire(): Ticket | undefined {
    const ticket = this.#makeTicket();
    return this.#exchange(0, ticket) ? ticket : undefined;
  }

  /** Takes the semaphore. May block: not for the main thread, whose signals and sockets would wait too. */
  acquire(patienceMs: number = defaultPatienceMs): Ticket {
    const attempt = new Attempt(this.#makeTicket(), patienceMs);
    for (;;) {
      const holder = this.#attempt(attempt);
      if (holder === 0) return attempt.ticket;
      const slice = Math.min(sliceMs, patienceMs);
      Atomics.wait(this.#words, word.taken, holder, slice);
    }
  }

  /** Gives the semaphore back; returns false, and does nothing, if it was taken away from this holder. */
  release(ticket: Ticket): boolean {
    if (!this.#exchange(ticket, 0)) return false;
    Atomics.notify(this.#words, word.taken, 1);
    return true;
  }

  /** Runs `critical` while holding the semaphore. May block. */
  withLock<Result>(critical: () => Result): Result {
    const ticket = this.acquire();
    try {
      return critical();
    } finally {
      this.release(ticket);
    }
  }

  /** Frees the semaphore if `owner`, who is known to be gone, holds it. Never blocks. */
  resetOwner(owner: number): boolean {
    const holder = Atomics.load(this.#words, word.taken);
    if (holder === 0 || ownerOf(holder) !== owner) return false;
    return this.release(holder as Ticket);
  }

  /** Takes the semaphore, by force when patience is at its end; returns 0 then, and the holder otherwise. */
  #attempt(attempt: Attempt): number {
    const holder = Atomics.compareExchange(
      this.#words,
      word.taken,
      0,
      attempt.ticket,
    );
    if (holder === 0) return 0;
    const robbed = attempt.isOver(holder) &&
      this.#exchange(holder, attempt.ticket);
    return robbed ? 0 : holder;
  }

  #exchange(from: number, to: number): boolean {
    return Atomics.compareExchange(this.#words, word.taken, from, to) === from;
  }

  #makeTicket(): Ticket {
    const epoch = Atomics.add(this.#words, word.epoch, 1);
    return (epoch << ownerBits | (this.#owner + 1)) as Ticket;
  }
}

/** One wait for a semaphore. */
class Attempt {
  readonly ticket: Ticket;
  readonly #patienceMs: number;
  readonly #began = performance.now();
  #holder = 0;
  #since = this.#began;

  constructor(ticket: Ticket, patienceMs: number) {
    this.ticket = ticket;
    this.#patienceMs = patienceMs;
  }

  /** Tells whether `holder` has had its time. */
  isOver(holder: number): boolean {
    const now = performance.now();
    if (holder !== this.#holder) {
      this.#holder = holder;
      this.#since = now;
    }
    return now - this.#since >= this.#patienceMs ||
      now - this.#began >= this.#patienceMs * totalPatience;
  }
}

function ownerOf(ticket: number): number {
  return (ticket & (1 << ownerBits) - 1) - 1;
}
