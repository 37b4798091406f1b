import { assertEquals } from "@std/assert";
import { tellDatabase } from "../../lib/check/cluster.ts";

Deno.test("tellDatabase() refuses a PostgreSQL that is too old", () => {
  const findings = [
    { version: "12.22", number: 120_022 },
    { version: "13.0", number: 130_000 },
  ].map((said) => tellDatabase("relais at db:5432", said));

  assertEquals(findings.map(({ ok, told }) => [ok, told]), [
    [false, "relais at db:5432, PostgreSQL 12.22; relais needs 13 or later"],
    [true, "relais at db:5432, PostgreSQL 13.0"],
  ]);
});
