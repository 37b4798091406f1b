/**
 * Claims: batches of files that one node has taken to copy, or to remove. These are the
 * rules; the statements that the database runs follow them.
 *
 * A claim covers paths, and not versions: as long as a path is claimed, nobody else
 * changes what is under its final name. A claim that ran out still covers its paths
 * until a node takes it over. That node gets a new claim, with a directory of its
 * own for staged files, and removes the directories of all claims behind it before
 * it does anything else. Placing a file is a rename out of such a directory, and
 * removing one a rename into it: so a node that held an earlier claim, and was only
 * paused, can do neither any more.
 *
 * Files are removed while nothing else is claimed, and only the leader claims them for
 * that. If another node takes such a claim over, it removes nothing more.
 *
 * @module
 */

import type { Wanted } from "../../lib/cluster/requests.ts";
import type { BatchLimits } from "../../lib/cluster/statements.ts";

/** A batch that a node has taken. */
export interface Claim {
  /** Number of the claim; never given twice. */
  readonly id: number;
  /** The process that holds it. */
  readonly holder: string;
  /** Time at which it runs out, in milliseconds, by the database's clock. */
  readonly until: number;
  /** Claims on the same files before it: their directories have to be removed first. */
  readonly behind: readonly number[];
  /** True if the files were withdrawn and are to be removed; false if they are to be copied. */
  readonly removes: boolean;
  /** Number of the last line among its files; of those, too, that are committed. */
  readonly last: number;
  /** Files not yet committed. */
  readonly files: readonly Wanted[];
}

/** All claims of a cluster. */
export interface Claims {
  /** Number of the next claim. */
  readonly next: number;
  /** True while files are copied; false while the leader synchronises the list. */
  readonly open: boolean;
  /** Paths that were tried in vain since then: they wait for the next time. */
  readonly tried: readonly string[];
  /** Claims that are held, or ran out and were not taken over, by number. */
  readonly held: readonly Claim[];
}

/** A node that asks for a claim. */
export interface Claimant {
  readonly holder: string;
  readonly now: number;
  readonly leaseMs: number;
}

/** Claims, and the one that an operation is about. */
export interface Granted {
  readonly claims: Claims;
  /** `undefined`: nothing was granted. */
  readonly claim: Claim | undefined;
}

/** A cluster in which nobody has claimed anything. */
export const noClaims: Claims = {
  next: 1,
  open: false,
  tried: [],
  held: [],
};

/**
 * Grants a batch of `wanted`, in the order of its lines, of which nobody has claimed
 * anything yet. It goes on behind all claims: only what was given back lies before
 * them, and comes last.
 */
export function take(
  claims: Claims,
  wanted: readonly Wanted[],
  claimant: Claimant,
  limits: BatchLimits,
): Granted {
  if (!claims.open) return { claims, claim: undefined };
  const free = untaken(claims, wanted);
  const copied = claims.held.filter(({ removes }) => !removes);
  const end = Math.max(0, ...copied.map(({ last }) => last));
  const onward = free.filter(({ seq }) => seq > end);
  const next = onward.length > 0 ? onward : free;
  const files = batch(next.slice(0, limits.files), limits.bytes);
  if (files.length === 0) return { claims, claim: undefined };
  return grant(claims, claims.held, claimant, {
    ...{ behind: [], removes: false, last: files.at(-1)!.seq, files },
  });
}

/**
 * Grants the leader a batch of files that were `withdrawn`, to remove them. Nothing
 * else may be claimed.
 */
export function takeWithdrawn(
  claims: Claims,
  withdrawn: readonly Wanted[],
  claimant: Claimant,
  limits: Pick<BatchLimits, "files">,
): Granted {
  if (!isQuiet(claims)) return { claims, claim: undefined };
  const files = untaken(claims, withdrawn).slice(0, limits.files);
  if (files.length === 0) return { claims, claim: undefined };
  return grant(claims, claims.held, claimant, {
    ...{ behind: [], removes: true, last: 0, files },
  });
}

/** Returns what nobody has claimed, and nobody has tried in vain since claiming began. */
export function untaken<File extends Wanted>(
  { held, tried }: Claims,
  wanted: readonly File[],
): File[] {
  const taken = new Set([
    ...tried,
    ...held.flatMap(({ files }) => files.map(({ path }) => path)),
  ]);
  return wanted.filter(({ path }) => !taken.has(path));
}

/** Hands the first claim that ran out to another node, or to the same one again. */
export function takeOver(claims: Claims, claimant: Claimant): Granted {
  const old = claims.held.find(({ until }) => until <= claimant.now);
  if (old === undefined) return { claims, claim: undefined };
  const others = claims.held.filter((claim) => claim !== old);
  const behind = [...old.behind, old.id];
  const { removes, last, files } = old;
  return grant(claims, others, claimant, { behind, removes, last, files });
}

/** Extends a claim that has not run out; returns `undefined` if there is none. */
export function extend(
  claims: Claims,
  id: number,
  { now, leaseMs }: Omit<Claimant, "holder">,
): Claims | undefined {
  const claim = claims.held.find((one) => one.id === id);
  if (claim === undefined || claim.until <= now) return undefined;
  return replace(claims, claim, { ...claim, until: now + leaseMs });
}

/**
 * Ends the claim on files that are in place, to stay. One that ran out meanwhile,
 * and that nobody has taken over, is as good: nobody else has touched the files.
 */
export function commit(
  claims: Claims,
  id: number,
  paths: readonly string[],
): { readonly claims: Claims; readonly committed: readonly Wanted[] } {
  const claim = claims.held.find((one) => one.id === id);
  if (claim === undefined) return { claims, committed: [] };
  const committed = claim.files.filter(({ path }) => paths.includes(path));
  const files = claim.files.filter((file) => !committed.includes(file));
  return { claims: replace(claims, claim, { ...claim, files }), committed };
}

/**
 * Gives back what is left of a claim, whose directory is removed by now.
 *
 * @param tried Paths that nobody is to try again until the next pass.
 */
export function release(
  claims: Claims,
  id: number,
  tried: readonly string[],
): Claims {
  const claim = claims.held.find((one) => one.id === id);
  if (claim === undefined) return claims;
  const inVain = claim.files.map(({ path }) => path)
    .filter((path) => tried.includes(path));
  return {
    ...claims,
    tried: [...claims.tried, ...inVain],
    held: claims.held.filter((one) => one !== claim),
  };
}

/** Lets nodes claim whatever is wanted. */
export function open(claims: Claims): Claims {
  return { ...claims, open: true, tried: [] };
}

/** Lets nodes claim nothing more; what is claimed goes on. */
export function close(claims: Claims): Claims {
  return { ...claims, open: false };
}

/** Tells whether the leader may change what is wanted, and remove files. */
export function isQuiet({ open, held }: Claims): boolean {
  return !open && held.length === 0;
}

/** Files until their sizes reach `bytes`. */
function batch(wanted: readonly Wanted[], bytes: number): Wanted[] {
  const taken: Wanted[] = [];
  let sum = 0;
  for (const file of wanted) {
    if (taken.length > 0 && sum >= bytes) break;
    taken.push(file);
    sum += file.size;
  }
  return taken;
}

function grant(
  claims: Claims,
  others: readonly Claim[],
  { holder, now, leaseMs }: Claimant,
  batch: Pick<Claim, "behind" | "removes" | "last" | "files">,
): Granted {
  const id = claims.next;
  const claim = { id, holder, until: now + leaseMs, ...batch };
  return {
    claims: { ...claims, next: id + 1, held: [...others, claim] },
    claim,
  };
}

function replace(claims: Claims, old: Claim, by: Claim): Claims {
  return {
    ...claims,
    held: claims.held.map((claim) => claim === old ? by : claim),
  };
}
