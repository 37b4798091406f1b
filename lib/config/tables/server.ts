/**
 * `[[server]]`: the machines that files come from.
 *
 * @module
 */

import * as v from "valibot";
import { ForeignFormat } from "../../text/foreign-format.ts";
import { table } from "../table.ts";
import {
  anyText,
  flag,
  type Kind,
  kind,
  list,
  matching,
  oneOf,
  oneOrMore,
  path,
  whole,
} from "../value.ts";

/** A name, or an IPv6 address with or without a zone; a port or a user does not belong here. */
const host = matching(
  /^(?:[A-Za-z0-9_][A-Za-z0-9_.-]*|(?:[0-9A-Fa-f]*:){2}[0-9A-Fa-f:.]*(?:%[\w.-]+)?)$/,
  "a host name or an address",
);

/** As `ssh-keygen -l` prints it: base64 of 32 bytes, without padding. */
const fingerprint = matching(
  /^SHA256:[A-Za-z0-9+/]{43}$/,
  'a fingerprint as "ssh-keygen -l" prints it, "SHA256:" and 43 characters',
);

const clientForm =
  "a list of a program, by its absolute path, and its arguments";

const listFormatExample = "{date:%Y-%m-%d %H:%M:%S};{size};{path}";
const listFormatForm = `a pattern, like "${listFormatExample}"`;

/** How the lines of a foreign list are written. */
const listFormat: Kind<string, string> = kind(
  listFormatForm,
  () =>
    v.pipe(
      v.string(`expected ${listFormatForm}`),
      v.check(
        (pattern) => "value" in ForeignFormat.parse(pattern),
        ({ input }) => {
          const parsed = ForeignFormat.parse(input);
          const why = "reason" in parsed ? ` (${parsed.reason})` : "";
          return `expected ${listFormatForm}${why}`;
        },
      ),
    ),
);

const jumpForm = 'a host to go through, like "me@bastion:22"';

/** How a jump host is written; an IPv6 address needs brackets. */
const jumpHost = kind(jumpForm, (message) =>
  v.pipe(
    v.string(message),
    v.check((given) => parseJump(given) !== undefined, message),
    v.transform((given) => parseJump(given)!),
  ));

function parseJump(given: string) {
  const [, user, bracketed, plain, port = "22"] =
    /^(?:([^\s\p{Cc}@-][^\s\p{Cc}@]*)@)?(?:\[([^\]]*)\]|([^:@[\]]*))(?::(\d{1,5}))?$/u
      .exec(given) ?? [];
  const name = bracketed ?? plain;
  if (name === undefined || !v.safeParse(host, name).success) return undefined;
  if (Number(port) < 1 || Number(port) > 65_535) return undefined;
  return { user: user ?? null, host: name, port: Number(port) };
}

/** A program by its path, and its arguments. */
const client = kind(clientForm, (message) =>
  v.pipe(
    list(anyText, clientForm),
    v.check(([program]) => program?.startsWith("/") ?? false, message),
  ));

export const server = table({
  header: "[[server]]",
  role: "replica",
  help:
    "One table for each server that files come from, in order of preference. Files come from the first one that is available; the others stand by. The keys below belong to each. A machine that only publishes needs none.",
  keys: {
    name: {
      kind: matching(
        /^[A-Za-z0-9_.-]{1,64}$/,
        "1 to 64 of A-Z a-z 0-9 _ . -",
      ),
      example: "production",
      help:
        "Name of the server in messages, the log and figures. Each server has its own. A server that gets another name is a new one to relais, which reads its list again from the start.",
    },
    host: {
      kind: host,
      example: "192.0.2.10",
      help:
        "Host name or IP address. known_hosts must name the server in the same way, and as [HOST]:PORT if the port is not 22.",
    },
    port: {
      kind: whole(1, 65_535),
      default: 22,
      optional: true,
      example: 2222,
      help:
        'TCP port of its SSH server. With transport = "openssh" and no port here, ssh_config decides.',
    },
    user: {
      kind: matching(
        /^(?!-)[^\s\p{Cc}]+$/u,
        'a user name without spaces, and no "-" at its beginning',
      ),
      default: "relais",
      optional: true,
      sample: "set",
      help:
        'Account to log in as; restrict it to SFTP, read-only. relais never writes to a server, so let its sshd_config confine the account, with ForceCommand internal-sftp -R and ChrootDirectory. With transport = "openssh" and no user here, ssh_config decides.',
    },
    identity: {
      kind: path,
      optional: true,
      example: "/etc/relais/id_ed25519",
      sample: "set",
      help:
        "Private key, readable by relais alone. An ed25519, ECDSA or RSA key without a passphrase. Where systemd runs relais, the file can stay root's with mode 0600: the units that relais unit writes hand it over. Set identity, agent = true, or both.",
    },
    agent: {
      kind: flag,
      default: false,
      example: true,
      help:
        "Whether to ask the ssh-agent at $SSH_AUTH_SOCK. It serves passes that somebody starts at a terminal: a service has no agent and needs identity.",
    },
    known_hosts: {
      kind: oneOrMore(path, "a path, or a list of paths"),
      default: [],
      example: "/etc/relais/known_hosts",
      sample: "set",
      help:
        "File or list of files with host keys: made with ssh-keyscan, then compared. Compare each key with the server's own before you trust it. relais refuses a server whose key is another one or is not there (exit status 6), and never adds a key itself. Set known_hosts, host_key, or both.",
    },
    host_key: {
      kind: oneOrMore(fingerprint, "a fingerprint, or a list of them"),
      default: [],
      example: "SHA256:4Wx0mPzJq7T1cVbN8sYdLkRfHgUaOeI2MnB3vC5xZ6Q",
      sample: "example",
      help:
        "Fingerprint of its host key, in place of known_hosts or beside it. ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub prints it on the server. It may be a list, for instance while the server changes its key. Beside known_hosts, both must agree.",
    },
    transport: {
      kind: oneOf("ssh2", "openssh"),
      default: "ssh2",
      example: "openssh",
      help:
        '"openssh": reach it by the ssh client of this system. Then ssh_config(5) decides about all that has no key here: ProxyJump, certificates, FIDO keys, GSSAPI, ControlMaster. known_hosts and identity can be left to it, too. ssh asks no questions, and knows the host keys beforehand or refuses the server. "ssh2": relais speaks SSH itself. docs/reaching.md compares the two.',
    },
    ssh: {
      kind: client,
      default: ["/usr/bin/ssh"],
      example: ["/opt/openssh/bin/ssh", "-4"],
      help:
        'The ssh client of transport = "openssh", and arguments that come first. relais starts nothing else for this server, and without a shell.',
    },
    ssh_config: {
      kind: path,
      optional: true,
      example: "/etc/relais/ssh_config",
      sample: "example",
      help:
        "File that ssh reads in place of its usual ones, ssh_config(5). The account of relais must be able to read it. Without it, ssh reads ~/.ssh/config of that account and /etc/ssh/ssh_config.",
    },
    jump: {
      kind: jumpHost,
      optional: true,
      example: "relais@bastion.example:22",
      sample: "example",
      help:
        'Host to go through with transport = "ssh2", as USER@HOST:PORT. USER and PORT can be left out; USER is that of the server then. relais logs in there with the same key; known_hosts must hold the key of that host as well. Its sshd must allow the connection: AllowTcpForwarding and PermitOpen in sshd_config(5). With transport = "openssh", ProxyJump in ssh_config does this.',
    },
    algorithms: {
      kind: oneOf("modern", "legacy"),
      default: "modern",
      example: "legacy",
      help:
        '"legacy": also SHA-1, CBC and ssh-rsa, for an old UNIX. Set it only for a server that nobody can update: relais check then warns of the weak algorithms in use.',
    },
    root: {
      kind: path,
      example: "/export",
      help:
        "The export directory, as this account sees it over SFTP. If sshd confines the account to /srv/sftp with ChrootDirectory, /srv/sftp/export is /export here.",
    },
    list: {
      kind: path,
      optional: true,
      example: "/var/lib/copied.txt",
      sample: "example",
      help:
        "Another program's list of the files below root. It is for a server that does not run relais publish. Set list_format, too. Such a list has no digests: size and date tell whether a file has changed.",
    },
    list_format: {
      kind: listFormat,
      optional: true,
      example: listFormatExample,
      sample: "example",
      help:
        "Pattern of the lines of list: {path}, {date}, {size}; {_}: any other field. {date} alone stands for seconds since 1970; {date:...} takes the forms of strftime(3), in UTC unless it has %z. Without {size}, the server is asked for the size of each file, which takes longer.",
    },
    list_append: {
      kind: flag,
      default: false,
      example: true,
      help:
        "Whether that list only grows: then only additions are read. With false, a list that has changed is read again as a whole, and a file that it no longer names is withdrawn.",
    },
  },
});
