/**
 * What a table of the configuration file is: its keys, and of each the kind of
 * value, the default, an explanation and an example.
 *
 * @module
 */

import * as v from "valibot";
import { expected, type Kind } from "./value.ts";

/** What a machine is for. */
export type Role = "replica" | "publisher";

/** A value as the file spells it. */
export type Value = string | number | boolean | readonly string[];

/** One key of a table. */
export interface Key {
  readonly kind: Kind;
  /** Holds where the file says nothing. A key without it must be there, if it is not optional. */
  readonly default?: Value;
  /** True if it may be missing. Beside a default: that it is missing is told apart. */
  readonly optional?: true;
  /** A value worth showing besides the default. */
  readonly example?: Value;
  /** How the sample shows it, if not as its default, commented out: with its example, in force or as an example. */
  readonly sample?: "set" | "example";
  /** The role it is for; both if not given. */
  readonly role?: Role;
  /** Sentences for the manual; the first one is the comment in the sample, too. */
  readonly help: string;
}

/** The keys of a table, as the file spells them. */
type Keys = Readonly<Record<string, Key>>;

/** One table, or each of several of one name. */
export interface Table<Declared extends Keys = Keys> {
  /** As it stands in the file, with its brackets. */
  readonly header: string;
  /** The role it is for; both if not given. */
  readonly role?: Role;
  /** True if the sample shows it as an example, commented out. @default false */
  readonly isExample?: true;
  /** As for a key. */
  readonly help: string;
  readonly keys: Declared;
}

/** A key as it must be declared: with values of its kind, an example where the default shows nothing, and no more than a key has. */
type Complete<Declared extends Key> =
  & { readonly [Other in Exclude<keyof Declared, keyof Key>]: never }
  & (Declared["kind"] extends Kind<infer Input, unknown>
    ? Declared extends { readonly default: Value }
      ? Declared["default"] extends "" | readonly []
        ? { readonly default: Input; readonly example: Input }
      : { readonly default: Input; readonly example?: Input }
    : { readonly example: Input }
    : never);

/** Declares a table. A key that lacks its explanation, or an example that it needs, does not compile. */
export function table<const Declared extends Keys>(
  declared: Table<
    & Declared
    & { readonly [Name in keyof Declared]: Complete<Declared[Name]> }
  >,
): Table<Declared> {
  return declared;
}

/** What is made of the value of a key; `Absent` stands for one that is optional and not there. */
type Made<Declared extends Key, Absent> =
  | v.InferOutput<Declared["kind"]>
  | (Declared extends { readonly optional: true } ? Absent : never);

/** What is made of a table, by its keys as the file spells them. */
export type Parsed<Declared extends Keys> = {
  readonly [Name in keyof Declared]: Made<Declared[Name], undefined>;
};

/** What the file must have for a table. Other keys than its own are looked for elsewhere: valibot would tell the first one only. */
export function schemaOf<Declared extends Keys>(
  { header, keys }: Table<Declared>,
): v.GenericSchema<unknown, Parsed<Declared>> {
  const entries = Object.fromEntries(
    Object.entries(keys).map(([name, key]) => [name, entryOf(key)]),
  );
  const schema = v.pipe(
    v.custom<Record<string, unknown>>(isTable, expected(`a ${header} table`)),
    v.object(entries, `missing; ${header} needs it`),
  );
  return schema as unknown as v.GenericSchema<unknown, Parsed<Declared>>;
}

function entryOf({ kind, default: standard, optional }: Key): v.GenericSchema {
  if (optional) return v.optional(kind);
  return standard === undefined ? kind : v.optional(kind, standard);
}

/** Whether a value of the file is a table. To valibot, lists and dates would be objects as well. */
export function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null &&
    Object.getPrototypeOf(value) === Object.prototype;
}

/** The name of a key in the rest of relais: `maxAgeMs` of `max_age`, which is a duration. */
type Name<Spelt extends string, Declared extends Key> = Declared["kind"] extends
  { readonly unit: infer Unit extends string } ? `${Camel<Spelt>}${Unit}`
  : Camel<Spelt>;

type Camel<Spelt extends string> = Spelt extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Spelt;

/** A table with its keys named as in the rest of relais; `null` for what is not there. */
export type Named<Declared extends Keys> = {
  readonly [
    Spelt in keyof Declared & string as Name<Spelt, Declared[Spelt]>
  ]: Made<Declared[Spelt], null>;
};

/** Names what was made of a table as the rest of relais does. */
export function named<Declared extends Keys>(
  { keys }: Table<Declared>,
  parsed: Parsed<Declared>,
): Named<Declared> {
  const values = Object.entries(keys).map(([spelt, { kind }]) => {
    const camel = spelt.replaceAll(/_(.)/g, (_, each) => each.toUpperCase());
    return [`${camel}${kind.unit ?? ""}`, parsed[spelt] ?? null];
  });
  return Object.fromEntries(values) as Named<Declared>;
}

/** Returns the first sentence of an explanation. */
export function firstSentence(help: string): string {
  return help.replace(/\. .*$/s, ".");
}
