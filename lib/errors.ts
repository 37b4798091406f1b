/**
 * The errors relais raises on purpose, and the exit status each one leads to.
 *
 * An error class does not survive `postMessage`, so a module flattens what it
 * caught to a {@link Failure} before it answers.
 *
 * @module
 */

/** Exit statuses, as relais(1) documents them. Any other non-zero status is a failure too. */
export const exitStatus = {
  /** Done, nothing left to do. */
  done: 0,
  /** Done, but some files could not be copied or verified. */
  incomplete: 1,
  /** Wrong usage or configuration. */
  usage: 2,
  /** No server available. */
  unavailable: 3,
  /** Destination, state, database or log cannot be used. */
  local: 4,
  /** Refused by a safety guard. */
  refused: 5,
  /** A server cannot be trusted, or does not let us in. */
  untrusted: 6,
  /** Another relais holds this state. */
  locked: 7,
} as const;

/** One of the statuses above, or 128 + the number of the signal that stopped relais. */
export type ExitStatus = number;

/** The base of every error relais raises on purpose. */
export abstract class RelaisError extends Error {
  /** The exit status if nothing recovers from this error. */
  abstract readonly exitStatus: ExitStatus;
  /** True if the same operation may succeed later, unchanged. */
  readonly retriable: boolean = false;
  /** An action for the administrator: a command to run or a thing to change; no full stop. */
  readonly hint: string | undefined;

  constructor(message: string, options: ErrorOptions & { hint?: string } = {}) {
    super(message, options);
    this.hint = options.hint;
  }
}

/** The command line cannot be understood. */
export class UsageError extends RelaisError {
  override readonly name = "UsageError";
  override readonly exitStatus = exitStatus.usage;
}

/** The configuration is missing or wrong; `problems` holds all that was found. */
export class ConfigError extends RelaisError {
  override readonly name = "ConfigError";
  override readonly exitStatus = exitStatus.usage;

  constructor(
    message: string,
    readonly problems: readonly string[] = [],
    options: ErrorOptions & { hint?: string } = {},
  ) {
    super(message, options);
  }
}

/** A server did not answer: a refused connection, a time limit, a name not found. */
export class UnreachableError extends RelaisError {
  override readonly name: string = "UnreachableError";
  override readonly exitStatus = exitStatus.unavailable;
  override readonly retriable = true;
}

/**
 * A server did not answer one request in time, the one that all others waited
 * behind. The file may be to blame: a FIFO without a writer never opens.
 */
export class StuckError extends UnreachableError {
  override readonly name = "StuckError";
}

/** A server answered, but what relais needs from it is not there or not usable. */
export class UnusableError extends RelaisError {
  override readonly name = "UnusableError";
  override readonly exitStatus = exitStatus.unavailable;
}

/** A server shows a host key that is not the known one. */
export class HostKeyError extends RelaisError {
  override readonly name = "HostKeyError";
  override readonly exitStatus = exitStatus.untrusted;
}

/** A server refuses the login. Never tried again within a pass: servers ban for it. */
export class AuthenticationError extends RelaisError {
  override readonly name = "AuthenticationError";
  override readonly exitStatus = exitStatus.untrusted;
}

/** One file could not be copied, published or verified; the others go on. */
export class FileError extends RelaisError {
  override readonly name: string = "FileError";
  override readonly exitStatus = exitStatus.incomplete;
  override readonly retriable: boolean;
  /** What a server answered, if that is the reason. */
  readonly answer: Failure["answer"];

  constructor(
    message: string,
    options: ErrorOptions & Pick<Failure, "hint" | "answer"> & {
      retriable?: boolean;
    } = {},
  ) {
    super(message, options);
    this.retriable = options.retriable ?? false;
    this.answer = options.answer;
  }
}

/** The destination, the state or the log cannot be used. */
export class LocalError extends RelaisError {
  override readonly name = "LocalError";
  override readonly exitStatus = exitStatus.local;
}

/**
 * The disk could not keep what was written to it. It says so only once: what
 * was written since the last barrier can be read back from memory, and yet be
 * lost.
 */
export class LostWritesError extends LocalError {}

/** The state is damaged. It is set aside, and made again from the list and the copy. */
export class DamagedStateError extends RelaisError {
  override readonly name = "DamagedStateError";
  override readonly exitStatus = exitStatus.local;

  constructor(message: string) {
    super(message, {
      hint: 'run "relais --once": it sets the state aside and makes a new one',
    });
  }
}

/** A safety guard stopped the work. */
export class RefusedError extends RelaisError {
  override readonly name = "RefusedError";
  override readonly exitStatus = exitStatus.refused;
}

/** Another relais holds the state or the export. */
export class LockedError extends RelaisError {
  override readonly name = "LockedError";
  override readonly exitStatus = exitStatus.locked;
}

/** A module died, or did not answer in time. */
export class ModuleError extends RelaisError {
  override readonly name = "ModuleError";
  override readonly exitStatus = exitStatus.incomplete;
  override readonly retriable = true;
}

/** A hook could not be run, or failed. */
export class HookError extends RelaisError {
  override readonly name = "HookError";
  override readonly exitStatus = exitStatus.incomplete;
}

/** A signal or a time limit ended the work. */
export class StoppedError extends RelaisError {
  override readonly name = "StoppedError";
  override readonly exitStatus: ExitStatus = exitStatus.incomplete;
}

/** An error as it crosses from one module to another. */
export interface Failure {
  /** Name of the error class; "Error" marks a bug. */
  readonly name: string;
  readonly message: string;
  readonly exitStatus: ExitStatus;
  readonly retriable: boolean;
  readonly hint?: string;
  /** What a server answered, if that is the reason: one of its status codes, and what it means in words. */
  readonly answer?:
    | { readonly code: string; readonly reason: string }
    | undefined;
}

/** Tells whether SQLite reports a damaged file: SQLITE_CORRUPT, SQLITE_NOTADB, or a schema of another program. */
export function isDamage(error: unknown): boolean {
  return isSqlite(error) &&
    /not a database|malformed|no such table/.test(error.message);
}

/** Tells whether an error comes from SQLite, whose only file in relais is the state. */
function isSqlite(error: unknown): error is Error {
  return (error as { code?: unknown } | null)?.code === "ERR_SQLITE_ERROR";
}

/** What is wrong with this machine and not with relais, errno(3), and what helps. */
const troubles: Readonly<Record<string, string>> = {
  EACCES:
    "let the account that runs relais use it, or chown it to that account",
  EPERM: "let the account that runs relais use it, or chown it to that account",
  EROFS: "check why its disk is mounted read-only",
  EIO: "check its disk; dmesg shows its errors",
  ENOSPC: "free some space on its disk",
  EDQUOT: "free some space there, or raise the quota",
  EMFILE: "allow more open files (ulimit -n, LimitNOFILE=)",
  ENFILE: "allow more open files on this machine (sysctl fs.file-max)",
};

/**
 * Turns an error of SQLite or of the file system into one of relais; returns other
 * errors as they are: they are bugs.
 */
export function explained(error: unknown): unknown {
  if (error instanceof RelaisError || !(error instanceof Error)) return error;
  const { message, code = "" } = error as Error & { code?: string };
  if (isSqlite(error)) return explainSqlite(error);
  const hint = troubles[code];
  return hint === undefined
    ? error
    : new LocalError(`Cannot go on: ${message}`, { cause: error, hint });
}

function explainSqlite(error: Error): RelaisError {
  if (isDamage(error)) {
    return new DamagedStateError(`Cannot use the state: ${error.message}`);
  }
  return new LocalError(`Cannot use the state: ${error.message}`, {
    cause: error,
    hint: stateHint(error.message),
  });
}

/** Returns the hint for a state that cannot be used, from SQLite's message. */
export function stateHint(reason: string): string {
  if (/is full/.test(reason)) {
    return "free some space on the disk of replica.state";
  }
  if (/disk I\/O|Input\/output/.test(reason)) {
    return "check the disk of replica.state (dmesg shows its errors); the state is left as it is";
  }
  return 'run "relais check": it says who may not write in replica.state, and whether its disk is read-only';
}

/** Flattens anything thrown to a {@link Failure}; what is not a {@link RelaisError} is reported as a bug. */
export function toFailure(thrown: unknown): Failure {
  const error = explained(thrown);
  if (error instanceof RelaisError) {
    const { name, message, exitStatus, retriable, hint } = error;
    const answer = error instanceof FileError ? error.answer : undefined;
    return {
      name,
      message,
      exitStatus,
      retriable,
      ...(hint === undefined ? {} : { hint }),
      ...(answer === undefined ? {} : { answer }),
    };
  }
  const message = error instanceof Error
    ? `internal error: ${error.stack ?? error.message}`
    : `internal error: ${error}`;
  return {
    name: "Error",
    message,
    exitStatus: exitStatus.incomplete,
    retriable: false,
  };
}

/** A {@link Failure} turned back into something that can be thrown. */
export class RemoteFailure extends RelaisError {
  override readonly name: string;
  override readonly exitStatus: ExitStatus;
  override readonly retriable: boolean;

  constructor(readonly failure: Failure) {
    super(
      failure.message,
      failure.hint === undefined ? {} : { hint: failure.hint },
    );
    this.name = failure.name;
    this.exitStatus = failure.exitStatus;
    this.retriable = failure.retriable;
  }
}

/** Returns an error or a failure as one line: what happened and, if known, what to do. */
export function describe(error: unknown): string {
  if (typeof error !== "object" || error === null) return String(error);
  const { message, hint } = error as { message?: string; hint?: string };
  return hint === undefined ? message ?? String(error) : `${message}; ${hint}`;
}

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
  incomplete:
    "done, but some files could not be copied or verified; each is named",
  usage: "wrong usage or configuration",
  unavailable: "no server available",
  local: "destination, state, database or log cannot be used",
  refused: "refused by a safety guard",
  untrusted: "a server cannot be trusted, or refuses the login",
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
