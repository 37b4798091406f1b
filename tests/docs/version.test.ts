import { assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };

Deno.test("documents name the package of this version", () => {
  for (const document of ["README.md", "docs/install.md", "docs/fr/guide.md"]) {
    const text = Deno.readTextFileSync(
      new URL(`../../${document}`, import.meta.url),
    );
    const versions = Array.from(
      text.matchAll(/relais_([\d.]+)_amd64\.deb/g),
      ([, version]) => version,
    );
    // An upgrade names a later one.
    assertEquals(versions[0], config.version, document);
  }
});
