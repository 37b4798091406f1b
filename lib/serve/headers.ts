/**
 * Headers of every answer: that nothing is kept, nothing is loaded from
 * elsewhere, and nobody puts the page into another one.
 *
 * @module
 */

import { createHash } from "node:crypto";

const common: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/** Runs nothing and loads nothing. */
const strictest = "default-src 'none'; frame-ancestors 'none'";

/** An answer of plain text. */
export function plain(
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return answer(`${text}\n`, "text/plain; charset=utf-8", { status, headers });
}

/** An answer of any kind. */
export function answer(
  body: BodyInit | null,
  type: string,
  { status = 200, policy = strictest, headers = {} }: {
    readonly status?: number;
    readonly policy?: string;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): Response {
  return new Response(body, {
    status,
    headers: {
      ...common,
      "content-type": type,
      "content-security-policy": policy,
      ...headers,
    },
  });
}

/** The policy of a page that has this style and this script inline, and no others. */
export function pagePolicy(style: string, script: string): string {
  return [
    "default-src 'none'",
    `style-src '${hash(style)}'`,
    `script-src '${hash(script)}'`,
    "connect-src 'self'",
    "form-action 'self'",
    // The icon of the tab; without one a browser asks for /favicon.ico.
    "img-src data:",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

function hash(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
