/**
 * When a timer elapses, as systemd.time(7) writes it.
 *
 * @module
 */

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/**
 * Returns the calendar event that comes every `ms` milliseconds, at round times
 * of the day; `undefined` if a day is no multiple of it, or it is longer.
 */
export function calendarEvery(ms: number): string | undefined {
  if (ms === day) return "daily";
  if (ms % hour === 0 && day % ms === 0) return `0/${ms / hour}:00`;
  if (ms % minute === 0 && hour % ms === 0) return `*:0/${ms / minute}`;
  if (ms % second === 0 && minute % ms === 0) return `*:*:0/${ms / second}`;
  return undefined;
}

/** Writes a span of time, in the unit that is enough for it. */
export function timeSpan(ms: number): string {
  if (ms % second !== 0) return `${ms}ms`;
  if (ms % minute !== 0) return `${ms / second}s`;
  return `${ms / minute}min`;
}
