/**
 * Permanent identity of this machine.
 *
 * @module
 */

/** File with the identity, machine-id(5). */
export const machineIdFile = "/etc/machine-id";

const machineIdForm = /^[0-9a-f]{32}$/;

/**
 * Returns the identity of this machine, or where it has none, its name. The
 * identity is confidential: it must not be shown as it is.
 */
export function machineIdentity(): string {
  try {
    const [id = ""] = Deno.readTextFileSync(machineIdFile).split("\n");
    // A machine that starts for the first time has none yet, or "uninitialized".
    if (machineIdForm.test(id)) return id;
  } catch {
    // There is none here, or this account may not read it: the host has a name.
  }
  return Deno.hostname();
}
