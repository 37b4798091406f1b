/**
 * The plots of the page, as SVG that any width can be given to: their labels
 * stand beside them.
 *
 * @module
 */

import type { Period } from "../stat/periods.ts";
import { formatMinute } from "../text/human.ts";
import { type Content, type Html, html } from "./html.ts";

/** One figure of each period. */
export interface Plot {
  readonly id: string;
  readonly title: string;
  readonly figure: (period: Period) => number;
  /** A figure with its unit. */
  readonly format: (value: number) => string;
  /** Text for a screen reader. */
  readonly summary: string;
}

/** Height of the plots in their own units. */
const height = 100;

/** The thinnest bar that can be seen. */
const leastHeight = 1.5;

/** Draws bars, one for each period that has a figure. */
export function drawBars(
  periods: readonly Period[],
  { id, title, figure, format, summary }: Plot,
): Html {
  const most = Math.max(...periods.map(figure));
  const bars = periods.map((period, index) => {
    const value = figure(period);
    if (value <= 0) return "";
    const tall = Math.max(leastHeight, value / most * height);
    return bar(index, tall, `${formatMinute(period.start)}: ${format(value)}`);
  });
  return html`
    <figure class="plot" id="${id}">
      <figcaption>${title}</figcaption>
      <p class="most" aria-hidden="true">${most > 0
        ? format(most)
        : format(0)}</p>
      <svg viewBox="0 0 ${periods
        .length} ${height}" preserveAspectRatio="none" role="img" aria-label="${`${title}: ${summary}`}">${bars}</svg>
      ${axis(periods)}
    </figure>
  `;
}

/** Draws which server files came from: neighbours of the same one are one stripe. */
export function drawServers(
  periods: readonly Period[],
  order: readonly string[],
): Html {
  const stripes: { from: number; to: number; told: string }[] = [];
  for (const [index, period] of periods.entries()) {
    const told = toldOf(period);
    const last = stripes.at(-1);
    if (last?.told === told) last.to = index + 1;
    else stripes.push({ from: index, to: index + 1, told });
  }
  const rects = stripes.filter(({ told }) => told !== noPass).map((
    { from, to, told },
  ) =>
    html`
      <rect class="${classOf(told, order)}" x="${from}" width="${to - from}"
        height="${height}">
        <title>${formatMinute(periods[from]!.start)}: ${told}</title>
      </rect>
    `
  );
  const legend = [...new Set(stripes.map(({ told }) => told))].map((told) =>
    html`<li><i class="${classOf(told, order)}"></i>${told}</li>`
  );
  return html`
    <figure class="plot stripes" id="plot-servers">
      <figcaption>Server that files came from</figcaption>
      <svg viewBox="0 0 ${periods.length} ${height}" preserveAspectRatio="none"
        role="img"
        aria-label="The table of these figures says which one, for each time">${rects}</svg>
      <ul class="legend">${legend}</ul>
    </figure>
  `;
}

const noPass = "no pass";
const noServer = "no server";

function toldOf({ passes, servers }: Period): string {
  if (passes === 0) return noPass;
  return servers.length === 0 ? noServer : servers.join(" and ");
}

function classOf(told: string, order: readonly string[]): string {
  if (told === noPass) return "of-nobody";
  if (told === noServer) return "of-none";
  const index = order.indexOf(told);
  // More servers in one period, or one that is no longer configured.
  return index === -1 ? "of-several" : `of-${Math.min(index, 2)}`;
}

function bar(index: number, tall: number, told: string): Html {
  const top = Number((height - tall).toFixed(1));
  return html`
    <rect x="${index}" y="${top}" width=".8" height="${Number(
      tall.toFixed(1),
    )}">
      <title>${told}</title>
    </rect>
  `;
}

/** The first, the middle and the last moment. */
function axis(periods: readonly Period[]): Content {
  const moments = [
    periods[0],
    periods[Math.floor(periods.length / 2)],
    periods.at(-1),
  ];
  return html`<p class="axis" aria-hidden="true">${
    moments.map((period) => html`<span>${formatMinute(period!.start)}</span>`)
  }</p>`;
}
