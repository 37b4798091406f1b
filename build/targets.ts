/**
 * The machines an executable can be built for.
 *
 * @module
 */

/** One kind of machine. */
export interface Target {
  /** As Deno names it. */
  readonly name: string;
  /** What `uname -m` says there. */
  readonly machine: string;
  /** Its number in the header of programs; see elf(5). */
  readonly elf: number;
  /** The npm package that holds its runtime. */
  readonly runtimePackage: string;
  /** Name of its architecture in dpkg. */
  readonly debian: string;
}

/** All targets. */
export const targets: readonly Target[] = [
  {
    name: "x86_64-unknown-linux-gnu",
    machine: "x86_64",
    elf: 62,
    runtimePackage: "@deno/linux-x64-glibc",
    debian: "amd64",
  },
  {
    name: "aarch64-unknown-linux-gnu",
    machine: "aarch64",
    elf: 183,
    runtimePackage: "@deno/linux-arm64-glibc",
    debian: "arm64",
  },
];

/**
 * Returns the target with a name; `x86_64` and `aarch64` alone will do.
 *
 * @throws {Error} If there is none.
 */
export function targetNamed(name: string): Target {
  const target = targets.find((target) =>
    [target.name, target.machine].includes(name)
  );
  if (target !== undefined) return target;
  const known = targets.map((target) => target.name).join(", ");
  throw new Error(`Cannot build for ${name}: known are ${known}`);
}
