/**
 * The declaration of `relais check`.
 *
 * @module
 */

import type { Command } from "../option.ts";

export const check = {
  name: "check",
  summary: "examine configuration, servers, sources, directories, space",
  description: [
    "Examines the configuration, each server (name, connection, host key, login, list), the destination and its free space, the programs of hooks, and tells all of it: as the account that the state or the copy belongs to, where root types it. Changes nothing; systemd makes the directories that it makes for the service.",
    "On a server that publishes: whether this account may read each source, whether each glob matches anything, the export and its free space, and which directory sshd can confine readers to.",
  ],
  arguments: [],
  options: [],
  examples: [
    {
      line: "relais check --config ./relais.toml",
      help: "before a configuration is put to use",
    },
  ],
} as const satisfies Command;
