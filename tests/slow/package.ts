/**
 * The Debian package: made twice, and installed, upgraded, removed and purged on
 * a system that has nothing else.
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
import { isInstalled } from "../../fixtures/programs.ts";

const root = fromFileUrl(new URL("../..", import.meta.url));

/** Why there can be no clean system here; `undefined` if there can. */
function noSystem(): string | undefined {
  const missing = ["debootstrap", "dpkg-deb", "unshare"].find((program) =>
    !isInstalled(program)
  );
  const reason = Deno.uid() !== 0
    ? "only root can make one"
    : missing && `${missing} is not installed`;
  if (reason !== undefined && Deno.env.get("CI") === "true") {
    throw new Error(`no clean system: ${reason}`);
  }
  return reason;
}

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

/** Runs a script within a system, with a /proc of its own. */
function within(system: string, script: string): Promise<string> {
  const inside =
    'mount -t proc proc "$1/proc" && exec chroot "$1" sh -euc "$2"';
  return does(
    `unshare --mount --pid --fork --kill-child env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
       LANG=C.UTF-8 sh -euc '${inside}' sh "$1" "$2"`,
    [system, script],
  );
}

const reason = noSystem();

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
    const system = `${work}/system`;

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

    await does(
      `. /etc/os-release
       debootstrap --variant=minbase --include=procps,zstd,systemd "$VERSION_CODENAME" "$1"
       # A container's dpkg may leave manual pages out.
       rm -f "$1"/etc/dpkg/dpkg.cfg.d/*`,
      [system],
    );

    await test.step("it installs an account, a configuration for it alone, and what runs", async () => {
      await does('cp "$1" "$2/root/one.deb"', [`${work}/one/${name}`, system]);
      await within(system, "dpkg --install /root/one.deb");
      assertEquals(
        await within(system, "stat -c '%a %U:%G' /etc/relais/relais.toml"),
        "640 root:relais\n",
      );
      assertMatch(
        await within(system, "getent passwd relais"),
        /:\/:\/usr\/sbin\/nologin$/m,
      );
      assertStringIncludes(
        await within(
          system,
          `relais --version && relais unit > /dev/null
           gzip -t /usr/share/man/man1/relais.1.gz /usr/share/man/man5/*.gz
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
         dpkg-deb --root-owner-group -Zgzip -z1 --build "$2/raw" "$2/system/root/two.deb"`,
        [`${work}/one/${name}`, work],
      );
      await within(
        system,
        `echo '# mine' >> /etc/relais/relais.toml
         mkdir -p /srv/replica /var/lib/relais /var/log/relais /var/cache/relais
         touch /srv/replica/copy /var/lib/relais/state
         dpkg --force-confold --install /root/two.deb`,
      );
      assertEquals(
        await within(
          system,
          `tail -n 1 /etc/relais/relais.toml
           stat -c '%a %U:%G' /etc/relais/relais.toml
           dpkg-query --show relais; tail -n 1 /etc/relais/relais.toml.dpkg-dist`,
        ),
        "# mine\n640 root:relais\nrelais\t99.0\n# new\n",
      );
    });

    await test.step("removed, it leaves configuration and state; purged, the copy", async () => {
      await within(
        system,
        `dpkg --remove relais
         test -e /etc/relais/relais.toml && test -e /var/lib/relais/state
         ! test -e /usr/bin/relais
         dpkg --purge relais
         test -e /srv/replica/copy`,
      );
      assertEquals(
        await within(
          system,
          "find / -xdev -name '*relais*' ! -path '/proc/*' ! -path '/root/*'",
        ),
        "",
      );
    });
  },
});
