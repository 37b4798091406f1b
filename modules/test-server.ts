/**
 * test-server: which server is available? Probes all of them at once and
 * chooses the active one.
 *
 * @module
 */

import { readCursor } from "../lib/state/cursor.ts";
import { openState, rehearseState } from "../lib/state/database.ts";
import { chooseServer } from "../lib/test-server/choose.ts";
import { WallClock } from "../lib/test-server/clock.ts";
import { moved, recall, remember } from "../lib/test-server/memory.ts";
import type { TestServerOperations } from "../lib/test-server/operations.ts";
import { probe } from "../lib/test-server/probe.ts";
import {
  connectionOf,
  type TestServerContext,
} from "../lib/test-server/round.ts";
import { runModule, type Running } from "../lib/worker/life.ts";

/**
 * Returns what test-server answers.
 *
 * @throws {LocalError} If the state cannot be opened.
 */
export function testServer(
  context: TestServerContext,
): Running<TestServerOperations> {
  const { settings } = context;
  const { servers, replica } = settings;
  const db = settings.dryRun
    ? rehearseState(replica.state)
    : openState(replica.state);
  const clock = new WallClock();
  return {
    handlers: {
      probe(request) {
        const memory = moved(recall(db), clock.setBy());
        return chooseServer(context, db, memory, request);
      },
      examine: () =>
        Promise.all(
          servers.map((server) =>
            probe(connectionOf(context), server, settings, {
              cursor: readCursor(db, server.name),
              settled: undefined,
              heartbeat: recall(db).heartbeats?.[server.name],
              fingerprint: "",
              name: replica.republish ? recall(db).name ?? "" : undefined,
            })
          ),
        ),
      settle({ server, cursor, fingerprint }) {
        const memory = recall(db);
        const settled = {
          ...memory.settled,
          [server]: { cursor, fingerprint },
        };
        remember(db, { ...memory, settled });
        return null;
      },
    },
    end: () => db.close(),
  };
}

if (import.meta.main) runModule("test-server", testServer);
