/**
 * The story of `relais demo --cluster`: three nodes keep one copy together, and one
 * of them is killed while it copies.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { walkSync } from "@std/fs/walk";
import type { Output } from "../cli/output.ts";
import { type ExitStatus, exitStatus, StoppedError } from "../errors.ts";
import { lookAt } from "../files/if-there.ts";
import { writeDay } from "./company.ts";
import { Line } from "./line.ts";
import { DemoNode } from "./node.ts";
import { PostgresServer } from "./postgres.ts";
import { serveDirectory } from "./sftp-directory.ts";
import {
  type DemoServer,
  makeServer,
  publish,
  writeReplicaConfig,
} from "./stage.ts";

/** Days that the company has worked: enough files for each node to claim some. */
const days = 60;

/** Fast enough for a story, and slow enough to be interrupted. */
const bytesPerSecond = 4_000_000;

/** Short for a story, and long enough for a machine that is busy. */
const leaseSeconds = 10;

/** How long the nodes may take until all of them copy; then one is killed anyway. */
const joinMs = 5_000;

/** Between two looks at what the nodes do. */
const lookMs = 20;

/**
 * Plays the story in a folder; `show` tells how things stand with a node, whose
 * configuration it is given. `signal` ends the story early.
 *
 * @throws {LocalError} If PostgreSQL is not installed, or does not start.
 * @throws {StoppedError} If it was ended early.
 */
export async function playCluster(
  folder: string,
  output: Output,
  show: (config: string) => Promise<unknown>,
  signal: AbortSignal,
): Promise<ExitStatus> {
  const say = (text: string) => output.text(`\n${text}`);
  await using database = await startDatabase(folder);
  say(
    "Three machines, r1, r2 and r3, keep one copy together. They share a directory and a PostgreSQL.",
  );
  const line = new Line(bytesPerSecond);
  await using production = await makeServer(folder, "production", {
    serve(sftp, root) {
      line.carry(sftp);
      serveDirectory(sftp, root);
    },
  });
  for (let day = 1; day <= days; day++) writeDay(production.data, day);
  await publish(production, output);
  const into = `${folder}/replica`;
  await Deno.mkdir(into);
  const makeNode = (name: string) =>
    writeNode(folder, { name, into, production, database });
  await using r1 = await makeNode("r1");
  await using r2 = await makeNode("r2");
  await using r3 = await makeNode("r3");
  const nodes = [r1, r2, r3];
  signal.addEventListener("abort", () => nodes.forEach((node) => node.kill()));
  const exits: ExitStatus[] = [];

  async function pause(ms: number): Promise<void> {
    await delay(ms, { signal }).catch(() => {
      throw endedEarly();
    });
  }

  async function waitUntil(isSo: () => boolean, longestMs: number) {
    const began = performance.now();
    while (!isSo() && performance.now() - began < longestMs) {
      await pause(lookMs);
    }
  }

  async function tellEnd(node: DemoNode): Promise<void> {
    const { exit, told } = await node.end();
    if (signal.aborted) throw endedEarly();
    output.text([`${node.name}$ relais --once`, ...told].join("\n  "));
    exits.push(exit);
  }

  say("r1 begins to copy, and so it leads. r2 and r3 join it.");
  const working = () => claimsIn(into).length;
  r1.start();
  await waitUntil(() => working() > 0, 2 * joinMs);
  for (const node of [r2, r3]) node.start();
  await waitUntil(() => working() === 3 && isAnythingIn(into), joinMs);
  r1.kill();
  await r1.end();
  const killedAt = performance.now();
  const total = filesIn(production.root).length;
  say(
    `r1 is killed in the middle of it, with ${
      filesIn(into).length
    } of ${total} files in place. The others go on.`,
  );
  for (const node of [r2, r3]) await tellEnd(node);
  say(
    `What r1 had claimed is free ${leaseSeconds} s later. The next pass takes it over, if none has by then.`,
  );
  await pause(killedAt + leaseSeconds * 1_000 - performance.now());
  r2.start();
  await tellEnd(r2);
  say("r1 is started again. It finds nothing left to do.");
  r1.start();
  await tellEnd(r1);
  const same = filesIn(production.root).filter((path) =>
    isSame(`${production.root}/${path}`, `${into}/${path}`)
  );
  say(
    `${same.length} of the ${total} files of production are here, byte for byte.`,
  );
  say("How things stand:");
  output.result("r2$ relais status");
  await show(r2.config);
  say(howToGoOn);
  return exits.every((exit) => exit === exitStatus.done) &&
      same.length === total
    ? exitStatus.done
    : exitStatus.incomplete;
}

function endedEarly(): StoppedError {
  return new StoppedError("the story was ended early");
}

const howToGoOn = `The same on real machines:
  once       a directory that all of them mount (NFS 4.1, CephFS), and a database
  on each    relais init /etc/relais/relais.toml, with the same [cluster] on all,
             relais check, then relais --once from a systemd timer
See docs/cluster.md.`;

/** Starts a PostgreSQL that nobody reaches but by a socket in the folder. */
async function startDatabase(folder: string): Promise<PostgresServer> {
  const directory = `${folder}/database`;
  await Deno.mkdir(directory, { mode: 0o700 });
  // The account that it runs as when root starts it has to get there.
  if (Deno.uid() === 0) await Deno.chmod(folder, 0o711);
  const database = new PostgresServer({
    directory,
    port: 5_432,
    settings: { listen_addresses: "" },
  });
  await database.initialise(["-U", "relais", "-A", "trust"]);
  await database.start();
  return database;
}

/** Parts of a node. */
interface NodeParts {
  readonly name: string;
  readonly into: string;
  readonly production: DemoServer;
  readonly database: PostgresServer;
}

async function writeNode(
  folder: string,
  { name, into, production, database }: NodeParts,
): Promise<DemoNode> {
  const home = `${folder}/${name}`;
  // relais runs as the owner of its state, who it is that started it.
  await Deno.mkdir(`${home}/state`, { recursive: true });
  const config = await writeReplicaConfig({
    home,
    into,
    servers: [production],
    more: `
[cluster]
database = "postgres://relais@/postgres?host=${database.directory}"
name = "demo"
node = "${name}"
lease = "${leaseSeconds}s"
`,
  });
  return new DemoNode(name, config);
}

/** The claims under which files are being staged: each node has one at a time. */
function claimsIn(into: string): string[] {
  const staging = `${into}/.relais/staging`;
  if (lookAt(staging) === undefined) return [];
  return Array.from(Deno.readDirSync(staging), ({ name }) => name)
    .filter((name) => /^\d+$/.test(name));
}

/** Tells whether any file has come into place. */
function isAnythingIn(into: string): boolean {
  return [...Deno.readDirSync(into)].some(({ name }) => name !== ".relais");
}

/** The files below a directory, without relais's own. */
function filesIn(directory: string): string[] {
  const files = walkSync(directory, {
    includeDirs: false,
    skip: [/\/\.relais$/],
  });
  return Array.from(files, ({ path }) => path.slice(directory.length + 1));
}

function isSame(path: string, other: string): boolean {
  return lookAt(other) !== undefined &&
    Deno.readTextFileSync(path) === Deno.readTextFileSync(other);
}
