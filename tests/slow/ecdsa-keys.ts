/**
 * As many ECDSA keys as it takes to meet every shape of a private number.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import {
  bitsOfCurves,
  countSigning,
  keyForms,
} from "../../fixtures/ssh/ecdsa-keys.ts";

for (const bits of bitsOfCurves) {
  for (const form of keyForms) {
    Deno.test(`40 keys of P-${bits} in ${form} form sign`, async () => {
      assertEquals(await countSigning(40, { bits, form }), 40);
    });
  }
}
