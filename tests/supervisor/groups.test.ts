import { assertEquals } from "@std/assert";
import { until } from "../../fixtures/until.ts";
import { ProcessGroups } from "../../lib/supervisor/groups.ts";

/** A process that leads a group of two. */
function startGroup(): Deno.ChildProcess {
  return new Deno.Command("sh", {
    args: ["-c", "sleep 1000 & echo started; wait"],
    stdout: "piped",
    detached: true,
  }).spawn();
}

/** The processes of a group. */
function membersOf(group: number): string[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => name)
    .filter((name) => /^\d+$/.test(name) && groupOf(name) === group);
}

function groupOf(pid: string): number | undefined {
  try {
    // The name, in parentheses, may contain anything.
    const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ").at(
      -1,
    )!
      .split(" ");
    return fields[0] === "Z" ? undefined : Number(fields[2]);
  } catch {
    return undefined;
  }
}

Deno.test("ProcessGroups ends all of a group when its end is told, or with itself", async () => {
  const groups = new ProcessGroups();
  const [one, other] = [startGroup(), startGroup()];
  for (const { pid, stdout } of [one, other]) {
    await stdout.getReader().read();
    groups.take({ groupBegan: pid });
  }

  groups.take({ groupEnds: one.pid });

  await until(() => membersOf(one.pid).length === 0);
  assertEquals(membersOf(other.pid).length, 2);
  groups.end();
  await until(() => membersOf(other.pid).length === 0);
  await Promise.all([one.status, other.status]);
});

Deno.test("ProcessGroups signals no group that was not told, nor all processes that there are", () => {
  const groups = new ProcessGroups();

  for (const group of [-1, 0, 1, 1.5, NaN]) {
    groups.take({ groupBegan: group });
    groups.take({ groupEnds: group });
  }
  groups.take({ groupEnds: Deno.pid });
  groups.end();
});
