import {
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  addressOf,
  password,
  postgresAvailable,
  role,
  startPostgres,
} from "../../fixtures/postgres.ts";
import { parseAddress } from "../../lib/config/address.ts";
import { Database, type DatabaseConfig } from "../../lib/cluster/database.ts";
import { passwordIn } from "../../lib/cluster/pgpass.ts";
import { migrate } from "../../lib/cluster/schema.ts";
import { describe, LocalError } from "../../lib/errors.ts";

Deno.test({
  name: "Database",
  ignore: !postgresAvailable,
  async fn(t) {
    await using server = await startPostgres();
    const config = server.config("stock");

    /** Returns how a connection fails. */
    async function failure(changed: Partial<DatabaseConfig>): Promise<string> {
      await using database = new Database({ ...config, ...changed });
      const error = await assertRejects(
        () => database.query("SELECT 1"),
        LocalError,
      );
      return describe(error).replaceAll(String(server.port), "PORT");
    }

    await t.step("logs in by SCRAM, over TLS", async () => {
      await using database = new Database(config);
      const rows = await database.query(
        `SELECT ssl, usename, rolpassword LIKE 'SCRAM-SHA-256$%' AS scram
         FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
         JOIN pg_authid ON rolname = usename
         WHERE pid = pg_backend_pid()`,
      );
      assertEquals([...rows], [{ ssl: true, usename: role, scram: true }]);
    });

    await t.step(
      "trusts no certificate that another authority signed",
      async () => {
        assertEquals(
          await failure({ ca: server.otherCa }),
          "Cannot use the database postgres at localhost:PORT: its certificate is not signed by an authority in cluster.ca; set cluster.ca to the certificate of the authority that signed it",
        );
      },
    );

    await t.step(
      "trusts no certificate of an authority that is not named",
      async () => {
        assertStringIncludes(
          await failure({ ca: null }),
          "its certificate is not signed by an authority in cluster.ca",
        );
      },
    );

    await t.step("trusts no certificate for another name", async () => {
      const address = addressOf(
        `postgres://${role}@127.0.0.1:${server.port}/postgres`,
      );
      assertEquals(
        await failure({ address }),
        "Cannot use the database postgres at 127.0.0.1:PORT: its certificate is not for the name 127.0.0.1; set cluster.database to a name that the certificate is for",
      );
    });

    await t.step("says that the password is wrong", async () => {
      const passwordFile = `${server.directory}/wrong`;
      Deno.writeTextFileSync(passwordFile, "wrong\n");
      assertEquals(
        await failure({ passwordFile }),
        `Cannot use the database postgres at localhost:PORT: password authentication failed for user "relais"; check the user in cluster.database, cluster.password_file or ~/.pgpass, and pg_hba.conf on the database's host`,
      );
    });

    await t.step("says that there is no such database", async () => {
      const address = { ...config.address, database: "other" };
      assertEquals(
        await failure({ address }),
        `Cannot use the database other at localhost:PORT: database "other" does not exist; run "createdb other" there`,
      );
    });

    await t.step(
      "takes a password as it is, but for the end of its line",
      async () => {
        const passwordFile = `${server.directory}/password-line`;
        const text = Deno.readTextFileSync(server.passwordFile);
        Deno.writeTextFileSync(passwordFile, `${text}\n`);
        await using database = new Database({ ...config, passwordFile });
        assertEquals([...await database.query("SELECT 1 AS one")], [{
          one: 1,
        }]);
      },
    );

    await t.step("finds its password as psql does", async () => {
      const { passwordFile: _, ...others } = config;
      const pgpass = `${server.directory}/pgpass`;
      const line = `localhost:*:*:${role}:${
        password.replaceAll("\\", "\\\\")
      }\n`;
      Deno.writeTextFileSync(pgpass, line, { mode: 0o600 });
      const asPsql = { ...others, passwordFile: null, pgpass };
      await using database = new Database(asPsql);
      assertEquals([...await database.query("SELECT 1 AS one")], [{ one: 1 }]);

      Deno.chmodSync(pgpass, 0o640);
      assertEquals(
        describe(assertThrows(() => new Database(asPsql), LocalError)),
        `Cannot use the password of the database in ${pgpass}: other accounts may read it; chmod 600 ${pgpass}`,
      );
      assertStringIncludes(
        await failure({ passwordFile: null, pgpass: `${pgpass}-missing` }),
        "cluster.password_file or ~/.pgpass",
      );
    });

    await t.step("is reached by a socket", async () => {
      const address = addressOf(server.socketUrl);
      await using database = new Database({ ...config, address, ca: null });
      assertEquals([...await database.query("SELECT 1 AS one")], [{ one: 1 }]);
    });

    await t.step(
      "needs no permission but for its host, its files and one name in the environment, which has no effect",
      async () => {
        const worker = new URL(
          "../../fixtures/cluster/confined.ts",
          import.meta.url,
        );
        const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
          args: [
            ...["run", "--no-check", "--no-prompt", "--allow-env=PGAPPNAME"],
            ...[`--allow-net=localhost:${server.port}`],
            ...[`--allow-read=${server.directory}`, worker.href],
            JSON.stringify(config),
          ],
          env: { PGAPPNAME: "other", PGPASSWORD: "wrong", PGSSL: "disable" },
        }).output();
        assertEquals(new TextDecoder().decode(stderr), "");
        assertEquals(new TextDecoder().decode(stdout), "connected\n");
      },
    );

    await t.step(
      "keeps numbers, dates of the database and text as they are",
      async () => {
        await using database = new Database(config);
        const path = `a\n"'\\ $1 é\u{1F600}`;
        const paths = [path, "", "NULL", "{a,b}", '\\"', " "];
        const rows = await database.query(
          `SELECT $1::bigint AS size, $2::text AS path, ARRAY[1, 2]::bigint[] AS many,
             '{}'::bigint[] AS none, NULL AS nothing, to_json($3::text[]) AS paths,
             cardinality($4::text[]) AS empty`,
          [Number.MAX_SAFE_INTEGER, path, paths, []],
        );
        assertEquals([...rows], [{
          size: Number.MAX_SAFE_INTEGER,
          path,
          many: [1, 2],
          none: [],
          nothing: null,
          paths,
          empty: 0,
        }]);
      },
    );

    await t.step(
      "says what a role lacks that may not make tables, and makes them then",
      async () => {
        const quoted = password.replaceAll("'", "''");
        await server.ask(`CREATE ROLE plain LOGIN PASSWORD '${quoted}'`);
        await using database = new Database({
          ...{ ...config, name: "orders" },
          address: { ...config.address, user: "plain" },
        });
        const hint = 'CREATE SCHEMA "orders" AUTHORIZATION "plain"';
        const error = await assertRejects(() => migrate(database), LocalError);
        assertStringIncludes(
          describe(error),
          `: the role plain may make no schema in postgres; run there: ${hint}`,
        );
        await server.ask(hint);
        await migrate(database);
      },
    );

    await t.step("says that an older PostgreSQL will not do", async () => {
      await using database = new Database(config);
      const error = await assertRejects(
        () => database.query("SELECT gen_random_uuid_of_later_versions()"),
        LocalError,
      );
      assertStringIncludes(
        describe(error),
        "; relais needs PostgreSQL 13 or later",
      );
    });

    await t.step("says that all connections are taken", async () => {
      const others = Array.from({ length: 60 }, () => server.connect());
      try {
        await Promise.allSettled(others.map((sql) => sql`SELECT 1`));
        assertEquals(
          await failure({}),
          "Cannot use the database postgres at localhost:PORT: sorry, too many clients already; let it accept more connections, 4 for each node: max_connections, or the limit of the role or the database",
        );
      } finally {
        await Promise.all(others.map((sql) => sql.end({ timeout: 0 })));
      }
    });

    await t.step("undoes a transaction that fails", async () => {
      await using database = new Database(config);
      await database.query("CREATE TABLE public.tried (number int)");
      await assertRejects(
        () =>
          database.transaction(async (session) => {
            await session.unsafe("INSERT INTO public.tried VALUES (1)");
            await session.unsafe("SELECT 1/0");
          }),
        LocalError,
        "division by zero",
      );
      assertEquals([...await database.query("SELECT * FROM public.tried")], []);
    });

    await t.step(
      "gives up what has no answer within half of a lease, and goes on later",
      async () => {
        await using database = new Database({ ...config, leaseMs: 4_000 });
        await assertRejects(
          () => database.query("SELECT pg_sleep(3600)"),
          LocalError,
          "no answer",
        );
        assertEquals([...await database.query("SELECT 1 AS one")], [{
          one: 1,
        }]);
      },
    );

    await t.step(
      "ends a session that idles in a transaction for longer than a lease",
      async () => {
        await using database = new Database({ ...config, leaseMs: 1_000 });
        const [row] = await database.query(
          "SELECT current_setting('idle_in_transaction_session_timeout') AS ms",
        );
        assertEquals(row, { ms: "1s" });
      },
    );

    await t.step(
      "says that the database is down, and goes on when it is back",
      async () => {
        await using database = new Database(config);
        await database.query("SELECT 1");
        await server.stop();
        const lost = await assertRejects(() => database.query("SELECT 1"));
        assertEquals(lost instanceof LocalError, true);
        assertEquals(
          await failure({}),
          "Cannot use the database postgres at localhost:PORT: connection refused; check that PostgreSQL runs and can be reached from here: pg_isready -h localhost -p PORT",
        );
        await server.start();
        assertEquals([...await database.query("SELECT 1 AS one")], [{
          one: 1,
        }]);
      },
    );

    await t.step("refuses a database that only reads", async () => {
      const sql = server.connect();
      await sql`ALTER ROLE relais SET default_transaction_read_only = on`;
      await sql.end();
      assertEquals(
        await failure({}),
        "Cannot use the database postgres at localhost:PORT: it only reads: it is a standby, or its role may not write; set cluster.database to the primary",
      );
    });
  },
});

Deno.test({
  name:
    "Database sends no password to a server without TLS, and says what to set",
  ignore: !postgresAvailable,
  async fn() {
    await using server = await startPostgres({ tls: false });
    await using database = new Database(server.config("stock"));

    const error = await assertRejects(
      () => database.query("SELECT 1"),
      LocalError,
    );

    assertEquals(
      describe(error).replaceAll(String(server.port), "PORT"),
      "Cannot use the database postgres at localhost:PORT: it ends the connection where TLS should begin; set ssl = on in its postgresql.conf, with a certificate that an authority in cluster.ca has signed",
    );
  },
});

Deno.test("Database says which file it cannot read", () => {
  const config = {
    address: addressOf("postgres://relais@db.example.net/relais"),
    passwordFile: "/nowhere/password",
    ca: null,
    name: "stock",
    leaseMs: 15_000,
  };
  try {
    new Database(config);
    throw new Error("it was read");
  } catch (error) {
    assertEquals(
      describe(error).replace(/: No such file.*?;/, ";"),
      "Cannot read the password of the database in /nowhere/password; let the account that runs relais read /nowhere/password",
    );
  }
});

Deno.test("passwordIn() takes the first line that is for the database", () => {
  const network = addressOf("postgres://relais@db.example.net/stock");
  const socket = addressOf("postgres://relais@/stock?host=/run/postgresql");
  const tried = (line: string, address = network) =>
    passwordIn(`# a comment\n\nother:*:*:*:no\n${line}\n*:*:*:*:last`, address);

  assertEquals(tried("db.example.net:5432:stock:relais:it"), "it");
  assertEquals(tried("*:*:*:relais:it:is not for relais"), "it");
  assertEquals(tried(String.raw`db.example.net:*:*:*:a\:b\\c`), "a:b\\c");
  assertEquals(tried("localhost:*:*:*:it"), "last");
  assertEquals(tried("localhost:*:*:*:it", socket), "it");
  assertEquals(tried("/run/postgresql:5432:stock:relais:it", socket), "it");
  for (const other of ["5433:stock:relais", "5432:x:relais", "5432:stock:x"]) {
    assertEquals(tried(`db.example.net:${other}:it`), "last");
  }
  assertEquals(
    passwordIn("db.example.net:5432:stock:relais", network),
    undefined,
  );
  assertEquals(passwordIn("", network), undefined);
});

Deno.test("parseAddress() reads addresses, and refuses what would be passed over", () => {
  const good = (text: string) => addressOf(text);
  assertEquals(good("postgres://relais@db.example.net/stock"), {
    user: "relais",
    host: "db.example.net",
    port: 5_432,
    database: "stock",
  });
  assertEquals(good("postgresql://a%40b@[::1]:6432/x%2Fy"), {
    user: "a@b",
    host: "::1",
    port: 6_432,
    database: "x/y",
  });
  assertEquals(good("postgres://relais@/relais?host=/run/postgresql"), {
    user: "relais",
    host: "/run/postgresql",
    port: 5_432,
    database: "relais",
  });
  const bad = [
    "postgres://db.example.net/stock",
    "postgres://relais:secret@db.example.net/stock",
    "postgres://relais@db.example.net/stock?sslmode=disable",
    "postgres://relais@/stock",
    "postgres://relais@db.example.net",
    "mysql://relais@db.example.net/stock",
    "postgres://relais@db.example.net:x/stock",
    "postgres://relais@db.example.net:65536/stock",
    "postgres://relais@db.example.net:0/stock",
    "postgres://relais@/stock?host=/run/postgresql&port=some",
    "postgres://50%@db.example.net/stock",
    "postgres://relais@db.example.net/st%E9ck",
  ];
  assertEquals(
    bad.map((text) => (parseAddress(text) as { reason?: string }).reason),
    [
      "write it as in postgres://USER@HOST/DATABASE",
      "keep the password out of it, in cluster.password_file",
      'it cannot have "sslmode" after the name',
      "it names no host",
      "write it as in postgres://USER@HOST/DATABASE",
      "write it as in postgres://USER@HOST/DATABASE",
      "write it as in postgres://USER@HOST/DATABASE",
      "its port is not one from 1 to 65535",
      "its port is not one from 1 to 65535",
      "its port is not one from 1 to 65535",
      'a "%" in it has no two hexadecimal digits after it',
      'a "%" in it has no two hexadecimal digits after it',
    ],
  );
});
