/**
 * The tables of the configuration file.
 *
 * @module
 */

import * as v from "valibot";
import { expected, type Kind } from "./value.ts";

/** A table. Keys that it does not have are looked for elsewhere: valibot would tell the first one only. */
export function table<const Entries extends v.ObjectEntries>(
  header: string,
  entries: Entries,
): Kind<Given<Entries>, Made<Entries>> {
  return v.pipe(
    v.custom<Given<Entries>>(isTable, expected(`a ${header} table`)),
    v.object(entries, `missing; ${header} needs it`),
  );
}

type Given<Entries extends v.ObjectEntries> = v.InferInput<
  v.ObjectSchema<Entries, undefined>
>;
type Made<Entries extends v.ObjectEntries> = v.InferOutput<
  v.ObjectSchema<Entries, undefined>
>;

/** Whether a value of the file is a table. To valibot, lists and dates would be objects as well. */
export function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null &&
    Object.getPrototypeOf(value) === Object.prototype;
}
