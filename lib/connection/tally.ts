/**
 * Whose the bytes are that go over a session which several use: each byte is
 * counted once, for those whose requests are under way.
 *
 * @module
 */

/** The part of one use in a session. */
export class Share {
  bytes = 0;
  /** Requests that are not answered yet. */
  underWay = 0;
}

/** Divides the bytes of one session among its uses. */
export class Tally {
  /** Tells the bytes that have gone over it in all, both ways. */
  readonly #total: () => number;
  readonly #shares = new Set<Share>();
  #divided = 0;
  /** Whose request was answered last: what comes behind the answer is its own, too. */
  #last: Share | undefined;

  constructor(total: () => number) {
    this.#total = total;
  }

  /** Begins a use. What goes over the wire before the first request of any is the first one's. */
  begin(): Share {
    this.#divide();
    const share = new Share();
    this.#shares.add(share);
    this.#last ??= share;
    return share;
  }

  /** Ends a use; returns its bytes. */
  end(share: Share): number {
    this.#divide();
    this.#shares.delete(share);
    if (this.#last === share) this.#last = undefined;
    return share.bytes;
  }

  asked(share: Share): void {
    this.#divide();
    share.underWay++;
  }

  answered(share: Share): void {
    this.#divide();
    share.underWay--;
    if (this.#shares.has(share)) this.#last = share;
  }

  /** Divides what has come since the last time; what comes while nobody uses the session is nobody's. */
  #divide(): void {
    const total = this.#total();
    let bytes = total - this.#divided;
    this.#divided = total;
    const busy = [...this.#shares].filter(({ underWay }) => underWay > 0);
    if (busy.length === 0 && this.#last !== undefined) {
      this.#last.bytes += bytes;
    }
    let requests = busy.reduce((sum, { underWay }) => sum + underWay, 0);
    for (const share of busy) {
      const part = Math.round(bytes * share.underWay / requests);
      share.bytes += part;
      bytes -= part;
      requests -= share.underWay;
    }
  }
}
