/**
 * What is known of a login over ssh2 when it fails.
 *
 * @module
 */

import type { Offer, Offering } from "../algorithms.ts";
import type { Circumstances } from "../circumstances.ts";
import type { Identity } from "./identity.ts";
import type { Refusal } from "./overheard.ts";

/** A login that has failed. */
export interface LoginCircumstances extends Circumstances {
  /** The first bytes that the server sent, as text. */
  readonly opening: string;
  /** What our offer of algorithms depended on. */
  readonly offering: Offering;
  /** The algorithms that the server offers; `undefined` if it has not told. */
  readonly theirs: Offer | undefined;
  readonly identity: Identity;
  /** Keys that the ssh-agent holds; `undefined` if it was not asked. */
  readonly agentKeys: number | undefined;
  /** What the server said of our keys. */
  readonly refusal: Refusal | undefined;
}
