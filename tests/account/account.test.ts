import { assertEquals } from "@std/assert";
import { accountOf } from "../../lib/account/account.ts";
import { standIn } from "../../lib/account/child.ts";
import { serviceSettings } from "../../lib/systemd/installed.ts";
import { transientCommand } from "../../lib/systemd/transient.ts";

Deno.test({
  name:
    "accountOf() asks the state, before there is one the service, and before there is one the copy",
  ignore: Deno.uid() !== 0,
  async fn() {
    const directory = Deno.makeTempDirSync({ prefix: "relais-account-" });
    const replica = { state: `${directory}/state`, into: `${directory}/into` };
    const ask = async (settings?: string[]) => {
      const account = await accountOf(
        replica,
        () => Promise.resolve(settings),
      );
      return account && [account.name, account.owns];
    };
    const service = ["User=relais", "UMask=0027", "User=daemon"];

    assertEquals(await ask(), undefined);
    Deno.mkdirSync(replica.into);
    assertEquals(await ask(), ["root", replica.into]);
    Deno.chownSync(replica.into, 123_456, 7);
    assertEquals(await ask(), ["123456", replica.into]);
    assertEquals(await ask(service), ["daemon", "the installed service"]);
    Deno.mkdirSync(replica.state);
    assertEquals(await ask(service), ["root", replica.state]);

    Deno.removeSync(directory, { recursive: true });
  },
});

Deno.test("serviceSettings() reads a unit and what was put beside it, as systemctl cat shows them", () => {
  const text = `# /etc/systemd/system/relais.service
[Unit]
Description=relais
[Service]
ExecStart=/usr/local/bin/relais \\
  --once
User = relais
# User=no

# /etc/systemd/system/relais.service.d/override.conf
[Service]
ReadWritePaths=/srv/reports
[Install]
WantedBy=x
`;
  assertEquals(serviceSettings(text), [
    "ExecStart=/usr/local/bin/relais    --once",
    "User=relais",
    "ReadWritePaths=/srv/reports",
  ]);
});

Deno.test("transientCommand() takes what a service is allowed, and leaves the rest of its unit", () => {
  const directory = Deno.makeTempDirSync({ prefix: "relais-account-" });
  const settings = [
    ...["Type=oneshot", "ExecStart=/bin/true", "TimeoutStopSec=15s"],
    ...["Nice=10", "User=relais", "ReadWritePaths=-/srv/50%%"],
    ...[`LoadCredential=a:${directory}`, `LoadCredential=b:${directory}/none`],
    ...["StateDirectory=relais-is-not-here", "CacheDirectory=relais"],
  ];
  const properties = (makesNothing: boolean) =>
    transientCommand(["/bin/relais", "verify", "$HOME/50%"], {
      name: "a.service",
      description: "relais",
      env: { TERM: "dumb" },
      settings,
      makesNothing,
    });

  const all = properties(false);
  assertEquals(all.slice(all.indexOf("--service-type=exec")), [
    ...["--service-type=exec", "--setenv=TERM=dumb"],
    ...["--property=User=relais", "--property=ReadWritePaths=-/srv/50%"],
    `--property=LoadCredential=a:${directory}`,
    "--property=StateDirectory=relais-is-not-here",
    "--property=CacheDirectory=relais",
    ...["--", "/bin/relais", "verify", "$$HOME/50%"],
  ]);
  assertEquals(
    all.filter((word) => !properties(true).includes(word)),
    ["--property=StateDirectory=relais-is-not-here"],
  );
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("standIn() hands a signal on until somebody gets it, and says which one it was", async () => {
  const pidFile = Deno.makeTempFileSync({ prefix: "relais-account-" });
  const script =
    'trap "exit 0" TERM; echo $$ > "$1"; while :; do sleep 0.1; done';
  const handedOn: string[] = [];
  const status = standIn(["sh", "-c", script, "sh", pidFile], {
    cwd: "/",
    signal: (name) => {
      handedOn.push(name);
      const pid = Number(Deno.readTextFileSync(pidFile));
      // It ends as systemd says that all ends that a signal has asked for.
      if (handedOn.length > 1 && pid > 0) Deno.kill(pid, "SIGTERM");
      return Promise.resolve(handedOn.length > 1 && pid > 0);
    },
  });
  Deno.kill(Deno.pid, "SIGHUP");

  assertEquals(await status, 129);
  assertEquals([...new Set(handedOn)], ["SIGHUP"]);
  assertEquals(await standIn(["sh", "-c", "exit 7"], { cwd: "/" }), 7);
  Deno.removeSync(pidFile);
});
