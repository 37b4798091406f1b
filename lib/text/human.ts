/**
 * Figures as a person reads them.
 *
 * @module
 */

import { format } from "@std/fmt/bytes";

/** `1.23 kB`. */
export function formatBytes(bytes: number): string {
  return format(bytes);
}

/** `1 file`, `2000 files`. */
export function formatCount(
  count: number,
  one: string,
  more: string = `${one}s`,
): string {
  return `${count} ${count === 1 ? one : more}`;
}

/** `0.35 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${Number(seconds.toFixed(2))} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** `12 s`: from one moment to another, in seconds since the epoch; never negative, because clocks are set. */
export function formatAge(now: number, then: number): string {
  return formatSeconds(Math.max(0, Math.round(now - then)));
}

/** `2026-11-23T10:04:05Z`, as the log has it; from milliseconds since the epoch. */
export function formatDate(milliseconds: number): string {
  const { length } = "2026-11-23T10:04:05";
  // Whatever a server says, it is no reason to fail.
  const date = new Date(
    Math.min(Math.max(milliseconds, -latest), latest),
  ).toISOString();
  return `${date.replace(/\.\d+Z$/, "").slice(-length)}Z`;
}

/** The last day that JavaScript knows, in milliseconds. */
const latest = 8.64e15;

/** `2026-11-23T10:04Z`; from seconds since the epoch. */
export function formatMinute(seconds: number): string {
  return formatDate(seconds * 1_000).replace(/:\d\dZ$/, "Z");
}

/** `10:04:05Z`; from milliseconds since the epoch. */
export function formatTime(milliseconds: number): string {
  return formatDate(milliseconds).replace(/^.*T/, "");
}
