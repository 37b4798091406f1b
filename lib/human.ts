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

/** `0.35 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${Number(seconds.toFixed(2))} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** `2026-11-23 10:04:05`, in local time; from milliseconds since the epoch. */
export function formatDate(milliseconds: number): string {
  const date = new Date(milliseconds);
  const two = (number: number) => String(number).padStart(2, "0");
  const day = [
    date.getFullYear(),
    two(date.getMonth() + 1),
    two(date.getDate()),
  ];
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two);
  return `${day.join("-")} ${time.join(":")}`;
}

/** `2026-11-23 10:04`, in local time; from seconds since the epoch. */
export function formatMinute(seconds: number): string {
  return formatDate(seconds * 1_000).slice(0, "2026-11-23 10:04".length);
}
