/**
 * The parts of the page that say how a publisher does.
 *
 * @module
 */

import { formatBytes, formatSeconds } from "../text/human.ts";
import type { PublisherSituation } from "../status/publisher.ts";
import { type Html, html, outside } from "./html.ts";
import {
  ago,
  count,
  diskFact,
  errorsRow,
  fact,
  moment,
  result,
  table,
} from "./sections.ts";

/** The figures that are asked for most. */
export function publisherFacts(
  { now, into, list, files, runs: [last], disk }: PublisherSituation,
): Html {
  return html`
    <section id="published" data-live aria-label="Published files">
      <dl class="facts">
        ${fact(
          "Published",
          files === null ? "not known yet" : count(files, "file"),
          into,
        )}
        ${fact(
          "List",
          list === null ? "none" : `renewed ${ago(now, list.renewed)}`,
          list === null
            ? "missing or unreadable"
            : `${formatBytes(list.size)}, writer ${list.writer ?? "unknown"}`,
        )}
        ${fact(
          "Last run",
          last === undefined ? "none yet" : ago(now, last.started),
          last === undefined
            ? ""
            : `${count(last.published, "file")} in ${
              formatSeconds(last.seconds)
            }, exit ${last.exit}`,
        )}
        ${diskFact(disk)}
      </dl>
    </section>
  `;
}

/** The sources that the last run could not publish, and why. */
export function failedFiles({ failing, failed }: PublisherSituation): Html {
  if (failed === 0) {
    return html`<section id="failed" data-live hidden></section>`;
  }
  const rows = failing.map(({ path, error }) =>
    html`
      <tr>
        <th scope="row" class="path">
          ${outside(path)} <span class="why">${outside(error)}</span>
        </th>
      </tr>
    `
  );
  return html`
    <section id="failed" data-live aria-labelledby="failed-title">
      <h2 id="failed-title">Failed files</h2>
      <p>${count(failed, "file")} could not be published.${failed >
          failing.length
        ? ` These are the first ${failing.length}.`
        : ""}</p>
      ${table("Failed files", [["File"]], rows)}
    </section>
  `;
}

/** The last runs, the youngest first. */
export function lastRuns({ runs }: PublisherSituation): Html {
  const rows = runs.map((run) =>
    html`<tr>
  <th scope="row">${moment(run.started * 1_000)}</th>
  <td>${result(run.exit)}</td>
  <td class="number">${run.published}</td>
  <td class="number">${formatBytes(run.bytes)}</td>
  <td class="number">${run.withdrawn}</td>
  <td class="number">${run.unchanged}</td>
  <td class="number">${run.failures}</td>
  <td class="number">${formatSeconds(run.seconds)}</td>
</tr>${errorsRow(run.errors)}`
  );
  return html`
    <section id="runs" data-live aria-labelledby="runs-title">
      <h2 id="runs-title">Last runs of the publisher</h2>
      ${rows.length === 0 ? html`<p class="none">None yet.</p>` : table(
        "The last runs, newest first",
        [
          ["Started"],
          ["Result"],
          ["Published", "number"],
          ["Bytes", "number"],
          ["Withdrawn", "number"],
          ["Unchanged", "number"],
          ["Failed", "number"],
          ["Duration", "number"],
        ],
        rows,
      )}
    </section>
  `;
}
