/**
 * Asking for many rows, a page at a time: no message, and no answer, holds them all.
 *
 * @module
 */

/**
 * Yields page after page, and asks for the next one when the last is done with.
 *
 * @param next Returns the rows behind a row, or the first ones; none at the end.
 */
export async function* pagesOf<Row>(
  next: (last: Row | undefined) => Promise<readonly Row[]>,
): AsyncGenerator<readonly Row[]> {
  let last: Row | undefined;
  for (;;) {
    const rows = await next(last);
    if (rows.length === 0) return;
    yield rows;
    last = rows.at(-1);
  }
}
