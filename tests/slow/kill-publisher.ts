/**
 * A publisher that is killed again and again, at any instant: the list stays
 * valid, and names nothing that is not whole. `RELAIS_KILLS` and `RELAIS_SEED`
 * as in kill-replica.ts.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { Chance } from "../../fixtures/crash/chance.ts";
import { digestsBelow } from "../../fixtures/crash/digest.ts";
import { readListing } from "../../fixtures/crash/listing.ts";
import { SourceTree } from "../../fixtures/crash/source-tree.ts";
import {
  killAfter,
  killInCall,
  relaisCommand,
} from "../../fixtures/crash/victim.ts";
import { isInstalled } from "../../fixtures/publishers.ts";
import { publishScript } from "../../lib/publish/sh/script.ts";

const kills = Number(Deno.env.get("RELAIS_KILLS") ?? 300);

/** One that publishes, as a command. */
interface Publisher {
  readonly name: string;
  readonly rounds: number;
  /** Writes what it needs into `directory` and returns its command. */
  prepare(directory: string): string[];
}

const relais: Publisher = {
  name: "relais publish",
  rounds: kills,
  prepare(directory) {
    const { files, base, into } = configOf(directory);
    const config = `${directory}/relais.toml`;
    Deno.writeTextFileSync(
      config,
      `[publish]\nfiles = ["${files}"]\nbase = "${base}"\ninto = "${into}"\n[log]\nfile = ""\n`,
    );
    return relaisCommand("publish", "--once", "--config", config);
  },
};

const script: Publisher = {
  name: "dash relais-publish.sh",
  // It takes longer.
  rounds: Math.ceil(kills / 5),
  prepare(directory) {
    const { files, base, into } = configOf(directory);
    const path = `${directory}/relais-publish.sh`;
    Deno.writeTextFileSync(path, publishScript({ files: [files], base, into }));
    return ["dash", path];
  },
};

function configOf(directory: string) {
  const base = `${directory}/data`;
  return { files: `${base}/**/*`, base, into: `${directory}/export` };
}

for (const publisher of [relais, script]) {
  const { name, rounds } = publisher;
  const ignore = publisher === script && !isInstalled("dash");
  Deno.test({ name: `${name} survives ${rounds} kills`, ignore }, async () => {
    const chance = new Chance();
    const directory = await Deno.makeTempDir({ prefix: "relais-kill-" });
    try {
      const run = new Run(directory, publisher, chance);
      console.log(`  ${await run.kill(rounds)}`);
    } catch (cause) {
      throw new Error(`with RELAIS_SEED=${chance.seed}`, { cause });
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

class Run {
  readonly #export: string;
  readonly #command: readonly string[];
  readonly #chance: Chance;
  readonly #sources: SourceTree;

  constructor(directory: string, publisher: Publisher, chance: Chance) {
    const { base, into } = configOf(directory);
    Deno.mkdirSync(base);
    Deno.mkdirSync(into);
    this.#export = into;
    this.#command = publisher.prepare(directory);
    this.#chance = chance;
    this.#sources = new SourceTree(base, chance);
  }

  /** Kills `rounds` runs; tells in one line how. */
  async kill(rounds: number): Promise<string> {
    this.#sources.change(1);
    let runMs = await this.#publish();
    let killed = 0;
    for (let round = 1; round <= rounds; round++) {
      this.#sources.change(this.#chance.between(0.05, 0.6));
      if (await this.#killRun(runMs)) killed++;
      this.#check();
      if (round % 20 === 0) runMs = await this.#publish();
    }
    await this.#publish();
    assert(killed > rounds / 3, `only ${killed} of ${rounds} were killed`);
    return `${rounds} kills, ${killed} before the end`;
  }

  async #killRun(runMs: number): Promise<boolean> {
    const isScript = this.#command[0] === "dash";
    // What a script does it does in many processes, each of few calls.
    if (!isScript && this.#chance.happens(0.4)) {
      return await killInCall(this.#chance, this.#command);
    }
    const least = !isScript && this.#chance.happens(0.8) ? 0.3 : 0;
    const afterMs = runMs * this.#chance.between(least, 0.9);
    const how = isScript ? "with its children" : "alone";
    return await killAfter(afterMs, this.#command, how);
  }

  /** The list is valid to its last whole line, and each file is a whole version of its source: the one its line names, or one that no line names yet. */
  #check(): void {
    const list = `${this.#export}/.relais/list`;
    // Killed before it had begun one.
    if (!exists(list)) return;
    const { live } = readListing(list);
    const files = digestsBelow(this.#export);
    for (const [path, digest] of files) {
      const known = this.#sources.versions.get(path)?.has(digest);
      if (!known) throw new Error(`${path} is no version of its source`);
    }
    for (const [path, { digest }] of live) {
      const here = files.get(path);
      if (here === undefined) throw new Error(`${path} is listed, and missing`);
      const listed = [...this.#sources.versions.get(path)!];
      const isNewer = listed.indexOf(here) > listed.indexOf(digest!);
      if (here !== digest && !isNewer) {
        throw new Error(`${path} is older than its line`);
      }
    }
  }

  /** A run that is not killed leaves exactly the sources, listed; returns how long it took. */
  async #publish(): Promise<number> {
    const started = performance.now();
    const [program, ...args] = this.#command;
    const { success, stderr } = await new Deno.Command(program!, {
      args,
      stdin: "null",
    }).output();
    const took = performance.now() - started;
    assert(success, new TextDecoder().decode(stderr));
    const sources = digestsBelow(this.#sources.directory);
    const { live } = readListing(`${this.#export}/.relais/list`);
    assertEquals(
      new Map([...live].map(([path, { digest }]) => [path, `${digest}`])),
      sources,
    );
    assertEquals(digestsBelow(this.#export), sources);
    return took;
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
