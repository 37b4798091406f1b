/**
 * The certificate of a key, as ssh-keygen names it.
 *
 * @module
 */

/** Returns where ssh-keygen puts the certificate of the key at `identity`. */
export function certificateOf(identity: string): string {
  return `${identity}-cert.pub`;
}
