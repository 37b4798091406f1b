/**
 * The steps that time is cut into, for tables and plots of the past. They begin
 * when a clock on the wall shows a whole hour, a quarter of the day, midnight.
 *
 * @module
 */

/** What a row of `relais stat --since` is about. */
export const steps = ["pass", "hour", "day"] as const;
export type Step = typeof steps[number];

/** Steps that have an even width: so many hours. */
export type Hours = 1 | 6 | 24;

/** Returns the begin of the step that `time` is in; both in seconds since the epoch. */
export function beginOf(hours: Hours, time: number): number {
  const date = new Date(time * 1_000);
  date.setMinutes(0, 0, 0);
  date.setHours(date.getHours() - date.getHours() % hours);
  return date.getTime() / 1_000;
}

/** Returns the begins of all steps from the one that `since` is in to the one that `until` is in. */
export function beginsOf(
  hours: Hours,
  since: number,
  until: number,
): number[] {
  const begins: number[] = [];
  // Half a step further lies in the next one, whatever summer time does.
  const stride = hours * 3_600 * 1.5;
  for (
    let begin = beginOf(hours, since);
    begin <= until;
    begin = beginOf(hours, begin + stride)
  ) begins.push(begin);
  return begins;
}
