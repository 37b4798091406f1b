/**
 * Charsets that names can be read in.
 *
 * @module
 */

/** Charsets that names on UNIX are not in, or that need no reading. */
const senseless = /^(?:utf-|replacement$)/;

/** Tells whether `label` is a charset that names can be read in, by a name of the WHATWG Encoding Standard. */
export function isCharset(label: string): boolean {
  try {
    return !senseless.test(new TextDecoder(label).encoding);
  } catch {
    return false;
  }
}
