/**
 * What no key can say alone: rules between keys, and between tables.
 *
 * @module
 */

import { isLocal, parseAddress } from "./address.ts";
import type { KeyPath } from "./position.ts";
import { type Problem, show } from "./problem.ts";
import { type Parsed, tables } from "./schema.ts";

/** Whether nothing is wrong with these keys so far. A rule looks only at sound keys: one slip is one problem. */
export type Sound = (...paths: readonly KeyPath[]) => boolean;

/** Yields what breaks a rule. `parsed` can be trusted where it is sound. */
export function* brokenRules(
  parsed: Parsed,
  sound: Sound,
): Generator<Problem> {
  yield* missingTables(parsed, sound);
  if (Array.isArray(parsed.server)) {
    for (const index of parsed.server.keys()) {
      yield* sameName(parsed, sound, index);
      yield* missingKeys(parsed, sound, index);
      yield* keysOfOtherTransport(parsed, sound, index);
    }
  }
  yield* absoluteGlobs(parsed, sound);
  yield* directories(parsed, sound);
  yield* sharing(parsed, sound);
  yield* publishing(parsed, sound);
}

function* missingTables(parsed: Parsed, sound: Sound): Generator<Problem> {
  const { replica, publish, server } = parsed;
  if (
    replica === undefined && publish === undefined &&
    sound(["replica"], ["publish"])
  ) {
    const what =
      "there is neither [replica], to keep a copy, nor [publish], to offer files";
    yield { path: [], what };
  }
  if (replica !== undefined && server.length === 0 && sound(["server"])) {
    const what =
      "no server; add a [[server]] table for each machine files come from";
    yield { path: ["replica"], what };
  }
}

function* sameName(
  { server }: Parsed,
  sound: Sound,
  index: number,
): Generator<Problem> {
  const path = ["server", index, "name"];
  if (!sound(path)) return;
  const { name } = server[index]!;
  const first = server.findIndex((other) => other?.name === name);
  if (first === index) return;
  yield { path, what: `another server is called ${show(name)} already` };
}

function* missingKeys(
  { server }: Parsed,
  sound: Sound,
  index: number,
): Generator<Problem> {
  const path = ["server", index];
  const all = (...keys: string[]) =>
    sound(...keys.map((key) => [...path, key]));
  const isOwn = all("transport") && server[index]!.transport === "ssh2";
  if (isOwn && all("identity", "agent")) {
    const { identity, agent } = server[index]!;
    if (identity === undefined && !agent) yield { path, what: noIdentity };
  }
  if (all("list", "list_format", "list_append")) {
    const { list, list_format, list_append } = server[index]!;
    if ((list === undefined) !== (list_format === undefined)) {
      yield { path, what: halfAList };
    } else if (list === undefined && list_append) {
      yield { path: [...path, "list_append"], what: noList };
    }
  }
  if (isOwn && all("known_hosts", "host_key")) {
    const { known_hosts, host_key } = server[index]!;
    if (known_hosts.length + host_key.length === 0) {
      yield { path, what: noHostKey };
    }
  }
}

const halfAList =
  "list and list_format belong together: where the list lies, and how its lines are written";

const noList =
  "it is about list, which is not set; set list and list_format, or remove this key";

const noIdentity =
  "no way to log in; set identity to the path of a private key, or agent = true";

const noHostKey =
  'its host key is not known; set host_key to the fingerprint that "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" prints on that server, or known_hosts to a file made with ssh-keyscan and compared with it';

/** A key that has no effect is taken for one that has. */
function* keysOfOtherTransport(
  { server }: Parsed,
  sound: Sound,
  index: number,
): Generator<Problem> {
  const at = (key: string) => ["server", index, key];
  if (!sound(at("transport"))) return;
  const { transport, ssh_config, host_key, identity, known_hosts, jump } =
    server[index]!;
  if (transport === "ssh2") {
    if (sound(at("ssh_config")) && ssh_config !== undefined) {
      yield { path: at("ssh_config"), what: onlyOpenssh };
    }
    if (sound(at("ssh")) && !isDefaultClient(server[index]!.ssh)) {
      yield { path: at("ssh"), what: onlyClient };
    }
    if (
      sound(at("jump"), at("known_hosts")) && jump !== undefined &&
      known_hosts.length === 0
    ) yield { path: at("jump"), what: unknownJump };
    return;
  }
  if (sound(at("jump")) && jump !== undefined) {
    yield { path: at("jump"), what: jumpOfSsh };
  }
  if (sound(at("host_key")) && host_key.length > 0) {
    yield { path: at("host_key"), what: onlySsh2 };
  }
  const files = [
    ...sound(at("identity")) && identity !== undefined
      ? [["identity", identity] as const]
      : [],
    ...sound(at("known_hosts"))
      ? known_hosts.map((file) => ["known_hosts", file] as const)
      : [],
  ];
  for (const [key, file] of files) {
    if (!/["%$\\]/.test(file)) continue;
    const what =
      `expected a path without ", %, $ and \\, which ssh would read in its own way, found ${
        show(file)
      }`;
    yield { path: at(key), what };
  }
}

/** Whether the key says what holds without it. */
function isDefaultClient(client: readonly string[]): boolean {
  const { default: standard } = tables.server.keys.ssh;
  return JSON.stringify(client) === JSON.stringify(standard);
}

const onlyClient =
  'only transport = "openssh" starts the ssh client; set that, or remove this key';

const onlyOpenssh =
  'only transport = "openssh" reads ssh_config; set that, or remove this key';

const unknownJump =
  "the key of that host must be in known_hosts, which is not set; host_key is about the server itself";

const jumpOfSsh =
  'transport = "openssh" goes through no jump; set ProxyJump in ssh_config in its place';

const onlySsh2 =
  'transport = "openssh" does not look at host_key; set known_hosts to a file with the key of the server, or leave that to UserKnownHostsFile in ssh_config';

/** A glob is about paths below the root of a server: one that begins with it, or with the copy, matches nothing. */
function* absoluteGlobs(
  { replica, server }: Parsed,
  sound: Sound,
): Generator<Problem> {
  if (replica === undefined || !Array.isArray(server)) return;
  const tops = server.filter((_, index) => sound(["server", index, "root"]))
    .map(({ root }) => root);
  if (sound(["replica", "into"])) tops.push(replica.into);
  for (const key of ["include", "exclude"] as const) {
    if (!sound(["replica", key])) continue;
    for (const [index, glob] of replica[key].entries()) {
      const top = tops.find((top) => top !== "/" && contains(top, glob));
      if (top === undefined) continue;
      const below = glob.slice(top.length + 1);
      const what = `expected a glob on paths below ${show(top)}, such as ${
        show(below === "" ? "**" : below)
      }, found ${show(glob)}, which matches none of them`;
      yield { path: ["replica", key, index], what };
    }
  }
}

/** The copy is where servers choose the names: nothing that relais trusts may lie in it. */
function* directories(parsed: Parsed, sound: Sound): Generator<Problem> {
  const into = ["replica", "into"];
  if (parsed.replica === undefined || !sound(into)) return;
  const copy = parsed.replica.into;
  const state = ["replica", "state"];
  if (sound(state) && overlap(copy, parsed.replica.state)) {
    const what = `${show(parsed.replica.state)} and replica.into ${
      show(copy)
    } must not lie in each other`;
    yield { path: state, what };
  }
  for (const [path, file] of localFiles(parsed, sound)) {
    if (!contains(copy, file)) continue;
    const what = `${show(file)} must not lie in replica.into ${
      show(copy)
    }, where servers choose the names`;
    yield { path, what };
  }
}

/** Keys of `[replica]` that are not for nodes yet, each with the only value it may have. */
const alone = [
  ["sets", false],
  ["republish", false],
] as const;

function* sharing(parsed: Parsed, sound: Sound): Generator<Problem> {
  const { cluster, replica } = parsed;
  if (cluster === undefined) return;
  if (replica === undefined) {
    if (!sound(["replica"])) return;
    yield { path: ["cluster"], what: "nothing to share without [replica]" };
    return;
  }
  const database = ["cluster", "database"];
  if (sound(database, ["cluster", "ca"]) && cluster.ca === undefined) {
    const parsed = parseAddress(cluster.database);
    if ("address" in parsed && !isLocal(parsed.address)) {
      yield { path: database, what: unverified };
    }
  }
  for (const [key, only] of alone) {
    const path = ["replica", key];
    const value = replica[key];
    if (!sound(path) || value === only) continue;
    const what = `expected ${show(only)}, found ${
      show(value)
    }: with [cluster], relais cannot do that yet`;
    yield { path, what };
  }
  const source = ["replica", "source"];
  if (sound(source) && replica.source === "tree") {
    const what =
      `expected "list", found "tree": with [cluster], relais cannot do that yet`;
    yield { path: source, what };
  }
}

const unverified =
  "its certificate could not be verified; set ca to the certificate of the authority that signed it";

/** Yields the files that relais trusts or writes besides the copy. */
function* localFiles(
  { server, log, stat, cluster }: Parsed,
  sound: Sound,
): Generator<[path: KeyPath, file: string]> {
  if (sound(["log", "file"])) yield [["log", "file"], log.file];
  for (const key of ["password_file", "ca"] as const) {
    const path = ["cluster", key];
    const file = cluster?.[key];
    if (sound(path) && file !== undefined) yield [path, file];
  }
  if (sound(["stat", "prometheus"])) {
    yield [["stat", "prometheus"], stat.prometheus];
  }
  if (!Array.isArray(server)) return;
  for (const [index, each] of server.entries()) {
    const { identity, ssh_config, known_hosts } = each;
    for (const [name, file] of Object.entries({ identity, ssh_config })) {
      const key = ["server", index, name];
      if (sound(key) && file !== undefined) yield [key, file];
    }
    const hosts = ["server", index, "known_hosts"];
    if (sound(hosts)) { for (const file of known_hosts) yield [hosts, file]; }
  }
}

const exportKey = ["publish", "into"];

function* publishing(parsed: Parsed, sound: Sound): Generator<Problem> {
  const { publish } = parsed;
  if (publish === undefined) return;
  if (sound(["publish", "base"], ["publish", "files"])) {
    yield* globsOutside(publish);
  }
  // The other way round, an export below base, is well: the publisher leaves it out.
  const { base, into } = publish;
  if (sound(["publish", "base"], exportKey) && contains(into, base)) {
    const what = `${show(into)} must not hold base ${
      show(base)
    }: files would be published over their sources`;
    yield { path: exportKey, what };
  }
  yield* exportInReplica(parsed, sound);
}

function* globsOutside(
  { files, base }: NonNullable<Parsed["publish"]>,
): Generator<Problem> {
  for (const [index, glob] of files.entries()) {
    if (glob.endsWith("/")) {
      const what = `expected a glob of files, such as ${
        show(`${glob}**`)
      }, found ${show(glob)}, which matches directories only`;
      yield { path: ["publish", "files", index], what };
      continue;
    }
    if (contains(base, glob)) continue;
    const what = `expected an absolute glob below base ${show(base)}, found ${
      show(glob)
    }`;
    yield { path: ["publish", "files", index], what };
  }
}

function* exportInReplica(
  { publish, replica }: Parsed,
  sound: Sound,
): Generator<Problem> {
  if (publish === undefined || replica === undefined) return;
  for (const key of ["into", "state"] as const) {
    if (!sound(exportKey, ["replica", key])) continue;
    if (!overlap(publish.into, replica[key])) continue;
    const what = `${show(publish.into)} and replica.${key} ${
      show(replica[key])
    } must not lie in each other`;
    yield { path: exportKey, what };
  }
}

function overlap(a: string, b: string): boolean {
  return contains(a, b) || contains(b, a);
}

/** Whether `inner` is `outer`, or lies in it. */
function contains(outer: string, inner: string): boolean {
  return inner === outer ||
    inner.startsWith(outer === "/" ? outer : `${outer}/`);
}
