/**
 * The parts of the page that name files: those that fail, and the newest ones.
 *
 * @module
 */

import { formatAge, formatBytes, formatDate } from "../text/human.ts";
import type { FileHere } from "../state/overview.ts";
import { tellObstacle } from "../state/sets.ts";
import type { Situation } from "../status/situation.ts";
import { type Html, html, outside } from "./html.ts";
import type { View } from "./view.ts";
import { count, table } from "./sections.ts";

/** The files that could not be copied, why, and when they are tried again. */
export function failing({ failing, failed, now, next_pass }: Situation): Html {
  if (failed === 0) {
    return html`<section id="failing" data-live hidden></section>`;
  }
  const next = next_pass === null
    ? "by the next pass"
    : `in ${formatAge(next_pass, now)}`;
  const rows = failing.map(({ server, path, error }) =>
    html`
      <tr>
        <th scope="row" class="path">
          ${outside(path)} <span class="why">${outside(error ?? "")}</span>
        </th>
        <td>${server}</td>
      </tr>
    `
  );
  return html`
    <section id="failing" data-live aria-labelledby="failing-title">
      <h2 id="failing-title">Failing files</h2>
      <p>${count(
        failed,
        "file",
      )} could not be copied; tried again ${next}.${failed > failing.length
        ? ` The first ${failing.length} by name; "relais list --failed" names all.`
        : ""}</p>
      ${table("Failing files", [["File"], ["Server"]], rows)}
    </section>
  `;
}

/** The sets that are not shown, and what holds each up. */
export function heldSets({ held }: Pick<Situation, "held">): Html {
  if (held.length === 0) {
    return html`<section id="held" data-live hidden></section>`;
  }
  const rows = held.map((each) =>
    html`
      <tr>
        <th scope="row" class="path">
          ${each.set} <span class="why">${outside(tellObstacle(each))}</span>
        </th>
      </tr>
    `
  );
  return html`
    <section id="held" data-live aria-labelledby="held-title">
      <h2 id="held-title">Sets that wait</h2>
      ${table("Sets that are not shown", [["Set"]], rows)}
    </section>
  `;
}

/** The newest files, and the form that filters them. */
export function files({ newest, query, range }: View): Html {
  return html`
    <section id="files" aria-labelledby="files-title">
      <h2 id="files-title">Newest files</h2>
      <form role="search" id="filter" action="./#files">
        <label for="q">Name contains</label>
        <input type="search" id="q" name="q" value="${query}" maxlength="200"
          autocomplete="off" spellcheck="false">
        <input type="hidden" name="range" value="${range.name}">
        <button>Filter</button>
      </form>
      <div id="newest" data-live>
        <p role="status">${told(newest, query)}</p>
        ${newest.length === 0 ? "" : table("Newest files", [
          ["File"],
          ["Size", "number"],
          ["Date"],
          ["Arrived"],
          ["From"],
        ], newest.map(row))}
      </div>
    </section>
  `;
}

function told(newest: readonly FileHere[], query: string): Html {
  const files = newest.length === 0
    ? "No file"
    : `The newest ${count(newest.length, "file")}`;
  return query === ""
    ? html`${files}.`
    : html`${files} whose name contains “${outside(query)}”.`;
}

function row({ path, size, mtime, arrived, server }: FileHere): Html {
  return html`
    <tr>
      <th scope="row" class="path">${outside(path)}</th>
      <td class="number">${formatBytes(size)}</td>
      <td>${formatDate(Number(mtime) * 1_000)}</td>
      <td>${formatDate(arrived * 1_000)}</td>
      <td>${server}</td>
    </tr>
  `;
}
