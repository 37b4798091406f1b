/**
 * relais verify: the copies against their digests.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { databaseOf } from "../config/database.ts";
import {
  command,
  type Declaration,
  type GivenTo,
  type Surroundings,
} from "../cli/command.ts";
import { globBelow } from "../cli/glob.ts";
import type { Output } from "../cli/output.ts";
import type { ClusterConfig, ReplicaReady } from "../config/config.ts";
import { requireReplica } from "../config/load.ts";
import { type ExitStatus, exitStatus, LocalError } from "../errors.ts";
import { Destination } from "../files/destination.ts";
import { Throttle } from "../files/throttle.ts";
import { hasState, openState } from "../state/database.ts";
import { passNow } from "../supervisor/pass-now.ts";
import { compileGlobs } from "../text/glob.ts";
import { formatBytes, formatCount, formatSeconds } from "../text/human.ts";
import {
  examine,
  type Fault,
  faults,
  type Finding,
} from "../verify/examine.ts";
import { extras } from "../verify/extra.ts";
import { faultColumn, findingLine } from "../verify/finding.ts";
import { Ledger, type Verifications } from "../verify/ledger.ts";
import { verify as verifyCopies } from "../verify/verify.ts";

/** Bytes read in a second when not told. */
const defaultRate = 50_000_000;

const declaration = {
  name: "verify",
  summary: "re-read each copy and check its digest",
  description: [
    "Re-reads the files of the copy, those verified longest ago first, and reports files that changed, that are missing, and that were not copied by relais. For a file without a digest it can check only the size and the date.",
    "Exits with 0 if all files are intact, with 1 if a file differs or is missing.",
  ],
  arguments: [{
    name: "glob",
    required: false,
    help: "only paths that match; quote it for the shell",
  }],
  options: [
    {
      long: "repair",
      kind: "flag",
      help: "run a pass that fetches files again that differ or are missing",
    },
    {
      long: "sample",
      kind: "share",
      value: "SHARE",
      help: "verify only this share of the files, like 1%",
      default: "all",
    },
    {
      long: "rate",
      kind: "size",
      value: "SIZE",
      help: "read no more than SIZE a second; 0: no limit",
      default: "50MB",
    },
  ],
  examples: [
    {
      line: "relais verify --sample 4%",
      help: "each night, to verify all files within a month",
    },
    {
      line: "relais verify --repair 'stock/**'",
      help: "after the disk had errors",
    },
  ],
} as const satisfies Declaration;

type Given = GivenTo<typeof declaration>;

export const verify = command(declaration, read, () => true);

/** Files that are wanted again in one transaction: a pass at work waits no longer for it. */
const batch = 5_000;

/** What is in no list: it did not come with relais. */
const extraFile = "extra";

/** What is printed as JSON: see docs/schemas/verify.json. */
interface Report {
  readonly verified: number;
  readonly bytes: number;
  readonly findings: readonly Finding[];
  /** Files that did not come with relais. */
  readonly extra: readonly string[];
  /** Files that have been fetched again, and are well. */
  readonly repaired: readonly string[];
  readonly seconds: number;
  readonly exit: ExitStatus;
}

const nothing: Report = {
  verified: 0,
  bytes: 0,
  findings: [],
  extra: [],
  repaired: [],
  seconds: 0,
  exit: exitStatus.done,
};

/**
 * Reads copies again and tells what is wrong with them; with `repair` fetches
 * those again.
 *
 * @throws {LocalError} If the state cannot be used.
 */
async function read(
  given: Given,
  { output, load }: Surroundings,
): Promise<ExitStatus> {
  const config = requireReplica(await load());
  const started = performance.now();
  const { into, state } = config.replica;
  const glob = globBelow(into, given.glob);
  if (!hasState(state)) {
    output.note(
      config.cluster === null
        ? 'Nothing has been copied yet: no pass has run; run "relais --once"'
        : 'No pass has run on this node yet; run "relais --once"',
    );
    if (given.json) output.json(nothing);
    return exitStatus.done;
  }
  using db = openState(state);
  await using opened = new AsyncDisposableStack();
  const ledger = await ledgerOf(config, db, opened);
  const matches = glob === undefined ? () => true : compileGlobs([glob]);
  const most = given.sample === undefined
    ? Infinity
    : Math.ceil(await ledger.count() * given.sample);
  const findings: Finding[] = [];
  let verified = 0;
  let bytes = 0;
  const throttle = new Throttle({ bytesPerSecond: given.rate ?? defaultRate });
  const destination = new Destination(into);
  for await (
    const { copy, finding } of verifyCopies(ledger, destination, throttle, {
      matches,
      most,
    })
  ) {
    verified++;
    bytes += copy.size;
    if (finding === undefined) continue;
    findings.push(finding);
    if (!given.json) output.result(findingLine(finding));
  }
  const extra = given.sample === undefined
    ? (await Array.fromAsync(extras(into, ledger))).filter(matches)
    : [];
  if (!given.json) {
    for (const path of extra) {
      output.result(`${faultColumn(extraFile)}  ${path}`);
    }
  }
  const { repaired, stopped } = given.repair && findings.length > 0
    ? await repair(config, findings, { ledger, destination }, output)
    : noRepair;
  const exit = stopped ??
    (findings.length > repaired.length
      ? exitStatus.incomplete
      : exitStatus.done);
  const seconds = Math.round(performance.now() - started) / 1_000;
  const report: Report = {
    verified,
    bytes,
    findings,
    extra,
    repaired,
    seconds,
    exit,
  };
  if (glob !== undefined && verified + extra.length === 0) {
    output.error(
      `No file of the copy matches "${given.glob}"; "relais list" shows all`,
    );
  }
  if (given.json) output.json(report);
  else if (!output.quiet) output.result(summary(report));
  return exit;
}

/** What a repair came to. */
interface Repair {
  /** Files that are well after it. */
  readonly repaired: readonly string[];
  /** The exit status that goes with the signal that stopped it; `undefined`: none did. */
  readonly stopped: ExitStatus | undefined;
}

const noRepair: Repair = { repaired: [], stopped: undefined };

/** Has a pass fetch what is wrong. */
async function repair(
  config: ReplicaReady,
  findings: readonly Finding[],
  { ledger, destination }: {
    readonly ledger: Verifications;
    readonly destination: Destination;
  },
  output: Output,
): Promise<Repair> {
  const wrong = findings.map(({ path }) => path);
  const wanted = new Set<string>();
  for (let at = 0; at < wrong.length; at += batch) {
    const some = await ledger.refetch(wrong.slice(at, at + batch));
    for (const path of some) wanted.add(path);
  }
  for (const path of wrong.filter((path) => !wanted.has(path))) {
    output.error(
      `Cannot repair ${path}: no server lists the version that was here`,
    );
  }
  const stopped = wanted.size === 0 ? undefined : await passNow(
    config,
    output,
    "The running relais fetches them in its next pass.",
  );
  const throttle = new Throttle({ bytesPerSecond: 0 });
  const repaired = [];
  for (const path of wanted) {
    const copy = await ledger.copy(path);
    if (copy === undefined) continue;
    const finding = await examine(copy, destination, throttle);
    if (finding === undefined) repaired.push(path);
  }
  if (config.cluster !== null && repaired.length < wanted.size) {
    output.note("The node that leads has them fetched in its next pass.");
  }
  return { repaired, stopped };
}

/** Returns what is known of the files; `db` is the state of this machine, and `opened` closes what else is opened. */
async function ledgerOf(
  { replica: { into }, cluster }: ReplicaReady,
  db: DatabaseSync,
  opened: AsyncDisposableStack,
): Promise<Verifications> {
  if (cluster === null) return new Ledger(db);
  const { lookAt } = await import("../cluster/look.ts");
  const { assertShared } = await import("../verify/shared-directory.ts");
  const { SharedLedger } = await import("../verify/shared-ledger.ts");
  const database = await lookAt(databaseOf(cluster));
  if (database === undefined) throw noTables(cluster);
  opened.use(database);
  await assertShared(into, database);
  return await SharedLedger.open(database, db);
}

function noTables({ name }: ClusterConfig): LocalError {
  return new LocalError(
    `Cannot verify the copy: the database has no tables of ${name}`,
    { hint: 'run "relais --once", which makes them' },
  );
}

/** The run in one sentence. */
function summary(
  { verified, bytes, findings, extra, repaired, seconds }: Report,
) {
  const of = (fault: Fault) =>
    findings.filter((finding) => finding.fault === fault).length;
  const found = [
    ...faults.map((fault) => [of(fault), fault] as const),
    [extra.length, extraFile] as const,
    [repaired.length, "repaired"] as const,
  ].filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return `${formatCount(verified, "file")} verified (${formatBytes(bytes)}): ${
    found.length > 0
      ? found.join(", ")
      : verified === 0
      ? "nothing to verify"
      : "all intact"
  }, in ${formatSeconds(seconds)}.`;
}
