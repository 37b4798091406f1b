/**
 * The part of the page about the past: plots, and their figures as a table.
 *
 * @module
 */

import { formatBytes, formatMinute, formatSeconds } from "../text/human.ts";
import { type Period, sum } from "../stat/periods.ts";
import { type Html, html } from "./html.ts";
import type { View } from "./view.ts";
import { drawBars, drawServers } from "./plot.ts";
import { ranges } from "./range.ts";
import { count, table } from "./sections.ts";

/** Files and lag over time, and the server they came from. */
export function plots({ periods, range, replica, query }: View): Html {
  const total = sum(periods);
  const [one, more, done] = replica === undefined
    ? ["run", "runs", "published"]
    : ["pass", "passes", "copied"];
  const links = ranges.map(({ name, label }) => {
    const address = `./?range=${name}${
      query === "" ? "" : `&q=${encodeURIComponent(query)}`
    }#past`;
    return name === range.name
      ? html`<a href="${address}" aria-current="true">${label}</a>`
      : html`<a href="${address}">${label}</a>`;
  });
  return html`
    <section id="past" data-live aria-labelledby="past-title">
      <h2 id="past-title">The last ${range.label}</h2>
      <nav aria-label="Time shown">${links}</nav>
      <p>${count(total.passes, one, more)}, ${total.bad === 0
        ? "all good"
        : `${total.bad} failed`}; ${count(
          total.files,
          "file",
        )} ${done}, ${formatBytes(total.bytes)}${replica === undefined
        ? ""
        : `; longest lag ${formatSeconds(total.lag_seconds)}`}.</p>
      <div class="plots">
      ${drawBars(periods, {
        id: "plot-files",
        title: `Files, ${range.each} a bar`,
        figure: ({ files }) => files,
        format: (value) => count(value, "file"),
        summary: `${count(total.files, "file")} in all`,
      })}
      ${replica === undefined ? "" : drawBars(periods, {
        id: "plot-lag",
        title: `Longest lag, ${range.each} a bar`,
        figure: ({ lag_seconds }) => lag_seconds,
        format: formatSeconds,
        summary: `at most ${formatSeconds(total.lag_seconds)}`,
      })}
      </div>
      ${replica === undefined ? "" : drawServers(
        periods,
        replica.situation.servers.map(({ name }) => name),
      )}
      <details class="figures" data-key="figures"><summary>These figures as a table</summary>
      ${table(
        `Results of ${more}`,
        [
          ["From"],
          ...replica === undefined ? [] : [["Server"] as const],
          [more.replace(/^./, (letter) => letter.toUpperCase()), "number"],
          ["Files", "number"],
          ["Bytes", "number"],
          ["Failures", "number"],
          ...replica === undefined ? [] : [["Longest lag", "number"] as const],
        ],
        periods.filter(({ passes }) => passes > 0).toReversed()
          .map((period) => row(period, replica !== undefined)),
      )}
      </details>
    </section>
  `;
}

function row(period: Period, ofReplica: boolean): Html {
  const cells = [
    ...ofReplica ? [period.servers.join(" ") || "none"] : [],
    period.passes,
    period.files,
    formatBytes(period.bytes),
    period.failures,
    ...ofReplica ? [formatSeconds(period.lag_seconds)] : [],
  ];
  return html`
    <tr>
      <th scope="row">${formatMinute(period.start)}</th>
      ${cells.map((cell) => html`<td>${cell}`)}
  `;
}
