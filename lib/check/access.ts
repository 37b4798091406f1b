/**
 * The rights of this account to files, as the kernel judges them. It knows of access lists, of
 * capabilities and of disks that are read-only; access() of node:fs looks at the bits of
 * the mode alone.
 *
 * @module
 */

/** Prints the place of each path that fails one of the tests. */
const ask = `uses=$1; shift; place=0
for path do
  for use in $uses; do
    [ "$use" "$path" ] || { echo $place; break; }
  done
  place=$((place + 1))
done`;

/** The uses of a file, as test(1) asks for them. */
export type Use = "-r" | "-w" | "-x";

/** Returns those of `paths` that this account may not use in all of these ways. */
export function deniedOf(
  paths: readonly string[],
  uses: readonly Use[],
): string[] {
  if (paths.length === 0) return [];
  const { stdout } = new Deno.Command("sh", {
    args: ["-c", ask, "sh", uses.join(" "), ...paths],
    stdin: "null",
    stderr: "null",
  }).outputSync();
  const places = new TextDecoder().decode(stdout).split("\n").slice(0, -1);
  return places.map((place) => paths[Number(place)]!);
}

/** Tells whether this account may use a file, or a directory, in all of these ways. */
export function isAllowed(path: string, ...uses: readonly Use[]): boolean {
  return deniedOf([path], uses).length === 0;
}

/** Tells whether this account may read a regular file. Opening it asks the kernel at less cost. */
export function isReadable(path: string): boolean {
  try {
    Deno.openSync(path).close();
    return true;
  } catch {
    // A file that is gone cannot be read either.
    return false;
  }
}

/** Tells whether a directory lies on a file system that is mounted read-only: proc_pid_mountinfo(5). */
export function isReadOnly(directory: string): boolean {
  const real = Deno.realPathSync(directory);
  const mounts = mountLines().map(parseMount)
    .filter(({ point }) =>
      point === "/" || real === point || real.startsWith(`${point}/`)
    );
  // Of those with the longest path, the last one hides the others.
  const longest = Math.max(...mounts.map(({ point }) => point.length));
  return mounts.findLast(({ point }) => point.length === longest)
    ?.isReadOnly ?? false;
}

/** A program asks: Deno lets nobody read there who may not do everything. */
function mountLines(): string[] {
  const { stdout } = new Deno.Command("cat", {
    args: ["/proc/self/mountinfo"],
    stdin: "null",
    stderr: "null",
  }).outputSync();
  return new TextDecoder().decode(stdout).trimEnd().split("\n");
}

function parseMount(line: string): { point: string; isReadOnly: boolean } {
  const [mount = "", source = ""] = line.split(" - ");
  const [, , , , point = "", options = ""] = mount.split(" ");
  const [, , superOptions = ""] = source.split(" ");
  return {
    point: point.replaceAll(
      /\\([0-7]{3})/g,
      (_, digits) => String.fromCharCode(Number.parseInt(digits, 8)),
    ),
    isReadOnly: [options, superOptions].some((each) =>
      each.split(",").includes("ro")
    ),
  };
}
