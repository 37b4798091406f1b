/**
 * What transport is started with, asked, and answers; and what it tells
 * unasked.
 *
 * @module
 */

export interface TransportSettings {
  /** The command line of the ssh client of each server, by the name of the server. */
  readonly commands: Readonly<Record<string, readonly string[]>>;
  /** All of the environment that a client gets. */
  readonly environment: Readonly<Record<string, string>>;
}

export type TransportOperations = {
  /** Starts the ssh client of a server. Its bytes come and go through the port, as a `Flow`. */
  open: { request: { readonly server: string }; reply: MessagePort };
};

/** What the one who opened it says to a client. */
export interface ToClient {
  readonly end: true;
}

/** What is heard of a client, besides its bytes. */
export type FromClient =
  /** What it prints; after a while only the last of it, when it ends. */
  | { readonly printed: Uint8Array }
  /** It has ended, and all its bytes have been sent. */
  | { readonly ended: ClientEnd };

/** How a client has ended. */
export interface ClientEnd {
  /** Its exit status; `null` if a signal ended it. */
  readonly status: number | null;
  readonly signal: string | null;
  /** The end of what it printed, if that was not told already. */
  readonly last: Uint8Array;
}

/** Tells the supervisor of a process group: only it may signal those that a client leaves behind. */
export type GroupEvent =
  | { readonly groupBegan: number }
  | { readonly groupEnds: number };
