import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { parseConfig } from "../../lib/config/parse.ts";
import { ConfigError } from "../../lib/errors.ts";

const server = `[[server]]
name = "production"
host = "192.0.2.10"
root = "/export"
identity = "/etc/relais/id_ed25519"
known_hosts = "/etc/relais/known_hosts"
`;
const replica = `[replica]\ninto = "/srv/replica"\n`;
const cluster = `[cluster]
database = "postgres://relais@db.example.net/relais"
ca = "/etc/relais/db-ca.pem"
name = "stock"
`;

/** Says what is wrong with a configuration. */
function problemsOf(text: string): readonly string[] {
  return assertThrows(() => parseConfig(text, "relais.toml"), ConfigError)
    .problems;
}

Deno.test("parseConfig() reads what nodes share", () => {
  const { cluster: parsed } = parseConfig(
    server + replica + cluster,
    "relais.toml",
  );

  assertEquals(parsed, {
    database: "postgres://relais@db.example.net/relais",
    passwordFile: null,
    ca: "/etc/relais/db-ca.pem",
    name: "stock",
    node: null,
    leaseMs: 15_000,
  });
});

Deno.test("parseConfig() needs no certificates for a database on a socket", () => {
  const local = cluster
    .replace(/^ca.*\n/m, "")
    .replace(
      /"postgres.*"/,
      '"postgres://relais@/relais?host=/run/postgresql"',
    );

  assertEquals(
    parseConfig(server + replica + local, "relais.toml").cluster?.ca,
    null,
  );
});

const refused: [what: string, text: string, problem: RegExp][] = [
  [
    "a database whose certificate could not be verified",
    server + replica + cluster.replace(/^ca.*\n/m, ""),
    /certificate could not be verified/,
  ],
  [
    "a password in the address, and shows it nowhere",
    server + replica + cluster.replace("relais@", "relais:hunter2@"),
    /^(?!.*hunter2).*password_file/,
  ],
  [
    "a name that no schema can have",
    server + replica + cluster.replace('"stock"', '"St-ock"'),
    /letters, digits/,
  ],
  [
    "a lease that is too short",
    `${server}${replica}${cluster}lease = "1s"`,
    /from "5s"/,
  ],
  ["a cluster without a replica", `${server}${cluster}`, /replica/],
  [
    "a password in the copy",
    `${server}${replica}${cluster}password_file = "/srv/replica/password"`,
    /must not lie in replica.into/,
  ],
  [
    "sets",
    `${server}${replica}sets = true\n${cluster}`,
    /expected false, found true: with \[cluster\]/,
  ],
  [
    "a list for others",
    `${server}${replica}republish = true\n${cluster}`,
    /expected false, found true: with \[cluster\]/,
  ],
  [
    "a tree",
    `${server}${replica}source = "tree"\n${cluster}`,
    /expected "list", found "tree": with \[cluster\]/,
  ],
];

for (const [what, text, problem] of refused) {
  Deno.test(`parseConfig() refuses ${what} in a cluster`, () => {
    const problems = problemsOf(text);

    assertMatch(problems.join("\n"), problem);
  });
}
