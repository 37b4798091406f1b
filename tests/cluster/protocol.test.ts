import { assertEquals, assertGreater } from "@std/assert";
import {
  type Postgres,
  postgresAvailable,
  startPostgres,
} from "../../fixtures/postgres.ts";
import * as rules from "../simulation/claims.ts";
import { Database, type Session } from "../../lib/cluster/database.ts";
import * as lease from "../simulation/lease.ts";
import { migrate } from "../../lib/cluster/schema.ts";
import type { Wanted } from "../../lib/cluster/requests.ts";
import * as statements from "../../lib/cluster/statements.ts";
import { Random } from "../simulation/random.ts";

const leaseMs = 1_000;
const limits = { files: 3, bytes: 10 };

/** A database whose clock stands where the test has set it. */
class ClockedDatabase extends Database {
  override query<Row>(text: string, values?: readonly unknown[]) {
    return super.query<Row>(clocked(text), values);
  }

  override transaction<Result>(work: (session: Session) => Promise<Result>) {
    return super.transaction((session) =>
      work({
        unsafe: ((text: string, ...more: []) =>
          session.unsafe(clocked(text), ...more)) as Session["unsafe"],
      })
    );
  }

  /** Begins with a table of files that are wanted. */
  static async make(server: Postgres, name: string): Promise<ClockedDatabase> {
    const database = new ClockedDatabase(server.config(name));
    await migrate(database);
    await database.query("CREATE TABLE clock AS SELECT 0::bigint AS now");
    await database.query(
      `CREATE FUNCTION time_of_test() RETURNS timestamptz LANGUAGE sql AS
       'SELECT to_timestamp(now / 1000.0) FROM clock'`,
    );
    return database;
  }

  /** What the rules know, as the tables have it. */
  async state(): Promise<Model> {
    const [[held], [pass], [sequence], claims, claimed] = await Promise.all([
      this.query<lease.Lease>(
        `SELECT term, holder, ${
          msOf("until")
        } AS until, former FROM lease WHERE term > 0`,
      ),
      this.query<{ open: boolean }>("SELECT open FROM current_pass"),
      this.query<{ next: number }>(
        "SELECT last_value + is_called::int AS next FROM claim_id_seq",
      ),
      this.query<rules.Claim>(
        `SELECT id, holder, ${
          msOf("until")
        } AS until, behind, removes, last_seq AS last FROM claim ORDER BY id`,
      ),
      this.query<Wanted & { claim: number | null }>(
        "SELECT path, seq, size, claim FROM claimed ORDER BY seq",
      ),
    ]);
    const files = (id: number | null) =>
      claimed.filter(({ claim }) => claim === id)
        .map(({ path, seq, size }) => ({ path, seq, size }));
    const { next } = sequence!;
    return {
      lease: held,
      claims: {
        next,
        open: pass!.open,
        tried: files(null).map(({ path }) => path),
        held: claims.map((claim) => ({ ...claim, files: files(claim.id) })),
      },
    };
  }
}

interface Model {
  readonly lease: lease.Lease | undefined;
  readonly claims: rules.Claims;
}

function clocked(text: string): string {
  return text.replaceAll("clock_timestamp()", "time_of_test()");
}

function msOf(column: string): string {
  return `(extract(epoch FROM ${column}) * 1000)::bigint`;
}

/** The rules, with the state that they are applied to. */
class Rules implements Model {
  lease: lease.Lease | undefined;
  claims = rules.noClaims;
  now = 0;
  wanted: Wanted[];
  withdrawn: Wanted[];

  constructor(wanted: Wanted[], withdrawn: Wanted[]) {
    this.wanted = wanted;
    this.withdrawn = withdrawn;
  }

  get paths(): string[] {
    return [...this.wanted, ...this.withdrawn].map(({ path }) => path);
  }

  /** Applies what grants a claim; returns what its holder learns. */
  grant({ claims, claim }: rules.Granted) {
    this.claims = claims;
    if (claim === undefined) return undefined;
    const { id, behind, removes, files } = claim;
    return { id, server: "production", behind, removes, files };
  }
}

/** One step on both: what the rules answer, and what the database does. */
type Step = (
  on: { rules: Rules; database: Database; random: Random },
) => Promise<readonly [unknown, unknown]>;

function claimantOf(
  { random, rules: { now } }: { random: Random; rules: Rules },
) {
  // Sometimes a node is started again.
  const process = random.happens(0.2) ? 2 : 1;
  return { holder: `r${1 + random.below(3)}/${process}`, now, leaseMs };
}

/** Returns the number of some claim, mostly one that is held. */
function someClaim(random: Random, { claims }: Rules): number {
  const ids = claims.held.map(({ id }) => id);
  return random.happens(0.8) && ids.length > 0
    ? ids[random.below(ids.length)]!
    : 1 + random.below(claims.next);
}

/** A change that the leader makes, mostly in the term that it is. */
async function leaderStep(
  { rules, database, random }: Parameters<Step>[0],
  change: (claims: rules.Claims) => [rules.Claims, unknown],
  work: (session: Session) => Promise<unknown>,
): Promise<readonly [unknown, unknown]> {
  const term = (rules.lease?.term ?? 0) - (random.happens(0.2) ? 1 : 0);
  const done = await statements.fenced(
    database,
    term,
    async (session) => [await work(session)],
  );
  if (!lease.isHeld(rules.lease, term, rules.now)) return [undefined, done];
  const [claims, answer] = change(rules.claims);
  rules.claims = claims;
  return [[answer], done];
}

const steps: Record<string, Step> = {
  async acquire(on) {
    const claimant = claimantOf(on);
    const granted = lease.acquire(on.rules.lease, claimant);
    on.rules.lease = granted ?? on.rules.lease;
    return [granted?.term, await statements.acquire(on.database, claimant)];
  },
  async resign({ rules, database, random }) {
    const term = random.below(3) + (rules.lease?.term ?? 0) - 1;
    if (rules.lease !== undefined) {
      rules.lease = lease.resign(rules.lease, term, rules.now);
    }
    return [undefined, await statements.resign(database, term)];
  },
  async takeFormer({ rules, database }) {
    const { lease: held } = rules;
    const term = held?.term ?? 0;
    const former = await statements.fenced(
      database,
      term,
      (session) => statements.takeFormer(session, term),
    );
    const isHeld = lease.isHeld(held, term, rules.now);
    if (isHeld) rules.lease = { ...held!, former: "" };
    return [isHeld ? held!.former : undefined, former];
  },
  open: (on) =>
    leaderStep(
      on,
      (claims) => [rules.open(claims), true],
      (session) => statements.open(session, "production"),
    ),
  close: (on) =>
    leaderStep(
      on,
      (claims) => [rules.close(claims), undefined],
      (session) => statements.close(session),
    ),
  isQuiet: (on) =>
    leaderStep(
      on,
      (claims) => [claims, rules.isQuiet(claims)],
      (session) => statements.isQuiet(session),
    ),
  async take(on) {
    const { rules: model, database } = on;
    const claimant = claimantOf(on);
    const granted = rules.take(model.claims, model.wanted, claimant, limits);
    return [
      model.grant(granted),
      await statements.take(database, claimant, limits),
    ];
  },
  takeWithdrawn(on) {
    const { rules: model } = on;
    const claimant = claimantOf(on);
    const { files } = limits;
    return leaderStep(
      on,
      (claims) => {
        const { withdrawn } = model;
        const answer = model.grant(
          rules.takeWithdrawn(claims, withdrawn, claimant, limits),
        );
        return [model.claims, answer];
      },
      async (session) => {
        if (!await statements.isQuiet(session)) return undefined;
        const batch = { server: "production", files };
        return await statements.takeWithdrawn(session, claimant, batch);
      },
    );
  },
  async takeOver(on) {
    const claimant = claimantOf(on);
    const granted = rules.takeOver(on.rules.claims, claimant);
    return [
      on.rules.grant(granted),
      await statements.takeOver(on.database, claimant),
    ];
  },
  async extend({ rules: model, database, random }) {
    const id = someClaim(random, model);
    const extended = rules.extend(model.claims, id, {
      now: model.now,
      leaseMs,
    });
    model.claims = extended ?? model.claims;
    return [
      extended !== undefined,
      await statements.extend(database, id, leaseMs),
    ];
  },
  async commit({ rules: model, database, random }) {
    const id = someClaim(random, model);
    const paths = model.paths.filter(() => random.happens(0.5));
    const isGone = model.claims.held.every((claim) => claim.id !== id);
    const { claims, committed } = rules.commit(model.claims, id, paths);
    model.claims = claims;
    const here = committed.map(({ path }) => path);
    model.wanted = model.wanted.filter(({ path }) => !here.includes(path));
    model.withdrawn = model.withdrawn
      .filter(({ path }) => !here.includes(path));
    const done = await statements.commit(
      database,
      { id, paths },
      async (session, files) => {
        const done = files.map(({ path }) => path);
        await session.unsafe(
          "UPDATE entry SET standing = 'here' WHERE path = ANY ($1)",
          [done],
        );
      },
    );
    return [isGone ? undefined : committed, done && [...done]];
  },
  async release({ rules: model, database, random }) {
    const id = someClaim(random, model);
    const tried = model.paths.filter(() => random.happens(0.5));
    model.claims = rules.release(model.claims, id, tried);
    return [undefined, await statements.release(database, id, tried)];
  },
  async "time passes"({ rules, database, random }) {
    rules.now += random.below(1_200);
    await database.query("UPDATE clock SET now = $1", [rules.now]);
    return [undefined, undefined];
  },
};

function isGranted(answer: unknown): boolean {
  return Array.isArray(answer) && answer[0] !== undefined;
}

async function insertEntries(
  database: Database,
  files: readonly Wanted[],
  standing: string,
): Promise<void> {
  await database.query(
    `INSERT INTO entry (server, path, seq, published, mtime, size, reading, standing)
     SELECT 'production', path, seq, '0', '0', size, 1, $2
     FROM jsonb_to_recordset($1) AS line (path text, seq bigint, size bigint)`,
    [files, standing],
  );
}

/** The order in which paths were given back does not matter. */
function comparable({ lease, claims }: Model): Model {
  return { lease, claims: { ...claims, tried: [...claims.tried].sort() } };
}

Deno.test({
  name: "the statements do what the rules say, whatever the steps",
  ignore: !postgresAvailable,
  async fn() {
    await using server = await startPostgres();
    const seen = { takeovers: 0, removals: 0, terms: 0, formers: 0 };
    for (const seed of [1, 2]) {
      const random = new Random(seed);
      await using database = await ClockedDatabase.make(server, `c${seed}`);
      const wanted = Array.from({ length: 40 }, (_, index) => ({
        path: `f${index}`,
        seq: index + 1,
        size: random.below(8),
      }));
      const withdrawn = Array.from({ length: 10 }, (_, index) => ({
        path: `w${index}`,
        seq: wanted.length + index + 1,
        size: random.below(8),
      }));
      await insertEntries(database, wanted, "wanted");
      await insertEntries(database, withdrawn, "withdrawn");
      await database.query(
        `INSERT INTO list (server, "offset", tail, seq, reading, complete, filters)
         VALUES ('production', 0, '', 0, 1, 1, '')`,
      );
      await database.query(
        `INSERT INTO copy (path, server, seq, published, mtime, size, arrived, announced)
         SELECT path, server, seq, '0', '0', size, 0, 1 FROM entry
         WHERE standing = 'withdrawn'`,
      );
      const on = { rules: new Rules(wanted, withdrawn), database, random };
      const told: string[] = [];
      for (let count = 0; count < 200; count++) {
        const names = Object.keys(steps);
        const name = names[random.below(names.length)]!;
        const [expected, actual] = await steps[name]!(on);

        told.push(name);
        if (name === "takeOver" && actual !== undefined) seen.takeovers++;
        if (name === "takeFormer" && actual) seen.formers++;
        if (name === "takeWithdrawn" && isGranted(actual)) seen.removals++;
        const so = `seed ${seed}, after ${told.join(", ")}`;
        assertEquals(actual, expected, so);
        assertEquals(
          comparable(await database.state()),
          comparable(on.rules),
          so,
        );
      }
      seen.terms += on.rules.lease!.term;
    }
    assertGreater(seen.terms, 4);
    assertGreater(seen.takeovers, 0);
    assertGreater(seen.formers, 0);
    assertGreater(seen.removals, 0);
  },
});
