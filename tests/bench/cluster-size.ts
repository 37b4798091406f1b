/**
 * What a cluster of some size needs, computed from what was measured here: prints the
 * table in docs/cluster.md.
 *
 * @module
 */

/** Measured on 2 shared cores with PostgreSQL 15; docs/cluster.md says how. */
const measured = {
  /** Bytes in PostgreSQL, with indexes, of one file of one server: an entry, and a copy. */
  entryBytes: 530,
  copyBytes: 350,
  /** CPU of the database to read a line, and to have its file claimed and arrive, in µs. */
  lineMicros: 73,
  fileMicros: 109,
  /** CPU of a node for a small file: fetching it, and what the cluster adds. */
  nodeMicros: 190 + 66,
  /** Requests of a node that has nothing to do, in each lease: it extends, looks for work, and looks at all nodes. */
  idleRequests: 17,
  /** CPU of the database for one of them, in µs, with all that it does besides. */
  requestMicros: 770,
};

/** A cluster, or many. */
interface Size {
  readonly what: string;
  readonly files: number;
  readonly nodes: number;
  readonly clusters: number;
}

const sizes: readonly Size[] = [
  { what: "a million files, 3 nodes", files: 1e6, nodes: 3, clusters: 1 },
  { what: "100 million files, 10 nodes", files: 1e8, nodes: 10, clusters: 1 },
  { what: "100 million files, 100 nodes", files: 1e8, nodes: 100, clusters: 1 },
  {
    what: "1 000 clusters of 100 000 files, 3 nodes each",
    files: 1e5,
    nodes: 3,
    clusters: 1_000,
  },
];

const leaseSeconds = 15;

function rowOf({ what, files, nodes, clusters }: Size): string[] {
  const { entryBytes, copyBytes, lineMicros, fileMicros, nodeMicros } =
    measured;
  const { idleRequests, requestMicros } = measured;
  const bytes = files * clusters * (entryBytes + copyBytes);
  const perSecond = 1e6 / (lineMicros + fileMicros);
  const ofNodes = nodes * clusters * 1e6 / nodeMicros;
  const idle = nodes * clusters * idleRequests / leaseSeconds * requestMicros /
    1e6;
  const rate = Math.min(perSecond, ofNodes);
  return [
    what,
    `${(bytes / 1e9).toFixed(bytes < 1e10 ? 1 : 0)} GB`,
    `${Math.round(rate / 100) * 100}`,
    ofNodes < perSecond ? "the nodes" : "the database",
    `${(files * clusters / rate / 3_600).toFixed(1)} h`,
    `${(idle * 100).toFixed(idle < 0.01 ? 1 : 0)} %`,
  ];
}

const head = [
  "cluster",
  "in PostgreSQL",
  "files/s",
  "bounded by",
  "first copy",
  "idle load",
];
const lines = [head, head.map(() => "---"), ...sizes.map(rowOf)];
// deno-lint-ignore no-console -- the table
for (const cells of lines) console.log(`| ${cells.join(" | ")} |`);
