/**
 * What all modules have in common: their names, what each one is started with,
 * and how they are joined. Types only, plain data.
 *
 * @module
 */

import type { Level } from "../config/config.ts";

/** The modules, by the names they have everywhere: worker, log, figures, file. */
export const moduleNames = [
  "connection",
  "transport",
  "test-server",
  "synchro-list",
  "copy-list",
  "stat",
  "log",
  "publish",
] as const;

export type ModuleName = typeof moduleNames[number];

/** What every module is started with; asked once, before anything else, as `start`. */
export interface Start<Settings> {
  readonly settings: Settings;
  /** The stats block. */
  readonly stats: SharedArrayBuffer;
  /** Messages below this level are not even posted. */
  readonly level: Level;
}

/** Joins a module to another one, or again to one that was replaced. */
export interface Wire {
  readonly wire: ModuleName;
  /** The part that the module has on `port`: to ask the other one, or to answer it. */
  readonly role: "ask" | "answer";
  readonly port: MessagePort;
}

/** Tells a module which pass its log lines belong to from now on. */
export interface NewPass {
  readonly pass: string;
}
