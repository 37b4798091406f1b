/**
 * Durations, sizes, rates and shares as an administrator writes them.
 *
 * @module
 */

/** From the longest unit to the shortest, each at most once: `1h30m`, never `30m1h`. */
const durationForm =
  /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;

/** Milliseconds in each unit of {@link durationForm}. */
const durationUnits = [86_400_000, 3_600_000, 60_000, 1_000, 1];

/** Bytes in each unit: powers of 1000, and of 1024 for those with an `i`. */
const sizeUnits: Readonly<Record<string, number>> = {
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
};

/** Parses `5s`, `1m30s`, `500ms`, `2h`, `1d` or `0` into milliseconds; `undefined` if it is none. */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  const counts = durationForm.exec(text)?.slice(1);
  if (counts === undefined || text === "") return undefined;
  return safe(counts.reduce(
    (sum, count, index) => sum + Number(count ?? 0) * durationUnits[index]!,
    0,
  ));
}

/** Parses `10MB`, `1.5 GB`, `64KiB` or `0` into bytes; `undefined` if it is none. */
export function parseSize(text: string): number | undefined {
  const [, count, unit] = /^(\d+(?:\.\d+)?) ?([A-Za-z]*)$/.exec(text) ?? [];
  if (unit === undefined || !Object.hasOwn(sizeUnits, unit)) return undefined;
  return safe(Math.round(Number(count) * sizeUnits[unit]!));
}

/** Parses `20MB/s`, `20MB` or `0` into bytes a second; `undefined` if it is none. */
export function parseRate(text: string): number | undefined {
  return parseSize(text.replace(/\/s$/, ""));
}

/** How many files may go at a time: a share of those here, or a number. */
export type MaxDelete = { readonly share: number } | { readonly files: number };

/** Returns how many of `files` files `limit` allows to go. */
export function allowance(limit: MaxDelete, files: number): number {
  return "files" in limit ? limit.files : Math.floor(files * limit.share);
}

/** Parses a share, `10%`, or a number of files, 100; `undefined` if it is neither. */
export function parseMaxDelete(given: string | number): MaxDelete | undefined {
  if (typeof given === "number") {
    return Number.isSafeInteger(given) && given >= 0
      ? { files: given }
      : undefined;
  }
  const [, percent] = /^(\d+(?:\.\d+)?) ?%$/.exec(given) ?? [];
  if (percent === undefined || Number(percent) > 100) return undefined;
  return { share: Number(percent) / 100 };
}

/** Parses a share, `50%`, into a number from 0 to 1; `undefined` if it is none. */
export function parseShare(text: string): number | undefined {
  const parsed = parseMaxDelete(text);
  return parsed !== undefined && "share" in parsed ? parsed.share : undefined;
}

function safe(value: number): number | undefined {
  return Number.isSafeInteger(value) ? value : undefined;
}
