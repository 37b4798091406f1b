import { assertEquals, assertMatch } from "@std/assert";
import {
  parse,
  problemsOf,
  replica,
  server,
} from "../../fixtures/config/texts.ts";

const cluster = `[cluster]
database = "postgres://relais@db.example.net/relais"
ca = "/etc/relais/db-ca.pem"
name = "stock"
`;

Deno.test("parseConfig() reads what nodes share", () => {
  const { cluster: parsed } = parse(server + replica + cluster);

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

  assertEquals(parse(server + replica + local).cluster?.ca, null);
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
    /small letters, digits/,
  ],
  [
    "a name that PostgreSQL keeps for itself",
    server + replica + cluster.replace('"stock"', '"pg_stock"'),
    /not with "pg_", like "stock", found "pg_stock"/,
  ],
  [
    "an address that no PostgreSQL can have",
    server + replica + cluster.replace("example.net/", "example.net:99999/"),
    /its port is not one from 1 to 65535/,
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
