/**
 * Every figure that relais keeps, declared once: for the stats block, for
 * `relais stat`, for JSON and for Prometheus.
 *
 * Durations are whole milliseconds in the block and seconds wherever they are
 * given out, as Prometheus asks of names
 * (https://prometheus.io/docs/practices/naming/).
 *
 * @module
 */

import type { ModuleName } from "./protocol.ts";

/** What a figure counts, as the block holds it. */
export type Unit = "count" | "bytes" | "milliseconds";

/** One figure. */
export interface Figure {
  /** Name of the Prometheus metric; figures that differ in their labels alone share it. */
  readonly metric: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** A counter only grows; a gauge says how things are. */
  readonly kind: "counter" | "gauge";
  readonly unit: Unit;
  /** One sentence without full stop; the same for all figures of a metric. */
  readonly help: string;
  /** Starts from zero in every process, instead of going on where the last one ended. */
  readonly fresh?: true;
}

/** Verdicts of a probe; see `Verdict` in protocol.ts. */
function probes<Result extends string>(result: Result) {
  return {
    metric: "relais_probes_total",
    labels: { result },
    kind: "counter",
    unit: "count",
    help: "Probes of servers by their result",
  } as const;
}

/** How passes ended; see the exit statuses in errors.ts. */
function passes<Status extends string>(status: Status) {
  return {
    metric: "relais_passes_total",
    labels: { status },
    kind: "counter",
    unit: "count",
    help: "Passes by the exit status they ended with",
  } as const;
}

/** What goes over the network for a module, SSH and all. */
function wireBytes<Module extends string>(module: Module) {
  return {
    metric: "relais_wire_bytes_total",
    labels: { module },
    kind: "counter",
    unit: "bytes",
    help: "Bytes received from and sent to servers, SSH included",
  } as const;
}

/** What every module has: the signs of life. */
function life<Module extends string>(module: Module) {
  return {
    heartbeat: {
      metric: "relais_module_heartbeats_total",
      labels: { module },
      kind: "counter",
      unit: "count",
      help: "Heartbeats of a module, one a second while it responds",
      fresh: true,
    },
    started: {
      metric: "relais_module_started_timestamp_seconds",
      labels: { module },
      kind: "gauge",
      unit: "milliseconds",
      help: "Start time of a module, 0 if it was not needed",
      fresh: true,
    },
  } as const;
}

/** What comes from servers for a module, told as it comes. */
function receivedBytes<Module extends string>(module: Module) {
  return {
    metric: "relais_received_bytes_total",
    labels: { module },
    kind: "counter",
    unit: "bytes",
    help: "Bytes of lists and files received from servers, as they arrive",
  } as const;
}

function counter<Metric extends string>(
  metric: Metric,
  help: string,
  unit: Unit = "count",
) {
  return { metric, kind: "counter", unit, help } as const;
}

function gauge<Metric extends string>(
  metric: Metric,
  help: string,
  unit: Unit = "count",
) {
  return { metric, kind: "gauge", unit, help } as const;
}

/** The figures of each module. */
export const figures = {
  "connection": {
    ...life("connection"),
    opened: counter(
      "relais_sessions_opened_total",
      "Sessions opened with servers, each by a login",
    ),
  },
  "transport": {
    ...life("transport"),
    clients: counter(
      "relais_ssh_clients_started_total",
      "Times the ssh client of the system was started",
    ),
  },
  "test-server": {
    ...life("test-server"),
    probes_up: probes("up"),
    probes_unreachable: probes("unreachable"),
    probes_unusable: probes("unusable"),
    probes_stale: probes("stale"),
    probes_untrusted: probes("untrusted"),
    probes_refused: probes("refused"),
    switches: counter(
      "relais_server_switches_total",
      "Changes of the active server",
    ),
    wire_bytes: wireBytes("test-server"),
  },
  "synchro-list": {
    ...life("synchro-list"),
    passes: counter(
      "relais_synchronisations_total",
      "Updates of the synchronised list",
    ),
    list_bytes: counter(
      "relais_list_read_bytes_total",
      "Bytes of published lists read",
      "bytes",
    ),
    lines_read: counter(
      "relais_list_lines_read_total",
      "Lines of published lists read",
    ),
    lines_refused: counter(
      "relais_list_lines_refused_total",
      "Lines of published lists that were refused as invalid",
    ),
    pending: gauge(
      "relais_pending_files",
      "Wanted files that are not on the replica yet",
    ),
    received_bytes: receivedBytes("synchro-list"),
    wire_bytes: wireBytes("synchro-list"),
  },
  "copy-list": {
    ...life("copy-list"),
    files_copied: counter(
      "relais_files_copied_total",
      "Files fetched, verified and in place",
    ),
    bytes_copied: counter(
      "relais_copied_bytes_total",
      "Bytes of the files fetched",
      "bytes",
    ),
    received_bytes: receivedBytes("copy-list"),
    bytes_read_here: counter(
      "relais_older_versions_read_bytes_total",
      "Bytes of older versions read on the replica to build newer ones",
      "bytes",
    ),
    bytes_reused: counter(
      "relais_reused_bytes_total",
      "Bytes of copied files that were reused from the replica",
      "bytes",
    ),
    wire_bytes: wireBytes("copy-list"),
    files_fetched: counter(
      "relais_files_fetched_total",
      "Files fully fetched",
    ),
    files_adopted: counter(
      "relais_files_adopted_total",
      "Files found on the replica that were not fetched",
    ),
    bytes_adopted: counter(
      "relais_adopted_bytes_total",
      "Bytes of the files found on the replica that were not fetched",
      "bytes",
    ),
    retries: counter(
      "relais_copy_retries_total",
      "Retries of files after an error",
    ),
    failures: counter(
      "relais_copy_failures_total",
      "Files that could not be copied in a pass",
    ),
    files_removed: counter(
      "relais_files_removed_total",
      "Files removed because their server withdrew them",
    ),
    batches: counter(
      "relais_copy_batches_total",
      "Batches of files made durable and put in place together",
    ),
  },
  "stat": {
    ...life("stat"),
    snapshots: counter(
      "relais_snapshots_written_total",
      "Snapshots of these figures written",
    ),
    passes_done: passes("done"),
    passes_incomplete: passes("incomplete"),
    passes_usage: passes("usage"),
    passes_unavailable: passes("unavailable"),
    passes_local: passes("local"),
    passes_refused: passes("refused"),
    passes_untrusted: passes("untrusted"),
    passes_locked: passes("locked"),
    passes_stopped: passes("stopped"),
    last_exit: gauge(
      "relais_last_pass_exit_status",
      "Exit status of the last pass",
    ),
    last_duration: gauge(
      "relais_last_pass_duration_seconds",
      "Duration of the last pass",
      "milliseconds",
    ),
    last_success: gauge(
      "relais_last_success_timestamp_seconds",
      "End of the last pass that left nothing to do",
      "milliseconds",
    ),
    lag: gauge(
      "relais_lag_seconds",
      "Age of the oldest entry not yet on the replica, 0 when caught up",
      "milliseconds",
    ),
    replica_files: gauge("relais_replica_files", "Files on the replica"),
    replica_bytes: gauge(
      "relais_replica_bytes",
      "Bytes of the files on the replica",
      "bytes",
    ),
    failing: gauge(
      "relais_failing_files",
      "Wanted files whose last copy failed",
    ),
    active_since: gauge(
      "relais_server_active_since_timestamp_seconds",
      "Time when the active server became active, 0 if there is none yet",
      "milliseconds",
    ),
  },
  "log": {
    ...life("log"),
    written: counter(
      "relais_log_messages_written_total",
      "Messages written to the log file",
    ),
    truncated: counter(
      "relais_log_messages_truncated_total",
      "Messages cut to 128 bytes",
    ),
    dropped: counter(
      "relais_log_messages_dropped_total",
      "Messages dropped because too many were waiting for the log",
    ),
    untold: {
      ...gauge(
        "relais_log_messages_dropped_untold",
        "Dropped messages that the log does not report yet",
      ),
      fresh: true,
    },
    lost: counter(
      "relais_log_messages_lost_total",
      "Messages that could not be written to the log file",
    ),
    rotations: counter(
      "relais_log_rotations_total",
      "Rotations of the log file",
    ),
    in_flight: {
      ...gauge(
        "relais_log_messages_in_flight",
        "Messages waiting for the log",
      ),
      fresh: true,
    },
  },
  "publish": {
    ...life("publish"),
    runs: counter("relais_publish_runs_total", "Runs of relais publish"),
    files_published: counter(
      "relais_files_published_total",
      "Files copied into the export and added to the list",
    ),
    bytes_published: counter(
      "relais_published_bytes_total",
      "Bytes of the files published",
      "bytes",
    ),
    withdrawn: counter(
      "relais_files_withdrawn_total",
      "Files withdrawn from the export",
    ),
    unchanged: counter(
      "relais_publish_files_unchanged_total",
      "Files found unchanged and not published again",
    ),
    failures: counter(
      "relais_publish_failures_total",
      "Files that could not be published",
    ),
  },
} as const satisfies Record<ModuleName, Record<string, Figure>>;

type Figures = typeof figures;

/** The figures of a module, by name. */
export type FigureName<Module extends ModuleName> =
  & keyof Figures[Module]
  & string;

/** The figures of a module that are gauges. */
export type GaugeName<Module extends ModuleName> = {
  [Name in FigureName<Module>]: Figures[Module][Name] extends { kind: "gauge" }
    ? Name
    : never;
}[FigureName<Module>];

/** Returns the figures of a module with their names, in order of declaration. */
export function figuresOf(
  module: ModuleName,
): readonly (readonly [name: string, figure: Figure])[] {
  return Object.entries<Figure>(figures[module]);
}

/** Turns a value of the block into what is given out: seconds instead of milliseconds. */
export function fromBlock({ unit }: Figure, value: bigint): number {
  return unit === "milliseconds" ? Number(value) / 1_000 : Number(value);
}

/** Turns what was given out back into a value of the block. */
export function toBlock({ unit }: Figure, value: number): bigint {
  return BigInt(Math.round(unit === "milliseconds" ? value * 1_000 : value));
}

/** Returns the figure of `stat` that counts passes which ended with this exit status. */
export function passFigure(exit: number): FigureName<"stat"> {
  if (exit > 128) return "passes_stopped";
  return byExit[exit] ?? "passes_incomplete";
}

const byExit: readonly FigureName<"stat">[] = [
  "passes_done",
  "passes_incomplete",
  "passes_usage",
  "passes_unavailable",
  "passes_local",
  "passes_refused",
  "passes_untrusted",
  "passes_locked",
];
