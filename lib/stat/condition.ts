/**
 * States that last, and when to speak of one: when it begins, when it is over,
 * and once a day in between.
 *
 * @module
 */

/** A state that lasts. Times are in milliseconds since the epoch. */
export interface Lasting {
  readonly began: number;
  /** When it was seen last. */
  readonly seen: number;
  /** When it was spoken of last. */
  readonly told: number;
}

/** What there is to say of a state. */
export type Word = "begins" | "lasts" | "is over";

/** What is known of a state from now on, and what there is to say. */
export interface Step {
  readonly lasting: Lasting | undefined;
  readonly word?: Word;
}

const reminderMs = 24 * 3_600_000;

/** Has a state spoken of again after `ms`: nobody heard it. */
export function speakAgain(
  lasting: Lasting,
  now: number,
  ms: number,
): Lasting {
  return { ...lasting, told: now - reminderMs + ms };
}

/**
 * Goes on from what was known of a state to `now`. A state is over once it has
 * not been seen for `settleMs`: one that comes and goes every minute is one state,
 * and not sixty an hour.
 */
export function follow(
  known: Lasting | undefined,
  isSeen: boolean,
  now: number,
  settleMs: number,
): Step {
  if (known === undefined) {
    const lasting = { began: now, seen: now, told: now };
    return isSeen ? { lasting, word: "begins" } : { lasting: undefined };
  }
  // A clock that went back must not keep silent until it is there again.
  const began = Math.min(known.began, now);
  const seen = Math.min(known.seen, now);
  const told = Math.min(known.told, now);
  if (!isSeen) {
    return now - seen >= settleMs
      ? { lasting: undefined, word: "is over" }
      : { lasting: { began, seen, told } };
  }
  return now - told >= reminderMs
    ? { lasting: { began, seen: now, told: now }, word: "lasts" }
    : { lasting: { began, seen: now, told } };
}
