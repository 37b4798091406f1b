/**
 * The figures as a file for the textfile collector of Prometheus' node_exporter.
 *
 * Format: https://prometheus.io/docs/instrumenting/exposition_formats/. Without
 * timestamps: a single one makes the collector refuse the whole file.
 *
 * @module
 */

import { UsageError } from "../errors.ts";
import { moduleNames } from "../worker/protocol.ts";
import { verdicts } from "../test-server/operations.ts";
import { figuresOf } from "../worker/figures.ts";
import { replaceFile } from "../files/replace.ts";
import type { ClusterSeen } from "../state/shared-view.ts";
import type { ServerState } from "./servers.ts";
import type { Snapshot } from "./snapshot.ts";

/** All samples of one metric: they must stand together. */
interface Family {
  readonly kind: "counter" | "gauge";
  readonly help: string;
  readonly samples: string[];
}

/** Figures among others, and the labels that tell them from those. */
export interface Labelled {
  readonly snapshot: Snapshot;
  readonly labels: Readonly<Record<string, string>>;
}

/** Returns a snapshot in the text format of Prometheus. */
export function formatPrometheus(snapshot: Snapshot): string {
  return formatAll([{ snapshot, labels: {} }]);
}

/** Returns several snapshots as one text. */
export function formatAll(all: readonly Labelled[]): string {
  const families = new Map<string, Family>();
  for (const { snapshot, labels } of all) {
    const add: Add = (metric, { kind, help }, values) => {
      const family = families.get(metric) ?? { kind, help, samples: [] };
      families.set(metric, family);
      for (const { value, labels: own } of values) {
        family.samples.push(sample(metric, { ...labels, ...own }, value));
      }
    };
    for (const module of moduleNames) {
      for (const [name, { metric, labels, ...what }] of figuresOf(module)) {
        const value = snapshot.modules[module][name] ?? 0;
        add(metric, what, [{ value, labels }]);
      }
    }
    addWhole(add, snapshot);
    if (snapshot.servers !== undefined) addServers(add, snapshot.servers);
    if (snapshot.cluster !== undefined) addCluster(add, snapshot.cluster);
  }
  return [...families].map(formatFamily).join("");
}

/** One sample. */
interface Value {
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** Adds samples to the metric of this name. */
type Add = (
  metric: string,
  what: Pick<Family, "kind" | "help">,
  values: readonly Value[],
) => void;

/** What belongs to no module. */
function addWhole(add: Add, { taken, uptime }: Snapshot): void {
  add("relais_uptime_seconds", {
    kind: "gauge",
    help: "Seconds since relais was started",
  }, [{ value: uptime }]);
  add("relais_snapshot_timestamp_seconds", {
    kind: "gauge",
    help: "Time when these figures were taken",
  }, [{ value: taken }]);
}

/** What is said of each server. */
const serverMetrics: readonly {
  readonly metric: string;
  readonly help: string;
  /** `undefined`: there is nothing to say. */
  readonly value: (server: ServerState) => number | undefined;
}[] = [
  {
    metric: "relais_server_up",
    help: "1 if the last probe of a server succeeded, else 0",
    value: ({ verdict }) => Number(verdict === "up"),
  },
  {
    metric: "relais_server_active",
    help: "1 for the active server, else 0",
    value: ({ active }) => Number(active),
  },
  {
    metric: "relais_server_probe_timestamp_seconds",
    help: "Time of the last probe of a server",
    value: ({ probed }) => probed,
  },
  {
    metric: "relais_server_probe_duration_seconds",
    help:
      "Duration of the last probe of a server, from connecting to reading its list",
    value: ({ seconds }) => seconds,
  },
  {
    metric: "relais_server_list_bytes",
    help: "Size of the list that a server publishes",
    value: ({ list }) => list?.size,
  },
  {
    metric: "relais_server_list_timestamp_seconds",
    help: "Time when the publisher of a server last ran",
    value: ({ list }) => list?.mtime,
  },
];

function addServers(add: Add, servers: readonly ServerState[]): void {
  for (const { metric, help, value } of serverMetrics) {
    const values = servers.flatMap((server) => {
      const figure = value(server);
      const labels = { server: server.name };
      return figure === undefined ? [] : [{ value: figure, labels }];
    });
    if (values.length > 0) add(metric, { kind: "gauge", help }, values);
  }
  add(
    "relais_server_verdict",
    {
      kind: "gauge",
      help: "1 for the verdict of the last probe of a server, 0 for the others",
    },
    servers.flatMap(({ name, verdict }) =>
      verdicts.map((each) => ({
        value: Number(each === verdict),
        labels: { server: name, verdict: each },
      }))
    ),
  );
}

/** Adds what this node says of the cluster; each node says it. */
function addCluster(
  add: Add,
  { node, nodes, term, claims, seen }: ClusterSeen,
): void {
  const leads = nodes.some((each) => each.leads && each.name === node);
  const gauges: [metric: string, help: string, value: number][] = [
    ["leader", "1 on the node that leads the cluster, else 0", Number(leads)],
    [
      "term",
      "Number of the lease of the cluster; it grows with each change of leader",
      term,
    ],
    [
      "nodes",
      "Nodes that have shown a sign of life in the last day",
      nodes.length,
    ],
    ["claims", "Batches of files that nodes work on", claims],
    [
      "seen_timestamp_seconds",
      "Time when this node last saw the database of the cluster",
      seen,
    ],
  ];
  for (const [metric, help, value] of gauges) {
    add(`relais_cluster_${metric}`, { kind: "gauge", help }, [{ value }]);
  }
}

function formatFamily(
  [metric, { kind, help, samples }]: [string, Family],
): string {
  return `# HELP ${metric} ${escapeHelp(help)}\n# TYPE ${metric} ${kind}\n` +
    samples.join("");
}

function sample(
  metric: string,
  labels: Readonly<Record<string, string>>,
  value: number,
): string {
  const pairs = Object.entries(labels).map(([name, text]) =>
    `${name}="${escapeLabel(text)}"`
  );
  const braced = pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
  return `${metric}${braced} ${value}\n`;
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}

/**
 * Writes a textfile for Prometheus, at once, readable for everyone: the
 * collector runs under another account.
 *
 * @throws {UsageError} If `path` does not end in `.prom`: the collector would pass over it.
 * @throws {LocalError} If it cannot be written.
 */
export function writePrometheus(path: string, text: string): void {
  if (!path.endsWith(".prom")) {
    throw new UsageError(
      `Cannot write "${path}" for Prometheus: the name must end in .prom`,
    );
  }
  replaceFile(path, text, 0o644);
}
