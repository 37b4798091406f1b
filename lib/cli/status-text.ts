/**
 * How things stand, as a person reads it in a terminal.
 *
 * @module
 */

import type { PastPass } from "../state/history.ts";
import { type Problem, sayHealth } from "../status/health.ts";
import { tellList } from "../status/server-list.ts";
import type { Situation } from "../status/situation.ts";
import { type Column, formatColumns } from "./columns.ts";
import { formatBytes, formatDate, formatSeconds } from "../human.ts";

/** Returns the lines of `relais status`. */
export function statusLines(
  situation: Situation,
  problems: readonly Problem[],
): string[] {
  const word = problems.length === 0 ? "Well" : "Not well";
  return [
    `${word}: ${sayHealth(situation, problems)}.`,
    "",
    ...overview(situation),
    ...section("Servers", serverLines(situation)),
    ...section(failingTitle(situation), failingLines(situation)),
    ...section("Last passes", passLines(situation.passes)),
  ];
}

function overview(situation: Situation): string[] {
  const { active, since, reason, now, here, bytes, disk } = situation;
  const facts: [string, string][] = [
    [
      "Active server",
      active === null
        ? "none yet"
        : `${active}, since ${formatDate(since * 1_000)}: ${reason}`,
    ],
    ["Lag", formatSeconds(situation.lag_seconds)],
    [
      "Files",
      `${here} here, ${
        formatBytes(bytes)
      }; ${situation.pending} waiting; ${situation.failed} failing`,
    ],
    [
      "Disk",
      disk === null
        ? "nothing there yet"
        : `${formatBytes(disk.free)} of ${formatBytes(disk.total)} free`,
    ],
  ];
  const next = situation.next_pass;
  if (next !== null) {
    const left = formatSeconds(Math.max(0, Math.round(next - now)));
    facts.push(["Next pass", `${formatDate(next * 1_000)}, in ${left}`]);
  }
  return facts.map(([name, told]) => `${name.padEnd(13)}  ${told}`);
}

function serverLines({ servers, now, probed }: Situation): string[] {
  if (servers.length === 0) return [];
  const rows = servers.map((server) => [
    server.name,
    server.verdict,
    server.active ? "active" : "",
    `${server.milliseconds} ms`,
    server.depth,
    tellList(server, now),
  ]);
  const lines = formatColumns(serverColumns, rows);
  const errors = servers.flatMap(({ name, error }) =>
    error === null ? [] : [`${name}: ${error}`]
  );
  const age = formatSeconds(Math.max(0, Math.round(now - probed)));
  return [...lines, ...errors, `Probed ${age} ago.`];
}

const serverColumns: readonly Column[] = [
  { name: "server", align: "left" },
  { name: "verdict", align: "left" },
  { name: "", align: "left" },
  { name: "probe", align: "right" },
  { name: "reached", align: "left" },
  { name: "its list", align: "left" },
];

function failingTitle({ next_pass }: Situation): string {
  return next_pass === null
    ? "Failing files, tried again by the next pass"
    : `Failing files, tried again at ${formatDate(next_pass * 1_000)}`;
}

function failingLines({ failing, failed }: Situation): string[] {
  const lines = failing.map(({ server, path, error }) =>
    `${path} (${server}): ${error}`
  );
  const more = failed - failing.length;
  return more > 0
    ? [...lines, `… and ${more} more: relais list --failed`]
    : lines;
}

function passLines(passes: readonly PastPass[]): string[] {
  if (passes.length === 0) return [];
  const rows = passes.map((pass) => [
    formatDate(pass.started * 1_000),
    String(pass.exit),
    pass.server ?? "none",
    String(pass.copied),
    formatBytes(pass.bytes),
    String(pass.failures),
    formatSeconds(pass.lag_seconds),
    formatSeconds(pass.seconds),
  ]);
  return formatColumns(passColumns, rows);
}

const passColumns: readonly Column[] = [
  { name: "started", align: "left" },
  { name: "exit", align: "right" },
  { name: "server", align: "left" },
  { name: "files", align: "right" },
  { name: "bytes", align: "right" },
  { name: "failed", align: "right" },
  { name: "lag", align: "right" },
  { name: "took", align: "right" },
];

function section(title: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  return ["", title, ...lines.map((line) => `  ${line}`)];
}
