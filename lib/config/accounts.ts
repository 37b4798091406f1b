/**
 * The users and groups of this machine.
 *
 * @module
 */

/** A user or a group. */
export interface Account {
  /** As the configuration spells it. */
  readonly name: string;
  readonly id: number;
}

/** Where accounts are listed, getent(1). */
type Database = "passwd" | "group";

/** The highest number that chown(2) takes: the next one means "leave it". */
const highest = 0xffff_fffe;

/** Returns the user of this name or number; `undefined` if there is none of that name. */
export function findUser(name: string): Account | undefined {
  return find("passwd", name);
}

/** Returns the group of this name or number; `undefined` if there is none of that name. */
export function findGroup(name: string): Account | undefined {
  return find("group", name);
}

function find(database: Database, name: string): Account | undefined {
  if (/^\d+$/.test(name)) {
    return Number(name) > highest ? undefined : { name, id: Number(name) };
  }
  const id = idIn(local(database), name) ?? idIn(ask(database, name), name);
  return id === undefined ? undefined : { name, id };
}

/** Finds the third field of the line that begins with `name`. */
function idIn(lines: string, name: string): number | undefined {
  for (const line of lines.split("\n")) {
    const [first, , id] = line.split(":");
    if (first === name && /^\d+$/.test(id ?? "")) return Number(id);
  }
  return undefined;
}

function local(database: Database): string {
  try {
    return Deno.readTextFileSync(`/etc/${database}`);
  } catch {
    // Accounts may be kept elsewhere only.
    return "";
  }
}

/** Asks the name service, for accounts of a directory server. */
function ask(database: Database, name: string): string {
  // An option of getent is no account.
  return /^[^\s:-][^\s:]*$/.test(name) ? getent(database, name) : "";
}

/** Returns what the system knows of a name or a number, wherever it keeps it; nothing where there is no getent(1). */
export function getent(database: Database, key: string): string {
  try {
    const { stdout } = new Deno.Command("getent", {
      args: [database, key],
      stdin: "null",
      stderr: "null",
    }).outputSync();
    return new TextDecoder().decode(stdout);
  } catch (error) {
    // A system so small has its accounts in files, and by number.
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
