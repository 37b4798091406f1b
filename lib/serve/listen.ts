/**
 * Address at which the page is served, and whether only this machine can reach
 * it.
 *
 * @module
 */

import { UsageError } from "../errors.ts";

/** An address to listen at. */
export interface ListenAddress {
  readonly hostname: string;
  /** 0: any that is free. */
  readonly port: number;
}

/** Default address and port. */
export const defaultListen = "127.0.0.1:7878";

/**
 * Parses `127.0.0.1:7878`, `[::1]:7878` or `localhost:7878`.
 *
 * @throws {UsageError} If it is none of that.
 */
export function parseListen(text: string): ListenAddress {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([\w.-]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw new UsageError(
      `Cannot listen at "${text}": write an address and a port, like ${defaultListen} or [::1]:7878`,
    );
  }
  return { hostname: (match[1] ?? match[2])!, port };
}

/** Tells whether only this machine can reach an address. */
export function isLoopback({ hostname }: ListenAddress): boolean {
  return /^(?:127(?:\.\d{1,3}){3}|::1|localhost)$/.test(hostname);
}

/** An address as it stands in a URL. */
export function formatAddress({ hostname, port }: ListenAddress): string {
  return hostname.includes(":")
    ? `[${hostname}]:${port}`
    : `${hostname}:${port}`;
}
