/**
 * The Debian package: made twice, and installed, upgraded, removed and purged on
 * a machine that has a systemd and nothing of relais.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { fromFileUrl } from "@std/path";
import { Machine, noMachines } from "../../fixtures/machine.ts";
import { isInstalled } from "../../fixtures/programs.ts";

const root = fromFileUrl(new URL("../..", import.meta.url));

/** Runs a script; returns what it prints. */
async function does(
  script: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-euc", script, "sh", ...args],
    cwd: root,
    stdin: "null",
    env: { ...env },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (code === 0) return text(stdout);
  throw new Error(
    `${script}\nexits with ${code}\n${text(stdout)}${text(stderr)}`,
  );
}

/** Why a package can be made, or installed, nowhere. */
const reason = noMachines() ??
  (isInstalled("dpkg-deb") ? undefined : "dpkg-deb is not installed");

Deno.test({
  name:
    "a package is the same to the byte, and can be installed, upgraded, removed and purged" +
    (reason === undefined ? "" : ` (left out: ${reason})`),
  ignore: reason !== undefined,
  async fn(test) {
    const work = await Deno.makeTempDir({ prefix: "relais-package-test-" });
    await using cleanup = new AsyncDisposableStack();
    cleanup.defer(() => does('rm -rf --one-file-system "$1"', [work]).then());
    const pack = (directory: string, umask: string, zone: string) =>
      does(
        'umask "$3" && "$1" task --quiet package --quick --output "$2"',
        [Deno.execPath(), `${work}/${directory}`, umask],
        { SOURCE_DATE_EPOCH: "1700000000", TZ: zone },
      );
    await pack("one", "022", "UTC");
    const [name] = [...Deno.readDirSync(`${work}/one`)]
      .map(({ name }) => name).filter((name) => name.endsWith(".deb"));
    await test.step("two builds give the same bytes, and SHA256SUMS tells them", async () => {
      await pack("two", "077", "Asia/Tokyo");
      await does('diff -r "$1/one" "$1/two"', [work]);
      await does('cd "$1/one" && sha256sum --strict --check SHA256SUMS', [
        work,
      ]);
    });

    await test.step("the SPDX document tells what is inside", () => {
      const path = `${work}/one/${name!.replace(/deb$/, "spdx.json")}`;
      const { packages, relationships } = JSON.parse(
        Deno.readTextFileSync(path),
      );
      const ids = packages.map(({ SPDXID }: { SPDXID: string }) => SPDXID);
      assertEquals(new Set(ids).size, ids.length);
      for (const { relatedSpdxElement } of relationships) {
        assert(ids.includes(relatedSpdxElement), relatedSpdxElement);
      }
      const named = packages.map(({ name }: { name: string }) => name);
      for (const inside of ["relais", "deno", "ssh2", "valibot", "tweetnacl"]) {
        assert(named.includes(inside), inside);
      }
      // Tests alone use it.
      assert(!named.includes("fast-check"));
    });

    await using machine = await Machine.boot("replica");
    // The groups of other packages are not there.
    await does('cp -a /var/lib/dpkg "$1" && : > "$1/statoverride"', [
      machine.path("/var/lib/dpkg"),
    ]);

    await test.step("it installs an account, a configuration for it alone, and what runs", async () => {
      const deb = machine.path("/root/one.deb");
      await Deno.copyFile(`${work}/one/${name}`, deb);
      await machine.does("dpkg --install one.deb");
      assertEquals(
        await machine.does("stat -c '%a %U:%G' /etc/relais/relais.toml"),
        "640 root:relais\n",
      );
      assertMatch(
        await machine.does("getent passwd relais"),
        /:\/:\/usr\/sbin\/nologin$/m,
      );
      assertStringIncludes(
        await machine.does(
          `set -eu
           relais --version && relais unit > /dev/null
           cd /usr/share
           gzip -t man/man1/relais.1.gz man/man1/relais-publish-sh.1.gz \\
             man/man5/relais.toml.5.gz man/man5/relais-list.5.gz
           test -s bash-completion/completions/relais
           test -s zsh/vendor-completions/_relais
           test -s fish/vendor_completions.d/relais.fish
           systemd-analyze verify --man=no /usr/lib/systemd/system/relais*`,
        ),
        "relais ",
      );
    });

    await test.step("a newer one keeps the configuration that was edited", async () => {
      await does(
        `dpkg-deb --raw-extract "$1" "$2/raw"
         sed -i 's/^Version: .*/Version: 99.0/' "$2/raw/DEBIAN/control"
         echo '# new' >> "$2/raw/etc/relais/relais.toml"
         dpkg-deb --root-owner-group -Zgzip -z1 --build "$2/raw" "$3"`,
        [`${work}/one/${name}`, work, machine.path("/root/two.deb")],
      );
      await machine.does(
        `set -eu
         echo '# mine' >> /etc/relais/relais.toml
         mkdir -p /srv/replica /var/lib/relais /var/log/relais /var/cache/relais
         touch /srv/replica/copy /var/lib/relais/state
         dpkg --force-confold --install /root/two.deb`,
      );
      assertEquals(
        await machine.does(
          `tail -n 1 /etc/relais/relais.toml
           stat -c '%a %U:%G' /etc/relais/relais.toml
           dpkg-query --show relais; tail -n 1 /etc/relais/relais.toml.dpkg-dist`,
        ),
        "# mine\n640 root:relais\nrelais\t99.0\n# new\n",
      );
    });

    await test.step("removed, it leaves the configuration; purged, the state and the copy", async () => {
      await machine.does(
        `set -eu
         dpkg --remove relais
         test -e /etc/relais/relais.toml
         ! test -e /usr/bin/relais
         dpkg --purge relais
         test -e /srv/replica/copy && test -e /var/lib/relais/state`,
      );
      assertEquals(
        await machine.does(
          `find / /usr -xdev -name '*relais*' ! -path '/root/*' ! -path '/tmp/*' ! -path '/run/*'`,
        ),
        "/var/lib/relais\n",
      );
    });
  },
});
