/**
 * What a connection is asked, and answers.
 *
 * @module
 */

import type { LimitsConfig, ServerConfig } from "../config/config.ts";
import type { FileStat } from "../ssh/file-stat.ts";

/** What copy-list asks one of its connections, each in a worker of its own. */
export type ConnectionOperations = {
  /** Asked before anything else; ends the session that there was. */
  connect: {
    request: { readonly server: ServerConfig; readonly limits: LimitsConfig };
    reply: { readonly maxRead: number; readonly maxHandles: number };
  };
  /** Answers at once. */
  ping: { request: null; reply: null };
  /** Reads the first `length` bytes of a file. */
  fetch: {
    request: { readonly path: string; readonly length: number };
    reply: Uint8Array;
  };
  /** Follows a symbolic link. */
  stat: { request: { readonly path: string }; reply: FileStat };
  /** Opens a file; the reply stands for it. */
  open: { request: { readonly path: string }; reply: number };
  read: {
    request: {
      readonly file: number;
      readonly position: number;
      readonly length: number;
    };
    reply: Uint8Array;
  };
  close: { request: { readonly file: number }; reply: null };
  /** Ends the session, and tells what went over the wire. */
  end: {
    request: null;
    reply: { readonly received: number; readonly sent: number };
  };
};
