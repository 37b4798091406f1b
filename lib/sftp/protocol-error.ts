/**
 * What ends a session: a peer that does not speak SFTP as it should.
 *
 * @module
 */

/** Bytes that are no SFTP, or an answer that does not belong to its request. The words complete "it breaks the SFTP protocol: …". */
export class ProtocolError extends Error {}
