/**
 * `[publish]`: what a server offers.
 *
 * @module
 */

import * as v from "valibot";
import { table } from "../table.ts";
import {
  duration,
  globs,
  kind,
  matching,
  maxDelete,
  oneOf,
  ownDirectory,
  path,
  share,
  sizeOrNever,
} from "../value.ts";

export const publish = table({
  header: "[publish]",
  role: "publisher",
  help: 'On a server, and only there: what "relais publish" offers.',
  keys: {
    files: {
      kind: kind(
        globs.what,
        () => v.pipe(globs, v.minLength(1, "expected at least one glob")),
      ),
      example: ["/data/stock/**/*.csv"],
      help:
        "Globs of absolute paths below base. relais check says which of them match nothing, and which files it may not read.",
    },
    base: {
      kind: path,
      example: "/data",
      help:
        "Directory that is left out of the names in the export. With /data, the file /data/stock/a.csv is stock/a.csv there.",
    },
    into: {
      kind: ownDirectory,
      example: "/srv/sftp/export",
      help:
        "The export directory; root of a server leads here. Files are copied into it, so it needs their space. It belongs to relais: let nothing else write to it. It may lie below base, and must not contain base.",
    },
    links: {
      kind: oneOf("skip", "follow"),
      default: "skip",
      example: "follow",
      help:
        'What to do with symbolic links: "skip" or "follow". Skipped links are counted and named in .relais/skipped of the export. A link is followed only if it leads to something below base; it is published under its own path.',
    },
    signatures: {
      kind: sizeOrNever("64KiB"),
      default: "4MiB",
      example: "never",
      help:
        'Smallest file that gets block sums beside the list; or "never". With these signatures, a replica fetches only the blocks of a file that have changed.',
    },
    max_withdraw: {
      kind: maxDelete,
      default: "50%",
      example: 100,
      help:
        "Share or number of files one run may withdraw; more needs --accept-shrink. A run that would withdraw more publishes what is new and withdraws nothing (exit status 5): a disk of the sources may not be mounted. If the files are gone on purpose, run relais publish --once --accept-shrink once.",
    },
    keep: {
      kind: duration(),
      default: "0s",
      example: "7d",
      help:
        "How long withdrawn and old files stay in the trash; 0s: not at all. The trash is .relais/trash inside into, and takes its space.",
    },
    compact: {
      kind: sizeOrNever("1KB"),
      default: "1MB",
      example: "never",
      help:
        'Smallest list that is rewritten without outdated lines; or "never". A list only grows, by a line for each change. Rewritten, it has one line for each published file.',
    },
    compact_share: {
      kind: share,
      default: "50%",
      example: "20%",
      help: "Share of valid lines at or below which the list is rewritten.",
    },
    writer: {
      kind: matching(
        /^(?:[0-9A-Za-z.-]{1,64})?$/,
        '1 to 64 of A-Z a-z 0-9 . -, or "" for a name made from the machine and publish.into',
      ),
      default: "",
      example: "production-a",
      help:
        'Name of the writer of the list; "": made from the machine and into. Set it on one of two machines that were made from one image: with the same /etc/machine-id and the same into, replicas would take their lists for one.',
    },
  },
});
