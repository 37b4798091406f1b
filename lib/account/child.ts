/**
 * A command that stands in for this process: it has its streams, gets the
 * signals that arrive here, and its exit status is ours.
 *
 * @module
 */

/** Signals that ask for an end, and their numbers. */
const signals = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

export interface StandInOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Hands a signal on; `false` if nobody is there yet to get it. Without it the command itself gets it. */
  readonly signal?: (name: Deno.Signal) => Promise<boolean>;
}

/** A signal that nobody could get is handed on again after so long. */
const againMs = 50;

/** Runs the command to its end, and returns its exit status: 128 and its number if a signal ended it. */
export async function standIn(
  [program, ...args]: readonly string[],
  { env = {}, cwd, signal }: StandInOptions,
): Promise<number> {
  let child: Deno.ChildProcess;
  let isOver = false;
  let received: number | undefined;
  const handOn = async (name: keyof typeof signals) => {
    received = signals[name];
    if (signal === undefined) return child.kill(name);
    while (!isOver && !await signal(name)) {
      await new Promise((resolve) => setTimeout(resolve, againMs));
    }
  };
  const names = Object.keys(signals) as (keyof typeof signals)[];
  const listeners = names.map((name) =>
    [name, () => {
      handOn(name).catch(() => {/* it has ended just now */});
    }] as const
  );
  for (const [name, listen] of listeners) Deno.addSignalListener(name, listen);
  try {
    child = new Deno.Command(program!, {
      args,
      env,
      cwd,
      stdin: "inherit",
      stdout: "inherit",
      stderr: "inherit",
      // A terminal sends its signals to all who share it: to us they are enough.
      detached: signal !== undefined,
    }).spawn();
    const { code } = await child.status;
    // Of one that a signal ended before it listened, systemd says that all is well.
    return code === 0 && received !== undefined ? 128 + received : code;
  } finally {
    isOver = true;
    for (const [name, listen] of listeners) {
      Deno.removeSignalListener(name, listen);
    }
  }
}
