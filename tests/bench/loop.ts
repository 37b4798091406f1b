/**
 * What the loop takes of the CPU when there is nothing new.
 *
 * @module
 */

import type { World } from "../../fixtures/world.ts";
import { loopCommand } from "./tools.ts";

/** Passes that are counted, after those that load and compile what a pass needs. */
const counted = 30;
const first = 5;

/** Returns the CPU of a pass of the loop, in milliseconds: user and system, all threads. */
export async function loopCost(world: World): Promise<number> {
  const into = `${world.directory}/loop`;
  for (const path of [into, `${into}.state`]) {
    await Deno.mkdir(path, { recursive: true });
  }
  const { port } = world.production.sshd;
  const [program, ...args] = loopCommand({ world, port, into, mirror: false });
  const child = new Deno.Command(program!, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let passes = 0;
  let before = 0;
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    passes += text.split("\n").length - 1;
    if (passes >= first && before === 0) {
      before = cpuMsOf(child.pid);
      passes = 0;
    } else if (before > 0 && passes >= counted) break;
  }
  if (before === 0 || passes < counted) throw new Error("the loop has ended");
  const ms = (cpuMsOf(child.pid) - before) / passes;
  child.kill("SIGTERM");
  await child.status;
  return ms;
}

/** User and system time of a process, in ticks of 10 ms; proc_pid_stat(5). */
function cpuMsOf(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return 10 * (Number(fields[11]) + Number(fields[12]));
}
