/**
 * Forgetting what was withdrawn so long ago that nobody asks for it any more.
 *
 * @module
 */

import { withdrawalKeepSeconds } from "../state/withdrawals.ts";
import { run, type Session } from "./database.ts";

/** Paths that are forgotten at a time. */
const page = 500;

const texts = {
  longGone: `
    SELECT path FROM withdrawal
    WHERE at < $1 AND kept = 0 AND NOT EXISTS (
      SELECT 1 FROM list JOIN entry USING (server)
      WHERE entry.path = withdrawal.path AND op = '+')
    ORDER BY at LIMIT ${page}`,
  forgetWithdrawals: "DELETE FROM withdrawal WHERE path = ANY ($1)",
  forgetEntries: `
    DELETE FROM entry
    WHERE server IN (SELECT server FROM list) AND path = ANY ($1)`,
  forgetSuperseded: `
    DELETE FROM superseded
    WHERE server IN (SELECT server FROM list UNION ALL SELECT '')
      AND path = ANY ($1)`,
};

/** In a transaction of the leader: forgets withdrawals of paths that no server names any more, after a while. */
export async function forgetLongGone(session: Session): Promise<void> {
  const before = Date.now() / 1_000 - withdrawalKeepSeconds;
  const rows = await run<{ path: string }>(session, texts.longGone, [before]);
  if (rows.length === 0) return;
  const values = [rows.map(({ path }) => path)];
  await run(session, texts.forgetWithdrawals, values);
  await run(session, texts.forgetEntries, values);
  await run(session, texts.forgetSuperseded, values);
}
