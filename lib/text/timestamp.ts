/**
 * Dates as the list writes them: seconds since 1970-01-01 UTC as decimal text
 * with up to nine decimals. Kept as text, because neither a JavaScript number
 * nor SFTP version 3 can hold nanoseconds.
 *
 * @module
 */

/** Decimal seconds since the epoch in canonical form: no trailing zeros, no `-0`, no leading zeros. */
export type Timestamp = string & { readonly timestamp: unique symbol };

const form = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?$/;

/** Parses decimal seconds into canonical form, or returns `undefined` if `text` is not a date. */
export function parseTimestamp(text: string): Timestamp | undefined {
  const match = form.exec(text);
  if (match === null) return undefined;
  const [, sign, whole, fraction = ""] = match as unknown as [
    string,
    string,
    string,
    string?,
  ];
  const seconds = whole.replace(/^0+(?=\d)/, "");
  const decimals = fraction.replace(/0+$/, "");
  const value = decimals === "" ? seconds : `${seconds}.${decimals}`;
  return (value === "0" ? value : sign + value) as Timestamp;
}

/** Makes a timestamp from whole seconds, as SFTP gives them. */
export function timestampFromSeconds(seconds: number): Timestamp {
  return String(Math.trunc(seconds)) as Timestamp;
}

/** Makes a timestamp from nanoseconds since the epoch, as `stat(2)` gives them. */
export function timestampFromNanoseconds(nanoseconds: bigint): Timestamp {
  const absolute = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  const sign = nanoseconds < 0n ? "-" : "";
  const fraction = String(absolute % 1_000_000_000n).padStart(9, "0");
  return parseTimestamp(`${sign}${absolute / 1_000_000_000n}.${fraction}`)!;
}

/** Makes a timestamp from milliseconds since the epoch, as `Date.now()` gives them. */
export function timestampFromMilliseconds(milliseconds: number): Timestamp {
  // Without BigInt: this is asked for each source in each run.
  const whole = Math.round(milliseconds);
  const absolute = Math.abs(whole);
  const seconds = Math.floor(absolute / 1_000);
  const decimals = String(absolute % 1_000).padStart(3, "0").replace(/0+$/, "");
  const value = decimals === "" ? `${seconds}` : `${seconds}.${decimals}`;
  return (whole < 0 ? `-${value}` : value) as Timestamp;
}

/** Returns the nanoseconds since the epoch. */
function toNanoseconds(timestamp: Timestamp): bigint {
  const [whole, fraction = ""] = timestamp.replace("-", "").split(".") as [
    string,
    string?,
  ];
  const absolute = BigInt(whole + fraction.padEnd(9, "0"));
  return timestamp.startsWith("-") ? -absolute : absolute;
}

/** Returns the milliseconds since the epoch, rounded down: the finest date Deno can give a file. */
export function toMilliseconds(timestamp: Timestamp): number {
  const nanoseconds = toNanoseconds(timestamp);
  const remainder = ((nanoseconds % 1_000_000n) + 1_000_000n) % 1_000_000n;
  return Number((nanoseconds - remainder) / 1_000_000n);
}

/** Returns the milliseconds since the epoch; `NaN` for a finer date. */
export function toWholeMilliseconds(timestamp: Timestamp): number {
  const point = timestamp.indexOf(".");
  const decimals = point === -1 ? 0 : timestamp.length - point - 1;
  return decimals > 3 ? NaN : Math.round(Number(timestamp) * 1_000);
}

/** Orders two timestamps: negative if `a` is the earlier one. */
export function compareTimestamps(a: Timestamp, b: Timestamp): number {
  if (a === b) return 0;
  return toNanoseconds(a) < toNanoseconds(b) ? -1 : 1;
}

/** Returns the day in UTC, as in `2026-11-23`, of milliseconds since the epoch. */
export function dayOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, "2026-11-23".length);
}
