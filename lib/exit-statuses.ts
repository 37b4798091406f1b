/**
 * What each exit status means, for the help, the manual page and the README.
 *
 * @module
 */

import { exitStatus } from "./errors.ts";

/** One line of the table of exit statuses. */
export interface ExitStatusMeaning {
  /** The number, as a person reads it. */
  readonly status: string;
  readonly meaning: string;
  /** What `systemctl status` and the journal show for it, systemd.exec(5); `undefined` if nothing. */
  readonly shown?: string;
}

/** systemd has names of its own for small numbers, from a time before relais. */
const shown = [
  "SUCCESS",
  "FAILURE",
  "INVALIDARGUMENT",
  "NOTIMPLEMENTED",
  "NOPERMISSION",
  "NOTINSTALLED",
  "NOTCONFIGURED",
  "NOTRUNNING",
];

const meanings = {
  done: "done, nothing left to do",
  incomplete: "done, but some files could not be copied; each is named",
  usage: "wrong usage or configuration",
  unavailable: "no server available",
  local: "destination, state or log cannot be used",
  refused: "refused by a safety guard",
  untrusted: "a server cannot be trusted, or does not let us in",
  locked: "another relais holds this state",
} satisfies Record<keyof typeof exitStatus, string>;

/** All exit statuses, from the smallest to those of signals. */
export const exitStatuses: readonly ExitStatusMeaning[] = [
  ...Object.entries(exitStatus).map(([name, status]) => ({
    status: String(status),
    meaning: meanings[name as keyof typeof exitStatus],
    shown: `${status}/${shown[status]}`,
  })),
  { status: "128+n", meaning: "stopped by signal n, in good order" },
];
