/**
 * docs/install.md followed by a script, on machines with a systemd of their own: what it
 * says is typed as it stands there, and nothing else.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import {
  type Edit,
  editFile,
  follow,
  Installed,
  stepsOf,
} from "../../fixtures/installed.ts";
import { noMachines } from "../../fixtures/machine.ts";
import { shownCode } from "../../fixtures/shown-code.ts";
import { until } from "../../fixtures/until.ts";

const reason = noMachines();

/** A mail server that keeps what it gets in /var/mail.txt. */
const mailServer = `
cat > /etc/systemd/system/smtp.socket <<'EOF'
[Socket]
ListenStream=25
Accept=yes
EOF
cat > /etc/systemd/system/smtp@.service <<'EOF'
[Service]
StandardInput=socket
ExecStart=/bin/bash /root/smtp.sh
EOF
cat > /root/smtp.sh <<'EOF'
say() { printf '%s\\r\\n' "$1"; }
say '220 mail.example.net'
while IFS= read -r line; do
  case $line in
  DATA*)
    say '354 go on'
    while IFS= read -r line && [ "$line" != $'.\\r' ]; do
      printf '%s\\n' "\${line%$'\\r'}" >> /var/mail.txt
    done
    say '250 kept' ;;
  QUIT*) say '221 bye'; exit ;;
  *) say '250 ok' ;;
  esac
done
EOF
systemctl start smtp.socket`;

const ofRoot =
  "find /srv/replica /var/lib/relais /var/log/relais /var/cache/relais -user root";

Deno.test({
  name:
    "docs/install.md, followed as it stands, leads to a replica on which what root types works" +
    (reason === undefined ? "" : ` (left out: ${reason})`),
  ignore: reason !== undefined,
  async fn(test) {
    const [mail, onFailure] = shownCode("docs/watching.md", "sh", "Alarms");
    const [hooks] = shownCode("docs/watching.md", "toml", "Alarms");
    await using installed = await Installed.boot();
    const { production, replica } = installed;
    const edit = (change: Edit) => installed.configure(change);
    await replica.does("echo 192.0.2.10 mail.example.net >> /etc/hosts");
    await production.does(mailServer);
    await replica.does(`set -e\n${mail}`);
    const mails = () => production.read("/var/mail.txt");

    await test.step("it leads to a replica that a timer keeps", async () => {
      const told = await installed.install({
        replica: (text) =>
          text.replace(`# delete = "keep"  `, `delete = "remove"`)
            .replace("[hooks]\n", hooks!),
      });

      assertMatch(told, /A pass would copy 4 files from production/);
      assertEquals(told.match(/^FAILED.*/gm), null);
      // The timer fires each minute, and spreads its passes.
      const passed = () =>
        ["a", "b", "c", "d"].every((name) =>
          replica.read(`/srv/replica/stock/${name}.csv`) === `${name}\n`
        );
      await until(passed).catch(() => until(passed));
      await until(
        async () =>
          (await replica.run("relais status --max-lag 5m")).code === 0,
        1_000,
      );
    });

    // From here on nothing runs but what is started.
    await installed.calm();

    await test.step("a server's --nagios tells root how it does", async () => {
      const { code, stdout } = await production.run("relais status --nagios");
      assertEquals([code, stdout.slice(0, 9)], [0, "RELAIS OK"], stdout);
      // From /root, where that account may not be.
      await production.does("runuser -u relais -- relais publish --once");
    });

    await test.step("what root types on a server is done by the account of the export", async () => {
      await production.does("echo e > /data/stock/e.csv");
      const { code, stderr } = await production.run(
        "relais publish --once --accept-shrink",
      );
      assertEquals(code, 0, stderr);
      assertMatch(stderr, /^relais: Running as relais, the account of \/srv/);
      assertEquals(
        await production.does(
          "find /srv/sftp/export /var/log/relais /var/cache/relais -user root",
        ),
        "",
      );
      await production.does("rm /data/stock/e.csv && relais publish --once");
    });

    await test.step("a second job has units of its own, and one check tells of both", async () => {
      const [jobs] = shownCode("docs/install.md", "sh", "Several jobs");
      const publishing = jobs!.replace("--replica", "--publisher")
        .replace(/^relais serve.*\n/m, "")
        // It has not run yet.
        .replace(/^relais status.*\n/m, "relais status --all-jobs || true\n");
      await production.does(`set -e
        mkdir -p /home/orders && echo 1 > /home/orders/1.csv
        install -d -o relais -g relais /srv/sftp/orders`);
      const told = await follow(production, publishing, () => {
        editFile(
          production,
          "/etc/relais/stock.toml",
          (text) =>
            text.replace("/data/stock/**/*.csv", "/home/orders/*")
              .replace('"/data"', '"/home/orders"')
              .replace("/srv/sftp/export", "/srv/sftp/orders"),
        );
      });
      assertMatch(told, /relais-publish@stock\.timer is written/);
      await production.does("systemctl start relais-publish@stock.service");
      const { code, stdout } = await production.run(
        "relais status --all-jobs --nagios",
      );
      assertEquals(code, 0, stdout);
      assertMatch(
        stdout,
        /relais: \d files are .*; stock: 1 file is published/,
      );
      assertEquals(
        await production.does(
          "cd /var && stat -c %U log/relais/stock cache/relais/stock /srv/sftp/orders/1.csv",
        ),
        "relais\nrelais\nrelais\n",
      );
      await production.does("systemctl stop relais-publish@stock.timer");
    });

    await test.step("what is refused is mailed from within the sandbox", async () => {
      await production.does("rm /data/stock/[ab].csv");
      await production.does("systemctl start relais-publish.service");
      const pass = await replica.run("systemctl start relais.service");
      assertEquals(pass.code, 1);
      await until(() => mails().includes("Last passes"));
      assertStringIncludes(mails(), "Subject: relais on replica");
      assertMatch(mails(), /"event":"error".*"exit":5/);
    });

    await test.step("what the message says works, and leaves nothing of root's", async () => {
      const { code, stderr } = await replica.run(
        "relais --once --accept-shrink",
      );
      assertEquals(code, 0, stderr);
      assertStringIncludes(
        stderr,
        "Running as relais, the account of /var/lib/relais.\n",
      );
      await replica.does("echo damage >> /srv/replica/stock/c.csv");
      const verified = await replica.does("relais verify --repair");
      assertMatch(verified, /1 repaired/);
      await replica.does("relais --once --failback");
      const resolved = await replica.run(
        "relais resolve stock/c.csv --from backup",
      );
      assertEquals(resolved.code, 5, resolved.stderr);
      assertEquals(await replica.does(ofRoot), "");
      await replica.does("systemctl start relais.service");
      assertEquals(
        await replica.does("cat /srv/replica/stock/*.csv"),
        "c\nd\n",
      );
    });

    await test.step("a hook may write where the installed unit was opened for it, whoever starts the pass", async () => {
      edit((text) =>
        text.replace(
          "[hooks]\n",
          `[hooks]\non_new = ["tee", "/srv/reports/new"]\n`,
        )
      );
      await replica.does(`set -e
        install -d -o relais /srv/reports /etc/systemd/system/relais.service.d
        printf '[Service]\\nReadWritePaths=/srv/reports\\n' \\
          > /etc/systemd/system/relais.service.d/hooks.conf
        systemctl daemon-reload`);
      await production.does("echo e > /data/stock/e.csv");
      await production.does("systemctl start relais-publish.service");
      await replica.does("relais --once");
      assertEquals(
        Deno.readTextFileSync(replica.path("/srv/reports/new")),
        "stock/e.csv\0",
      );
    });

    await test.step("the ssh of the system reaches servers from within the sandbox, with the key that is handed over", async () => {
      const server = /^name = "(?:production|backup)"$/gm;
      edit((text) => text.replaceAll(server, `$&\ntransport = "openssh"`));
      await production.does(`set -e
        echo f > /data/stock/f.csv
        systemctl start relais-publish.service`);
      const { stdout } = await replica.run("relais check");
      assertMatch(
        stdout,
        /^ok {2}way to backup: openssh, to 192\.0\.2\.11:22, /m,
      );
      assertEquals(stdout.match(/^(?:FAILED|warning).*/gm), null);
      await replica.does("systemctl start relais.service");
      assertEquals(
        await replica.does("cat /srv/replica/stock/f.csv"),
        "f\n",
      );
      edit((text) => text.replaceAll('\ntransport = "openssh"', ""));
    });

    await test.step("Ctrl-C ends what root started, in good order", async () => {
      const { stdout } = await replica.run(`
        relais 2> /dev/null & loop=$!
        until pgrep -u relais > /dev/null; do sleep 0.1; done
        sleep 1; kill -INT $loop; wait $loop; echo $?
        pgrep -u relais`);
      assertEquals(stdout, "130\n");
    });

    await test.step("check tells all that the account cannot do", async () => {
      const { code, stdout } = await replica.run(`
        chown root: /etc/relais/relais.toml && chmod 600 /etc/relais/known_hosts
        touch /var/lib/relais/left && chmod 600 /var/lib/relais/left
        mv /etc/relais/id_ed25519 /root/
        relais check; status=$?
        chgrp relais /etc/relais/relais.toml && chmod 644 /etc/relais/known_hosts
        rm /var/lib/relais/left
        mv /root/id_ed25519 /etc/relais/
        exit $status`);
      assertEquals(code, 2);
      assertEquals(
        stdout.match(/^FAILED {2}[^:]+/gm)?.map((line) => line.slice(8)),
        [
          ...["configuration", "key", "known_hosts"],
          ...["server production", "server backup", "state"],
        ],
        stdout,
      );
      assertStringIncludes(stdout, "chgrp relais /etc/relais/relais.toml");
    });

    await test.step("without systemd the account does it itself, once it may read the key", async () => {
      const without = (script: string) =>
        replica.run(
          `unshare --mount sh -c 'mount -t tmpfs none /run/systemd && ${script}'`,
        );
      const refused = await without("relais --once");
      assertEquals(refused.code, 2);
      assertMatch(refused.stderr, /; chown relais \/etc\/relais\/id_ed25519/);
      await replica.does("chown relais /etc/relais/id_ed25519");
      const passed = await without("relais --once && relais check");
      assertEquals(passed.code, 0, passed.stdout + passed.stderr);
      assertEquals(await replica.does(ofRoot), "");
      await replica.does("chown root /etc/relais/id_ed25519");
    });

    await test.step("an executable that the account may not run is named", async () => {
      const { code, stderr } = await replica.run(
        "cp -L /usr/local/bin/relais . && ./relais --once",
      );
      assertEquals(code, 2);
      assertMatch(stderr, /that account may not run \/root\/relais/);
    });

    await test.step("systemd mails what keeps relais from starting", async () => {
      await replica.does(`set -e
        ${onFailure!.replaceAll("relaisd.service", "relais.service")}`);
      const before = mails().length;
      await replica.run(`sed -i 's/^into/inot/' /etc/relais/relais.toml
        systemctl start relais.service
        sed -i 's/^inot/into/' /etc/relais/relais.toml`);
      await until(() => mails().slice(before).includes("inot"));
    });

    await test.step("a dynamic account keeps state, copy and log, and root's passes are its own", async () => {
      await replica.does(`set -e
        userdel relais
        rm -rf /var/lib/relais /var/log/relais /var/cache/relais /srv/reports
        rm -r /etc/systemd/system/relais.service.d
        chmod a+r /etc/relais/relais.toml`);
      edit((text) =>
        text.replace(/^on_new.*\n/m, "")
          .replace("/srv/replica", "/var/lib/relais-copy")
      );
      const linked = await replica.run(`ln -s /data/log /var/log/relais
        relais unit --dynamic-user; status=$?; rm /var/log/relais; exit $status`);
      assertEquals(linked.code, 2);
      assertMatch(linked.stderr, /\/var\/log\/relais is a symbolic link/);

      const told = await replica.does("relais unit --install --dynamic-user");
      await replica.does(`set -e\n${stepsOf(told)}\nsystemctl stop relais.timer
        systemctl start relais.service`);
      const { code, stderr } = await replica.run("relais --once");
      assertEquals(code, 0, stderr);
      assertMatch(stderr, /^relais: Running as relais, the account of/);
      await replica.does(`set -e
        systemctl start relaisd.service
        cat /var/lib/relais-copy/stock/c.csv`);
      await until(
        async () => (await replica.run("relais status")).code === 0,
        1_000,
      );
      assertMatch(
        await replica.does("curl --silent http://127.0.0.1:7878/metrics"),
        /^relais_replica_files [1-9]/m,
      );
      assert((await replica.does("relais log")).includes("exit 0"));
    });
  },
});
