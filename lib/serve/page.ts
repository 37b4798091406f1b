/**
 * The page: one document with its style and its script in it. Everything there
 * is to know stands in it as it is sent; the script only keeps it up to date.
 *
 * @module
 */

import type { Problem } from "../status/health.ts";
import { problemsOfJob, sayJob } from "../status/job.ts";
import { formatDate } from "../text/human.ts";
import config from "../../deno.json" with { type: "json" };
import { pagePolicy } from "./headers.ts";
import { type Content, Html, html } from "./html.ts";
import script from "./page.js" with { type: "text" };
import style from "./page.css" with { type: "text" };
import { failing, files, heldSets } from "./files.ts";
import { plots } from "./plots.ts";
import { failedFiles, lastRuns, publisherFacts } from "./publisher.ts";
import type { View } from "./view.ts";
import {
  facts,
  lastPasses,
  liveLog,
  modules,
  nodes,
  servers,
} from "./sections.ts";

/** The Content-Security-Policy of the page. */
export const policy = pagePolicy(style, script);

/** The icon of the tab: a relay baton's two ends, as a dot in a ring. */
const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='6.5' fill='none' stroke='%230f766e' stroke-width='2'/%3E%3Ccircle cx='8' cy='8' r='2.5' fill='%230f766e'/%3E%3C/svg%3E";

/** Without a script the page is loaded again so often; seconds. */
const reloadSeconds = 60;

/** Parts of every page of the site. */
export interface Frame {
  /** Name of the job; `null` if there is none. */
  readonly name: string | null;
  readonly problems: readonly Problem[];
  readonly summary: string;
  /** Time of rendering, in seconds since the epoch. */
  readonly now: number;
  readonly body: Content;
}

/** Returns the whole document of one job. */
export function renderPage(view: View): string {
  const { replica, publisher } = view;
  return renderFrame({
    name: view.name,
    problems: problemsOfJob(view),
    summary: sayJob(view),
    now: view.now,
    body: [
      ...replica === undefined ? [] : [
        facts(replica.situation),
        servers(replica.situation),
        nodes(replica.situation),
        failing(replica.situation),
        heldSets(replica.situation),
      ],
      ...publisher === undefined ? [] : [
        publisherFacts(publisher.situation),
        failedFiles(publisher.situation),
      ],
      plots(view),
      ...replica === undefined
        ? []
        : [lastPasses(replica.situation), files(view)],
      ...publisher === undefined ? [] : [lastRuns(publisher.situation)],
      liveLog(view.log, view.follows),
      modules(replica?.snapshot, publisher?.snapshot),
    ],
  });
}

/** Returns a document around its body. */
export function renderFrame(
  { name, problems, summary, now, body }: Frame,
): string {
  const well = problems.length === 0;
  const word = well ? "OK" : "PROBLEM";
  return html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>${name === null ? word : `${word} · ${name}`} · relais</title>
        <link rel="icon" href="${icon}">
        <noscript><meta http-equiv="refresh" content="${reloadSeconds}"></noscript>
        <style>${new Html(style)}</style>
      </head>
      <body>
        <a class="skip" href="#main">Skip to content</a>
        <header>
          <p class="name">${name === null
            ? "relais"
            : html`<a href="/">relais</a> ${name}`}</p>
          <div class="state ${stateOf(
            problems,
          )}" id="state" data-live role="status">
            <strong>${word}</strong>
            <span>${summary}</span>
          </div>
        </header>
        <main id="main">
    ${body}
        </main>
        <footer>
          <p id="made"
            data-live>As of <time datetime="${new Date(now * 1_000)
              .toISOString()}">${formatDate(
                now * 1_000,
              )}</time>, local time (${Intl.DateTimeFormat()
              .resolvedOptions().timeZone}).</p>
          <p>relais ${config
            .version}. This page is read-only. <a href="/metrics">Metrics</a> for Prometheus, <a href="/healthz">health</a> for a monitor.</p>
        </footer>
        <script>${new Html(script)}</script>
      </body>
    </html>
  `.text;
}

function stateOf([gravest]: readonly Problem[]): string {
  return gravest?.gravity ?? "well";
}
