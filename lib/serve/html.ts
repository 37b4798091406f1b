/**
 * HTML as values: what is put into it is escaped, unless it is HTML itself.
 *
 * @module
 */

import { escapeVisible } from "../text/escape.ts";

/** A piece of HTML. */
export class Html {
  constructor(readonly text: string) {}
}

/** Values that a template can contain; `undefined` and `null` stand for nothing. */
export type Content =
  | Html
  | string
  | number
  | null
  | undefined
  | readonly Content[];

/** Makes a piece of HTML from a template; its indentation and the space around it are left out. */
export function html(
  strings: TemplateStringsArray,
  ...values: readonly Content[]
): Html {
  const raw = trimmed.get(strings) ?? trim(strings);
  trimmed.set(strings, raw);
  return new Html(String.raw({ raw }, ...values.map(textOf)));
}

/** A template is trimmed once. */
const trimmed = new WeakMap<TemplateStringsArray, readonly string[]>();

function trim(strings: TemplateStringsArray): readonly string[] {
  const parts = strings.map((part) => part.replaceAll(/\s*\n\s*/g, "\n"));
  parts[0] = parts[0]!.trimStart();
  parts.push(parts.pop()!.trimEnd());
  return parts;
}

function textOf(content: Content): string {
  if (content === null || content === undefined) return "";
  if (content instanceof Html) return content.text;
  if (typeof content === "object") return content.map(textOf).join("");
  return escapeHtml(String(content));
}

/** Escapes text for elements and quoted attributes. */
function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;").replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

/** Text from outside, as the name of a file: what a reader would not see is made visible. */
export function outside(text: string): Html {
  return html`${escapeVisible(text)}`;
}
