/**
 * The parts of the page that say how things stand.
 *
 * @module
 */

import {
  formatAge,
  formatBytes,
  formatDate,
  formatSeconds,
} from "../text/human.ts";
import type { LogLine } from "../log/read.ts";
import { type ModuleName, moduleNames } from "../worker/protocol.ts";
import { type Figure, figuresOf } from "../worker/figures.ts";
import type { Snapshot } from "../stat/snapshot.ts";
import type { Disk } from "../status/disk.ts";
import { tellList } from "../status/server-list.ts";
import type { ServerSituation, Situation } from "../status/situation.ts";
import { type Content, type Html, html, outside } from "./html.ts";

/** The figures that are asked for most. */
export function facts(situation: Situation): Html {
  const { active, since, reason, now, lag_seconds, here, bytes, disk } =
    situation;
  const last = situation.passes[0];
  return html`
    <section id="facts" data-live aria-label="Summary">
      <dl class="facts">
        ${fact(
          "Active server",
          active ?? "none yet",
          active === null
            ? "no server has been active"
            : `since ${formatDate(since * 1_000)}: ${reason}`,
        )}
        ${fact(
          "Lag",
          formatSeconds(lag_seconds),
          situation.pending === 0
            ? "no files wait"
            : `${count(situation.pending, "file")} waiting`,
        )}
        ${fact("Files here", here.toLocaleString("en"), formatBytes(bytes))}
        ${fact(
          "Last pass",
          last === undefined ? "none yet" : `${ago(now, last.started)}`,
          last === undefined
            ? ""
            : `${count(last.copied, "file")} in ${
              formatSeconds(last.seconds)
            }, exit ${last.exit}`,
        )}
        ${diskFact(disk)}
      </dl>
    </section>
  `;
}

/** One figure with its name, and more about it. */
export function fact(name: string, value: string, more: string): Html {
  return html`
    <div>
      <dt>${name}</dt>
      <dd><b>${value}</b><small>${more}</small></dd>
    </div>
  `;
}

/** Free and total space of a disk; nothing where there is none yet. */
export function diskFact(disk: Disk | null): Html | "" {
  return disk === null ? "" : fact(
    "Disk",
    `${formatBytes(disk.free)} free`,
    `of ${formatBytes(disk.total)}`,
  );
}

/** Results of the last probes. */
export function servers({ servers, now, probed }: Situation): Html {
  const errors = servers.filter(({ error }) => error !== null).map((
    { name, error },
  ) => html`<p class="why">${name}: ${outside(error!)}</p>`);
  const rows = servers.map((server) =>
    html`<tr>
  <th scope="row">${server.name} ${
      server.active ? html`<span class="tag">active</span>` : ""
    }</th>
  <td>${verdict(server)}</td>
  <td class="number">${server.milliseconds} ms</td>
  <td>${server.depth}</td>
  <td>${tellList(server, now)}</td>
</tr>`
  );
  return html`
    <section id="servers" data-live aria-labelledby="servers-title">
      <h2 id="servers-title">Servers</h2>
      ${rows.length === 0
        ? html`<p class="none">No server has been probed yet.</p>`
        : table(
          `The servers, probed ${ago(now, probed)}`,
          [
            ["Server"],
            ["Verdict"],
            ["Round trip", "number"],
            ["Reached"],
            ["List"],
          ],
          rows,
        )} ${errors}
    </section>
  `;
}

function verdict({ verdict }: ServerSituation): Html {
  const gravity = verdict === "up"
    ? "well"
    : verdict === "stale"
    ? "warning"
    : "critical";
  return html`<span class="mark ${gravity}">${verdict}</span>`;
}

/** The nodes that share the replica; nothing on a machine that keeps it alone. */
export function nodes({ cluster, now }: Situation): Html | "" {
  if (cluster === null) return "";
  const rows = cluster.nodes.map((node) =>
    html`<tr>
  <th scope="row">${node.name} ${
      node.leads ? html`<span class="tag">leads</span>` : ""
    }</th>
  <td>${ago(cluster.seen, cluster.seen - node.silent_seconds)}</td>
  <td class="number">${node.claims}</td>
  <td class="number">${node.copied.toLocaleString("en")}</td>
  <td class="number">${formatBytes(node.bytes)}</td>
  <td class="number">${node.files_per_second}</td>
</tr>`
  );
  return html`
    <section id="nodes" data-live aria-labelledby="nodes-title">
      <h2 id="nodes-title">Nodes of ${cluster.name}, term ${cluster.term}</h2>
      ${table(
        `The nodes, seen from ${cluster.node} ${ago(now, cluster.seen)}`,
        [
          ["Node"],
          ["Last sign of life"],
          ["Batches now", "number"],
          ["Copied", "number"],
          ["Bytes", "number"],
          ["Files/s", "number"],
        ],
        rows,
      )}
    </section>
  `;
}

/** The last passes, the youngest first. */
export function lastPasses({ passes }: Situation): Html {
  const rows = passes.map((pass) =>
    html`<tr>
  <th scope="row">${moment(pass.started * 1_000)}</th>
  <td>${result(pass.exit)}</td>
  <td>${pass.server ?? "none"}</td>
  <td class="number">${pass.copied}</td>
  <td class="number">${formatBytes(pass.bytes)}</td>
  <td class="number">${pass.failures}</td>
  <td class="number">${formatSeconds(pass.lag_seconds)}</td>
  <td class="number">${formatSeconds(pass.seconds)}</td>
</tr>${errorsRow(pass.errors)}`
  );
  return html`
    <section id="passes" data-live aria-labelledby="passes-title">
      <h2 id="passes-title">Last passes</h2>
      ${rows.length === 0 ? html`<p class="none">None yet.</p>` : table(
        "The last passes, newest first",
        [
          ["Started"],
          ["Result"],
          ["Server"],
          ["Files", "number"],
          ["Bytes", "number"],
          ["Failed", "number"],
          ["Lag", "number"],
          ["Duration", "number"],
        ],
        rows,
      )}
    </section>
  `;
}

/** A date, in milliseconds, as people and as programs read it. */
export function moment(milliseconds: number): Html {
  return html`<time datetime="${new Date(milliseconds).toISOString()}">${
    formatDate(milliseconds)
  }</time>`;
}

/** Errors of a pass or a run, below its row of eight columns. */
export function errorsRow(errors: readonly string[]): Html | "" {
  return errors.length === 0 ? "" : html`
    <tr class="why">
      <td colspan="8">${errors.map((error) => html`${outside(error)}<br>`)}</td>
    </tr>
  `;
}

/** Result of a pass or a run. */
export function result(exit: number): Html {
  const gravity = exit === 0 ? "well" : exit === 1 ? "warning" : "critical";
  const word = exit === 0 ? "done" : `exit ${exit}`;
  return html`<span class="mark ${gravity}">${word}</span>`;
}

/** The log, which the script goes on with as it happens if there is any to follow. */
export function liveLog(
  log: readonly LogLine[] | string,
  follows: boolean,
): Html {
  return html`
    <section id="log" aria-labelledby="log-title">
      <h2 id="log-title">Log <span class="tag" id="log-live" hidden>live</span></h2>
      ${typeof log === "string"
        ? html`<p class="none">${outside(log)}</p>`
        : ""}
      <ol class="log" id="log-lines" tabindex="0" aria-labelledby="log-title" ${follows
        ? html`data-follow`
        : ""}>${typeof log === "string" ? "" : log.map(logLine)}</ol>
    </section>
  `;
}

function logLine({ time, level, module, text }: LogLine): Html {
  return html`
    <li
      class="${level}">${moment(
        time,
      )} <i>${level}</i> <b>${module}</b> <span>${text}</span></li>
  `;
}

/** The figures that each module keeps: those of a replica, and of what publishes. */
export function modules(
  replica: Snapshot | undefined,
  publisher: Snapshot | undefined,
): Html {
  const kept = moduleNames.flatMap((name) => {
    const snapshot = name === "publish" ? publisher : replica ?? publisher;
    const isAtWork = replica !== undefined || !ofReplica.has(name);
    return snapshot === undefined || !isAtWork ? [] : [{ name, snapshot }];
  });
  return html`
    <section id="modules" data-live aria-labelledby="modules-title">
      <h2 id="modules-title">Figures of each module</h2>
      ${kept.length === 0
        ? html`<p class="none">None yet.</p>`
        : html`<div class="modules">${
          kept.map(({ name, snapshot }) =>
            html`
              <details data-key="${name}">
                <summary>${name}</summary>
                <dl>${figuresOf(name).map(([key, figure]) =>
                  html`
                    <div>
                      <dt>${figure.help}${labels(figure)}</dt>
                      <dd>${tell(figure, snapshot.modules[name][key] ?? 0)}</dd>
                    </div>
                  `
                )}</dl>
              </details>
            `
          )
        }</div>`}
    </section>
  `;
}

/** Modules that a publisher has no work for. */
const ofReplica: ReadonlySet<ModuleName> = new Set([
  "connection",
  "transport",
  "test-server",
  "synchro-list",
  "copy-list",
]);

/** Figures that differ in their labels alone share their help. */
function labels({ labels: { module: _, ...others } = {} }: Figure): string {
  const values = Object.values(others);
  return values.length === 0 ? "" : `: ${values.join(", ")}`;
}

/** A figure as a person reads it; durations and dates are seconds. */
function tell({ metric, unit }: Figure, value: number): string {
  if (metric.endsWith("_timestamp_seconds")) {
    return value === 0 ? "never" : formatDate(value * 1_000);
  }
  if (unit === "bytes") return formatBytes(value);
  if (unit === "milliseconds") return formatSeconds(value);
  return value.toLocaleString("en");
}

/** A table that can be scrolled sideways, with a keyboard as well. */
export function table(
  caption: string,
  columns: readonly (readonly [name: string, kind?: string])[],
  rows: Content,
): Html {
  return html`
    <div class="scroll" tabindex="0" role="group" aria-label="${caption}">
      <table>
        <caption>${caption}</caption>
        <thead>
          <tr>${columns.map(([name, kind = ""]) =>
            html`<th scope="col" class="${kind}">${name}</th>`
          )}</tr>
        </thead>
        <tbody>${rows}</tbody>
      </table>
    </div>
  `;
}

/** `1 file`, `2,000 files`. */
export function count(
  number: number,
  one: string,
  more: string = `${one}s`,
): string {
  return `${number.toLocaleString("en")} ${number === 1 ? one : more}`;
}

/** `12 s ago`. */
export function ago(now: number, then: number): string {
  return `${formatAge(now, then)} ago`;
}
