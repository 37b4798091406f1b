/**
 * Messages that say the same of what lasts.
 *
 * @module
 */

/** Tells whether two messages differ in figures alone: ages, sizes and counts change while what is wrong does not. */
export function isAlike(a: string, b: string): boolean {
  const withoutFigures = (text: string) => text.replaceAll(/\d+/g, "0");
  return withoutFigures(a) === withoutFigures(b);
}
