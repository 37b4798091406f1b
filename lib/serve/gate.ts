/**
 * Access control: only reading requests, only under a name that is ours, and with the token
 * if there is one.
 *
 * @module
 */

import { createHash, timingSafeEqual } from "node:crypto";
import { plain } from "./headers.ts";

/** Conditions for a request. */
export interface GateSettings {
  /** A name the page may be asked for by, besides addresses and localhost. */
  readonly host: string | undefined;
  /** SHA-256 of the token; `null`: none is needed. */
  readonly token: Uint8Array | null;
}

/** Returns why a request is turned away; `undefined` if it may pass. */
export function turnAway(
  request: Request,
  { host, token }: GateSettings,
): Response | undefined {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return plain(405, "Only GET and HEAD are allowed: the page is read-only.", {
      allow: "GET, HEAD",
    });
  }
  const asked = request.headers.get("host") ?? "";
  if (!isOurs(asked, host)) {
    return plain(
      421,
      "This page is not served under that name. Use an IP address or localhost, or start relais serve with --host NAME.",
    );
  }
  if (token !== null && !isKnown(request, token)) {
    return plain(
      401,
      "Send the token as the password, or as a bearer token.",
      {
        "www-authenticate": 'Basic realm="relais", charset="UTF-8"',
      },
    );
  }
  return undefined;
}

/**
 * Tells whether a Host header is ours. A name that leads here by DNS rebinding is
 * never an address: a browser asks by the name that its page came from.
 */
function isOurs(header: string, host: string | undefined): boolean {
  const [, name] = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::\d+)?$/i.exec(header) ?? [];
  if (name === undefined) return false;
  return name.startsWith("[") || /^\d+(?:\.\d+){3}$/.test(name) ||
    name.toLowerCase() === "localhost" ||
    name.toLowerCase() === host?.toLowerCase();
}

/** Tells whether a request shows the token, as a browser or as Prometheus does. */
function isKnown(request: Request, token: Uint8Array): boolean {
  const [scheme, credentials = ""] =
    request.headers.get("authorization")?.split(" ") ?? [];
  const shown = scheme?.toLowerCase() === "basic"
    ? passwordOf(credentials)
    : scheme?.toLowerCase() === "bearer"
    ? credentials
    : undefined;
  return shown !== undefined && timingSafeEqual(hashToken(shown), token);
}

/** The part after the colon of what RFC 7617 packs; `undefined` if there is none. */
function passwordOf(credentials: string): string | undefined {
  try {
    const text = new TextDecoder().decode(Uint8Array.fromBase64(credentials));
    const colon = text.indexOf(":");
    return colon === -1 ? undefined : text.slice(colon + 1);
  } catch {
    // It is no base64.
    return undefined;
  }
}

/** Returns what is kept of a token; equally long for all, so that they can be compared in constant time. */
export function hashToken(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}
