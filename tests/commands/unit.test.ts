import { byClient } from "../../fixtures/transport.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { relais } from "../../fixtures/relais.ts";
import { calendarEvery } from "../../lib/systemd/calendar.ts";
import {
  credentialName,
  withCredentials,
} from "../../lib/config/credentials.ts";
import { commandLine, word } from "../../lib/systemd/unit-file.ts";
import { parseConfig } from "../../lib/config/parse.ts";
import { sampleConfig } from "../../lib/config/sample.ts";

const publishing = `
[publish]
files = ["/data/stock/**/*.csv"]
base = "/data"
into = "/export"
`;

/** A directory with a configuration. */
class Place implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "relais-unit-" });
  readonly config = `${this.path}/relais.toml`;

  constructor(config = sampleConfig() + publishing) {
    Deno.writeTextFileSync(this.config, config);
  }

  /** The units, by their names. */
  async units(...args: string[]): Promise<Record<string, string>> {
    const { code, stdout, stderr } = await relais(
      ["unit", "--json", "--config", this.config, ...args],
    );
    assertEquals(code, 0, stderr);
    const units = JSON.parse(stdout) as { path: string; text: string }[];
    return Object.fromEntries(
      units.map(({ path, text }) => [path.split("/").at(-1)!, text]),
    );
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** Runs systemd-analyze; returns all it says. */
async function analyze(...args: string[]): Promise<[number, string]> {
  const { code, stdout, stderr } = await new Deno.Command("systemd-analyze", {
    args,
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return [code, text(stdout) + text(stderr)];
}

const ways: [how: string, args: string[], config?: string][] = [
  ["an account", []],
  [
    "a dynamic account",
    ["--dynamic-user"],
    sampleConfig().replace("/srv/replica", "/var/lib/relais-copy"),
  ],
  [
    "files for another group",
    [],
    sampleConfig().replace(`# group = ""`, `group = "0"`),
  ],
  [
    "files in odd places and an odd schedule",
    ["--run-as", "copies"],
    `${
      sampleConfig()
        .replaceAll("/etc/relais/", "/home/an admin/50%/")
        .replace(`# every = "1m"`, `every = "7m"`)
        .replace(`# prometheus = ""`, `prometheus = "/srv/50% of/x.prom"`)
    }${publishing}`,
  ],
];

/** What is added to the sandbox when files are given to somebody else. */
function giving(keys: string): string {
  return sampleConfig().replace(`# group = ""`, keys);
}

for (
  const [keys, expected] of [
    [`group = "0"`, [
      "SupplementaryGroups=0",
      "SystemCallFilter=@system-service",
      "SystemCallFilter=~@privileged @resources",
      "SystemCallFilter=@chown",
      "CapabilityBoundingSet=",
      "AmbientCapabilities=",
      "PrivateUsers=no",
    ]],
    [`owner = "root"`, [
      "SystemCallFilter=@system-service",
      "SystemCallFilter=~@privileged @resources",
      "SystemCallFilter=@chown",
      "CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER",
      "AmbientCapabilities=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER",
      "PrivateUsers=no",
    ]],
    ["", [
      "SystemCallFilter=@system-service",
      "SystemCallFilter=~@privileged @resources",
      "CapabilityBoundingSet=",
      "AmbientCapabilities=",
      "PrivateUsers=yes",
    ]],
  ] as const
) {
  Deno.test(`relais unit lets the service give files away where it must: ${keys || "not at all"}`, async () => {
    using place = new Place(giving(keys));
    const units = await place.units();
    const setting =
      /^(?:SupplementaryGroups|SystemCallFilter|CapabilityBoundingSet|AmbientCapabilities|PrivateUsers)=/;
    for (const name of ["relais.service", "relaisd.service"]) {
      const lines = units[name]!.split("\n").filter((line) =>
        setting.test(line)
      );
      assertEquals(lines, [...expected]);
    }
  });
}

for (const [how, args, config] of ways) {
  Deno.test(`the units with ${how} are sound, and let nothing out`, async () => {
    using place = new Place(config);
    const units = await place.units(...args);
    const paths = Object.entries(units).map(([name, text]) => {
      const path = `${place.path}/${name}`;
      // The executable is not installed here, and any will do.
      Deno.writeTextFileSync(
        path,
        text
          .replaceAll("ExecStart=/usr/local/bin/relais", "ExecStart=/bin/true"),
      );
      return path;
    });

    assertEquals(await analyze("verify", "--man=no", ...paths), [0, ""]);
    for (const path of paths.filter((path) => path.endsWith(".service"))) {
      const [code, told] = await analyze(
        ...["security", "--offline=true", "--threshold=15", path],
      );
      assertEquals(code, 0, told);
    }
  });
}

Deno.test("relais unit prints the units that the configuration has work for", async () => {
  using both = new Place();
  using server = new Place(publishing);
  const { stdout } = await relais(["unit", "--config", both.config]);
  for (const name of ["relais.timer", "relaisd.service"]) {
    assertStringIncludes(stdout, `# /etc/systemd/system/${name}\n`);
  }
  assertEquals(Object.keys(await both.units()), [
    ...["relais.service", "relais.timer", "relaisd.service"],
    ...["relais-publish.service", "relais-publish.timer"],
    "relais-serve.service",
  ]);
  assertEquals(Object.keys(await server.units()), [
    ...["relais-publish.service", "relais-publish.timer"],
    "relais-serve.service",
  ]);
});

Deno.test("the units open what the configuration names, and hand the key over", async () => {
  using place = new Place();
  const units = await place.units();
  const pass = units["relais.service"]!;
  assertMatch(pass, /^ExecStart=\S+ --once --config \S+relais\.toml$/m);
  assertMatch(pass, /^StateDirectory=relais$/m);
  assertMatch(pass, /^LogsDirectory=relais$/m);
  assertMatch(pass, /^CacheDirectory=relais$/m);
  // Where the runtime keeps its code cache, temporary files would go at each start.
  assertMatch(pass, /^Environment=TMPDIR=\/var\/cache\/relais$/m);
  assertMatch(pass, /^ReadWritePaths=-\/srv\/replica$/m);
  assertMatch(
    pass,
    /^LoadCredential=etc-relais-id_ed25519:\/etc\/relais\/id_ed25519$/m,
  );
  assertMatch(units["relais-publish.service"]!, /ReadWritePaths=-\/export$/m);
  assertMatch(units["relais.timer"]!, /^OnCalendar=\*:0\/1$/m);
});

Deno.test("the unit of a node hands the password of the database over, and no other does", async () => {
  using place = new Place(`${sampleConfig()}
[cluster]
database = "postgres://relais@db.example.net/relais"
password_file = "/etc/relais/db-password"
ca = "/home/ca/db-ca.pem"
name = "stock"
`);
  const units = await place.units();
  const handed =
    /^LoadCredential=etc-relais-db-password:\/etc\/relais\/db-password$/m;

  const handedTo = Object.keys(units).filter((name) =>
    handed.test(units[name]!)
  );

  assertEquals(handedTo, ["relais.service", "relaisd.service"]);
  assertMatch(units["relais.service"]!, /^ProtectHome=read-only$/m);
});

Deno.test("relais unit --install --user writes the units, says how to go on, and leaves what others wrote", async () => {
  using place = new Place();
  const env = { HOME: place.path };
  const args = ["unit", "--install", "--user", "--config", place.config];
  const directory = `${place.path}/.config/systemd/user`;

  const first = await relais(args, { env });
  const again = await relais(args, { env });
  Deno.writeTextFileSync(`${directory}/relais.timer`, "[Timer]\n");
  Deno.removeSync(`${directory}/relais.service`);
  const foreign = await relais(args, { env });

  assertEquals([first.code, again.code, foreign.code], [0, 0, 4]);
  assertStringIncludes(
    first.stdout,
    "systemctl --user enable --now relais.timer",
  );
  assertMatch(
    foreign.stderr,
    /relais\.timer: relais did not write the file that is there/,
  );
  assertEquals(
    Deno.readTextFileSync(`${directory}/relais.timer`),
    "[Timer]\n",
  );
  assertEquals(
    [...Deno.readDirSync(directory)].map(({ name }) => name).sort(),
    [
      ...["relais-publish.service", "relais-publish.timer"],
      ...["relais-serve.service", "relais.timer", "relaisd.service"],
    ],
  );
});

Deno.test("relais unit --install says what is in the way where it may not write", async () => {
  using place = new Place();
  const { code, stderr } = await relais(
    ["unit", "--install", "--user", "--config", place.config],
    { env: { XDG_CONFIG_HOME: place.config } },
  );
  assertEquals(code, 4);
  assertMatch(
    stderr,
    /Cannot write \/.*relais\.toml\/systemd\/user\/relais\.service: /,
  );
});

Deno.test("relais unit --dynamic-user refuses directories that its account could not keep", async () => {
  using place = new Place();
  const { code, stderr } = await relais(
    ["unit", "--dynamic-user", "--config", place.config],
  );
  assertEquals(code, 2);
  assertMatch(stderr, /\/srv\/replica and \/export would belong/);
});

Deno.test("calendarEvery() knows the intervals that divide a day, and systemd them", async () => {
  const [minute, hour] = [60_000, 3_600_000];
  const known = {
    "*:*:0/30": minute / 2,
    "*:0/1": minute,
    "*:0/15": 15 * minute,
    "0/1:00": hour,
    "0/6:00": 6 * hour,
    "daily": 24 * hour,
  };
  for (const [event, ms] of Object.entries(known)) {
    assertEquals(calendarEvery(ms), event);
    const [code, told] = await analyze("calendar", "--iterations=2", event);
    assertEquals(code, 0, told);
    const [first, second] = [...told.matchAll(
      /(?:elapse|Iter. #2): \S+ (\S+ \S+) UTC/g,
    )].map(([, date]) => Date.parse(`${date!.replace(" ", "T")}Z`));
    assertEquals(second! - first!, ms, told);
  }
  for (const ms of [7 * minute, 36 * hour, 500, 45_000]) {
    assertEquals(calendarEvery(ms), undefined);
  }
});

Deno.test("withCredentials() takes the key that the manager hands over, if it does", () => {
  using place = new Place();
  const config = parseConfig(sampleConfig(), "relais.toml");
  const identity = config.servers[0]!.identity!;
  const path = `${place.path}/${credentialName(identity)}`;
  assertEquals(withCredentials(config, place.path), config);
  Deno.writeTextFileSync(path, "key");
  assertEquals(
    withCredentials(config, place.path).servers.map((server) =>
      server.identity
    ),
    [path, path],
  );
  assertEquals(withCredentials(config, undefined), config);
  // The certificate stays where it is.
  const servers = config.servers.map((server) => byClient(server));
  assertEquals(
    withCredentials({ ...config, servers }, place.path).servers.map((server) =>
      server.openssh?.certificate
    ),
    [`${identity}-cert.pub`, `${identity}-cert.pub`],
  );
});

Deno.test("withCredentials() takes the password of the database, under the name of its file as well", () => {
  using place = new Place();
  const passwordFile = "/etc/relais/db-password";
  const config = parseConfig(
    sampleConfig("replica") +
      `[cluster]\ndatabase = "postgres://relais@db/relais"\nca = "/ca.pem"\nname = "stock"\npassword_file = "${passwordFile}"\n`,
    "relais.toml",
  );
  const given = () => withCredentials(config, place.path).cluster?.passwordFile;
  assertEquals(given(), passwordFile);
  for (const name of ["db-password", "etc-relais-db-password"]) {
    Deno.writeTextFileSync(`${place.path}/${name}`, "test only");
    assertEquals(given(), `${place.path}/${name}`);
  }
});

Deno.test("word() and commandLine() leave nothing for systemd to expand", () => {
  assertEquals(word("/plain/path-1.toml"), "/plain/path-1.toml");
  assertEquals(word(`/a b/50%/"x"`), `"/a b/50%%/\\"x\\""`);
  assertEquals(commandLine(["/bin/x", "$HOME"]), "/bin/x $$HOME");
  assert(word("") === `""`);
});

Deno.test("the directory of node_exporter is opened to the units, and stays its own", async () => {
  using place = new Place(
    sampleConfig().replace(
      `# prometheus = ""`,
      `prometheus = "/var/lib/node_exporter/relais.prom"`,
    ),
  );
  const pass = (await place.units())["relais.service"]!;
  assertMatch(pass, /^ReadWritePaths=-\/var\/lib\/node_exporter$/m);
  assertEquals(pass.match(/^StateDirectory=.*$/gm), ["StateDirectory=relais"]);
  const { code, stderr } = await relais(
    ["unit", "--dynamic-user", "--config", place.config],
  );
  assertEquals(code, 2);
  assertMatch(stderr, /\/var\/lib\/node_exporter would have to let/);
});
