/**
 * The bastions that ssh_config leads through. relais makes ssh know the key of
 * each server beforehand; of a bastion, ssh_config alone decides.
 *
 * @module
 */

import type { ServerConfig } from "../config/config.ts";
import { type ClientServer, isByClient } from "../ssh/by-client.ts";
import { clientEnvironment, settingsCommand } from "../ssh/openssh/command.ts";
import { doubtful, type Finding } from "./finding.ts";

/** How long ssh may take to read its configuration, which may run programs. */
const longestMs = 5_000;

/** More bastions one behind the other are not looked at. */
const mostBastions = 16;

/** What ssh says of a host whose key it need not know. */
const careless = ["no", "off", "false", "accept-new"];

/** Warns of bastions whose keys ssh would take without knowing them. */
export async function examineBastions(
  servers: readonly ServerConfig[],
): Promise<Finding[]> {
  const found = await Promise.all(servers.filter(isByClient).map(examine));
  return found.flat();
}

async function examine(server: ClientServer): Promise<Finding[]> {
  const bastions = new Set(await jumpsOf(server, server.host));
  const findings: Finding[] = [];
  // A set yields what is added to it meanwhile.
  for (const bastion of bastions) {
    const settings = await settingsOf(server, bastion);
    const checking = settings.get("stricthostkeychecking") ?? "";
    if (careless.includes(checking)) {
      findings.push(doubtful(
        `way to ${server.name}`,
        `ssh takes any new key of ${bastion} for the right one; set "StrictHostKeyChecking yes" for it in ssh_config`,
      ));
    }
    if (bastions.size >= mostBastions) break;
    for (const next of jumps(settings)) bastions.add(next);
  }
  return findings;
}

async function jumpsOf(server: ClientServer, host: string): Promise<string[]> {
  return jumps(await settingsOf(server, host));
}

/** The hosts of ProxyJump, as ssh_config knows them. */
function jumps(settings: ReadonlyMap<string, string>): string[] {
  const jump = settings.get("proxyjump") ?? "none";
  if (jump === "none") return [];
  return jump.split(",").map((each) =>
    each.replace(/^ssh:\/\//, "").replace(/^.*@/, "").replace(/:\d+$/, "")
  ).filter((host) => !host.startsWith("-"));
}

/** Asks ssh what holds for a host; nothing if it cannot say, of which the probe has more to tell. */
async function settingsOf(
  server: ClientServer,
  host: string,
): Promise<Map<string, string>> {
  const [program, ...args] = settingsCommand(server, host);
  try {
    const { stdout } = await new Deno.Command(program!, {
      args,
      env: clientEnvironment(),
      clearEnv: true,
      stdin: "null",
      stderr: "null",
      signal: AbortSignal.timeout(longestMs),
    }).output();
    const lines = new TextDecoder().decode(stdout).split("\n");
    return new Map(lines.map((line) => {
      const [name, ...value] = line.split(" ");
      return [name!, value.join(" ")];
    }));
  } catch {
    return new Map();
  }
}
