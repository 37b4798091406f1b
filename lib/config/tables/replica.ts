/**
 * `[replica]`: the copy on this machine.
 *
 * @module
 */

import * as v from "valibot";
import { isCharset } from "../../text/charset.ts";
import { findGroup, findUser } from "../accounts.ts";
import { defaultsOf } from "../job.ts";
import { table } from "../table.ts";
import {
  account,
  duration,
  flag,
  globs,
  kind,
  maxDelete,
  mode,
  oneOf,
  ownDirectory,
  setsMode,
} from "../value.ts";

const charsetForm = 'a charset other than UTF-8, like "latin1" or "shift_jis"';

/** What names of files can be in. */
const charset = kind(charsetForm, () =>
  v.pipe(
    v.string(`expected ${charsetForm}`),
    v.check(isCharset, `expected ${charsetForm}`),
  ));

export const replica = table({
  header: "[replica]",
  role: "replica",
  help:
    "The copy on this machine. A machine that only publishes has no such table.",
  keys: {
    into: {
      kind: ownDirectory,
      example: "/srv/replica",
      help:
        "The directory that holds the copy. It belongs to relais, which keeps staged files and the trash in its subdirectory .relais: let nothing else write to it. State, log, key and known_hosts must lie elsewhere, because servers choose the names of files here.",
    },
    state: {
      kind: ownDirectory,
      default: defaultsOf(null).state,
      example: "/srv/relais-state",
      help:
        "Directory of relais's own database; not inside into. For the job NAME the default is /var/lib/relais/NAME. It must be on a local disk, because SQLite's log does not work over NFS. If it is lost, relais rebuilds it from the lists and the copy.",
    },
    source: {
      kind: oneOf("list", "tree", "auto"),
      default: "auto",
      example: "tree",
      help:
        '"list", "tree", or "auto": the list if there is one. "tree" reads the directories below root, for a server without a list; only size and date then tell whether a file has changed. With "auto", a list that was read once and is now missing is an error: its disk may not be mounted.',
    },
    include: {
      kind: globs,
      default: [],
      example: ["stock/**", "*.csv"],
      help: "Globs of the paths to copy, below root; empty: all.",
    },
    exclude: {
      kind: globs,
      default: [],
      example: ["*.tmp", "archive/**"],
      help: "Globs of the paths not to copy, whatever include says.",
    },
    delete: {
      kind: oneOf("keep", "trash", "remove"),
      default: "keep",
      example: "trash",
      help:
        '"keep", "trash" or "remove" files that a server withdrew. The trash is .relais/trash inside into, with a directory for each day.',
    },
    max_delete: {
      kind: maxDelete,
      default: "10%",
      example: 100,
      help:
        "Share or number of files one pass may delete; more needs --accept-shrink. A pass that would delete more, or all of them, copies what is new, deletes nothing and exits with 5: the server may have lost a disk. If the files are gone on purpose, run relais --once --accept-shrink once.",
    },
    trash_keep: {
      kind: duration(),
      default: "30d",
      example: "90d",
      help: "How long files stay in the trash; 0s: for ever.",
    },
    file_mode: {
      kind: mode(
        /^(?:keep|0[4-7][0-7][0145])$/,
        '"keep", or a mode that lets the owner read and not everybody write, like "0644"',
      ),
      default: "keep",
      example: "0644",
      help:
        'Mode of the copies; "keep": as on the server, less the umask. The umask is 0027 in the units that relais unit writes, so others cannot read the copies. A new value holds for the files that are here already, too, from the next pass on.',
    },
    directory_mode: {
      kind: mode(
        /^07[0-7][0145]$/,
        'a mode that lets the owner do all and not everybody write, like "0755"',
      ),
      default: "0755",
      example: "0750",
      help: "Mode of the directories that relais makes.",
    },
    owner: {
      kind: account(findUser, "user"),
      default: "",
      example: "app",
      help:
        'User the copies belong to; "": the one that runs relais. This needs root, or the capabilities that relais unit --install gives the service: run it again after a change.',
    },
    group: {
      kind: account(findGroup, "group"),
      default: "",
      example: "reports",
      help:
        'Group the copies belong to; "": that of relais. The account that runs relais must be a member. relais unit --install adds the group to the service: run it again after a change.',
    },
    filename_charset: {
      kind: charset,
      optional: true,
      example: "latin1",
      sample: "example",
      help:
        "Charset of names that are not UTF-8 on the server. Without it, such names have %XX in place of their bytes. It takes the names of the WHATWG Encoding Standard, such as windows-1252.",
    },
    tree_rescan: {
      kind: duration(),
      default: "1h",
      example: "1d",
      help:
        "How often a tree without a list is read whole; 0s: always. Other passes read only directories whose date has changed. They miss a file that is written in place for the first time: it comes with the next full reading.",
    },
    republish: {
      kind: flag,
      default: false,
      example: true,
      help:
        "Let other replicas read from here. They name this machine as a server. The list of the active server is kept in .relais/list of into, the same bytes, up to the first line whose file is not here yet. With include, exclude or filename_charset, and for a server without a list, relais writes a list of its own. into must not be the export of a publisher. docs/tree-of-replicas.md has an example.",
    },
    links: {
      kind: oneOf("skip", "follow"),
      default: "skip",
      example: "follow",
      help:
        'What to do with symbolic links in a tree: "skip" or "follow". Skipped links are counted, and relais list --skipped names them. A link is followed only if it leads to something below root; it is looked at in every pass.',
    },
    sets: {
      kind: setsMode,
      default: false,
      example: true,
      help:
        'Whether the files of one run of a publisher appear together or not at all. hooks.on_new is run for each such set. With true, a set that cannot be completed waits, and later sets with other files do not; with "ordered" they wait, too. Where a list does not say what its sets are, and in a tree, all that a pass finds is a set. docs/sets.md says what is promised.',
    },
  },
});
