import { assert, assertEquals } from "@std/assert";
import { parse } from "@std/yaml";

const root = new URL("../../", import.meta.url);

/** The part of a workflow that the test looks at. */
interface Workflow {
  readonly jobs: Readonly<Record<string, Job>>;
}

interface Job {
  readonly strategy: { readonly matrix: { readonly machine: string[] } };
  readonly "runs-on": string;
  readonly steps: readonly { readonly run?: string }[];
}

Deno.test("the forge runs .ci/run and no check of its own, on both kinds of machine", async () => {
  const text = await Deno.readTextFile(
    new URL(".github/workflows/ci.yml", root),
  );
  const jobs = Object.values((parse(text) as Workflow).jobs);

  for (const { strategy, "runs-on": machine, steps } of jobs) {
    assertEquals(strategy.matrix.machine, ["ubuntu-24.04", "ubuntu-24.04-arm"]);
    assertEquals(machine, "${{ matrix.machine }}");
    const [last, ...before] = steps.flatMap(({ run }) => run ?? [])
      .toReversed();
    assertEquals(last, ".ci/run");
    // What a checkout needs.
    for (const line of before) assert(line.startsWith("apt-get "), line);
  }
  assertEquals(jobs.length, 1);
  const { mode } = await Deno.stat(new URL(".ci/run", root));
  assertEquals(mode! & 0o111, 0o111);
});
