/**
 * What is wrong with a file of the copy, as a line.
 *
 * @module
 */

import type { Difference } from "./compare.ts";
import { faults } from "./examine.ts";

const widestFault = Math.max(...faults.map(({ length }) => length));

/** The first column of such a line. */
export function faultColumn(fault: Difference["fault"]): string {
  return fault.padEnd(widestFault);
}

/** The whole line. */
export function findingLine({ path, fault, what }: Difference): string {
  return `${faultColumn(fault)}  ${path}: ${what}`;
}
