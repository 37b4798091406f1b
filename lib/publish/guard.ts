/**
 * Limit on withdrawals: missing sources may be a disk that is not mounted.
 *
 * @module
 */

import { allowance, type MaxDelete } from "../config/units.ts";
import { RefusedError } from "../errors.ts";

/**
 * Returns why so many files must not be withdrawn at a time; `undefined` if
 * they may.
 *
 * @param gone Files that have no source any more.
 * @param listed Files that were in the list, those among them.
 */
export function refusalToWithdraw(
  gone: number,
  listed: number,
  limit: MaxDelete,
): RefusedError | undefined {
  const most = allowance(limit, listed);
  if (gone <= most) return undefined;
  return new RefusedError(
    `Cannot withdraw ${gone} of ${listed} files: publish.max_withdraw allows ${most}`,
    {
      hint:
        'check that all file systems below publish.base are mounted; if the files were removed on purpose, run "relais publish --once --accept-shrink"',
    },
  );
}
