/**
 * Durations, sizes and shares as an administrator writes them.
 *
 * @module
 */

import type { MaxDelete } from "./config.ts";

const durationUnits = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
} as const;
const sizeUnits = {
  "": 1,
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
} as const;

/** Parses `5s`, `1m30s`, `500ms`, `2h`, `1d` or `0` into milliseconds; `undefined` if it is none. */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  if (!/^(?:\d+(?:ms|s|m|h|d))+$/.test(text)) return undefined;
  const parts = text.matchAll(/(\d+)(ms|s|m|h|d)/g);
  return parts.reduce(
    (sum, [, number, unit]) =>
      sum + Number(number) * durationUnits[unit as keyof typeof durationUnits],
    0,
  );
}

/** Parses `10MB`, `64KiB` or `0` into bytes; `undefined` if it is none. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(text);
  const factor = sizeUnits[match?.[2] as keyof typeof sizeUnits];
  if (match === null || factor === undefined) return undefined;
  const bytes = Math.round(Number(match[1]) * factor);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Parses `20MB/s` or `0` into bytes a second; `undefined` if it is none. */
export function parseRate(text: string): number | undefined {
  return parseSize(text.replace(/\/s$/, ""));
}

/** Parses `10%`, or a number of files; `undefined` if it is none. */
export function parseMaxDelete(value: string | number): MaxDelete | undefined {
  if (typeof value === "number") {
    return Number.isSafeInteger(value) && value >= 0
      ? { files: value }
      : undefined;
  }
  const match = /^(\d+(?:\.\d+)?)%$/.exec(value);
  const share = Number(match?.[1]) / 100;
  return match !== null && share <= 1 ? { share } : undefined;
}
