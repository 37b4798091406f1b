/**
 * The page over all jobs of a machine.
 *
 * @module
 */

import { gravestFirst, type Problem } from "../status/health.ts";
import { byGravity, type JudgedJob } from "../status/jobs.ts";
import { html, outside } from "./html.ts";
import { renderFrame } from "./page.ts";
import { table } from "./sections.ts";

/** Returns the document that leads to each job. */
export function renderOverview(jobs: readonly JudgedJob[]): string {
  const unwell = byGravity(jobs).filter(({ problems }) => problems.length > 0);
  const rows = byGravity(jobs).map(({ name, problems, summary }) =>
    html`<tr>
  <th scope="row"><a href="/${name}/">${name}</a></th>
  <td>${mark(problems)}</td>
  <td>${outside(summary)}</td>
</tr>`
  );
  return renderFrame({
    name: null,
    problems: gravestFirst(unwell.flatMap(({ problems }) => problems)),
    summary: unwell.length === 0
      ? `${jobs.length} jobs`
      : unwell.map(({ name, summary }) => `${name}: ${summary}`).join("; "),
    now: Date.now() / 1_000,
    body: html`
      <section id="jobs" data-live aria-labelledby="jobs-title">
        <h2 id="jobs-title">Jobs</h2>
        ${table(
          "The jobs of this machine",
          [["Job"], ["State"], ["Summary"]],
          rows,
        )}
      </section>
    `,
  });
}

function mark([gravest]: readonly Problem[]) {
  const gravity = gravest?.gravity;
  return html`<span class="mark ${gravity ?? "well"}">${
    gravity ?? "OK"
  }</span>`;
}
