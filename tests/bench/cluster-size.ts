/**
 * How large a cluster can be: measures what entries, files, claims and connections cost
 * the database, and computes from that what many of them come to.
 *
 *     deno run -A --no-check tests/bench/cluster-size.ts [--measured N] [--lease SECONDS]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { countedAtMost } from "../../lib/cluster/waiting.ts";
import {
  batch,
  type Constants,
  type Cpu,
  measure,
} from "./cluster-constants.ts";

/** A cluster, or many in one database. */
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
    what: "1 000 replicas of 100 000 files, 3 nodes each",
    ...{ files: 1e5, nodes: 3, clusters: 1_000 },
  },
];

/** Requests of a node of a loop that has nothing to do, in each lease: for the lease, for work, and about the other nodes. */
const idleRequests = 17;

/** The most that lib/cluster/database.ts opens. */
const connectionsOfNode = 4;

function rowsOfConstants(constants: Constants): string[][] {
  const { line, file, claim, passedOver, counted, request } = constants;
  const bytesOnly = (
    what: string,
    value: number,
  ) => [what, bytes(value), "", ""];
  const cpu = (what: string, { database, node }: Cpu) => [
    ...[what, "", micros(database), micros(node)],
  ];
  return [
    bytesOnly("an entry of a server, with its indexes", constants.entryBytes),
    bytesOnly("a copy, with its indexes", constants.copyBytes),
    bytesOnly("the tables of a cluster without files", constants.emptyBytes),
    bytesOnly("memory of a connection", constants.connectionBytes),
    cpu("a line of the list is taken in", line),
    cpu(`a file is claimed and arrives, ${batch} in a claim`, file),
    cpu(
      `a claim itself: ${constants.statementsPerClaim} statements`,
      claim,
    ),
    cpu("a claim passes over a file that is claimed", passedOver),
    cpu(
      `a pass counts files that are wanted, ${count(countedAtMost)} at most`,
      counted,
    ),
    cpu("a request that finds nothing to do", request),
  ];
}

/** CPU of the database for one file, from its line until it is here, while all nodes hold claims. */
function microsOfFile({ line, file, passedOver }: Constants, nodes: number) {
  return line.database + file.database + (nodes - 1) * passedOver.database;
}

function rowOfSize(
  constants: Constants,
  leaseSeconds: number,
  { what, files, nodes, clusters }: Size,
): string[] {
  const all = files * clusters;
  const { entryBytes, copyBytes, emptyBytes, request } = constants;
  const disk = all * (entryBytes + copyBytes) + clusters * emptyBytes;
  const micros = microsOfFile(constants, nodes);
  const idle = nodes * clusters * idleRequests / leaseSeconds *
    request.database / 1e6;
  const connections = nodes * clusters * connectionsOfNode;
  return [
    what,
    bytes(disk),
    count(1e6 / micros),
    `${(all * micros / 3.6e9).toPrecision(2)} h`,
    `${(idle * 100).toPrecision(2)} %`,
    `${count(connections)}: ${bytes(connections * constants.connectionBytes)}`,
  ];
}

function micros(value: number): string {
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} µs`;
}

function count(value: number): string {
  return Number(value.toPrecision(2)).toLocaleString("en").replaceAll(",", " ");
}

function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.floor(Math.log(Math.max(1, value)) / Math.log(1_000));
  return `${Number((value / 1_000 ** power).toPrecision(2))} ${units[power]}`;
}

function table(head: readonly string[], rows: readonly string[][]): string {
  return [head, head.map(() => "---"), ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, { string: ["measured", "lease"] });
  const constants = await measure(Number(args.measured ?? 200_000));
  const lease = Number(args.lease ?? 15);
  const tables = [
    table(
      ["measured", "bytes", "CPU of the database", "CPU of the node"],
      rowsOfConstants(constants),
    ),
    table(
      [
        ...["cluster", "in PostgreSQL", "files/s", "first copy"],
        ...["idle load", "connections"],
      ],
      sizes.map((size) => rowOfSize(constants, lease, size)),
    ),
  ];
  const text = `${tables.join("\n\n")}\n`;
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}
