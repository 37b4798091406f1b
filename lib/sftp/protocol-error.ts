/**
 * What ends a session: a peer that does not speak SFTP as it should.
 *
 * @module
 */

/**
 * Bytes that are no SFTP, or an answer that does not belong to its request. Its
 * words tell what the server does, such as "it answers OPEN with DATA".
 */
export class ProtocolError extends Error {}
