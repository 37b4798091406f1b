/**
 * What a server answers. draft-ietf-secsh-filexfer-02, section 7.
 *
 * @module
 */

import type { FieldReader } from "./fields.ts";
import { ProtocolError } from "./protocol-error.ts";

/** An open file or directory on a server. */
export type Handle = Uint8Array;

/** What a server says of a file, section 5: each part may be missing. */
export interface Attributes {
  /** Bytes; exact below 2^53. */
  readonly size?: number;
  /** Type and permissions, as in stat(2). */
  readonly mode?: number;
  /** Seconds since the epoch. */
  readonly mtime?: number;
}

/** One name in a directory. */
export interface Name {
  /** As the server spells it, in whatever charset. */
  readonly name: Uint8Array;
  readonly attributes: Attributes;
}

/** One type of answer, and how its contents are read. */
export interface Answer<Result> {
  readonly name: string;
  readonly type: number;
  readonly read: (fields: FieldReader) => Result;
}

/** SSH_FX_* that relais tells apart. */
export const statusCode = { ok: 0, endOfFile: 1 } as const;

/** How the server fared; its texts are not read: some servers send none. */
export const status: Answer<number> = {
  name: "STATUS",
  type: 101,
  read: (fields) => fields.uint32(),
};

/** No handle is longer: section 6.2. */
const longestHandle = 256;

/** What names an open file or directory in later requests. */
export const handle: Answer<Handle> = {
  name: "HANDLE",
  type: 102,
  read(fields) {
    const bytes = fields.string();
    if (bytes.length <= longestHandle) return bytes;
    throw new ProtocolError(`it sends a handle of ${bytes.length} bytes`);
  },
};

/** Bytes of a file. */
export const data: Answer<Uint8Array<ArrayBuffer>> = {
  name: "DATA",
  type: 103,
  read(fields) {
    const bytes = fields.string();
    // A few bytes must not hold a packet of many, nor carry it to another worker.
    return bytes.length < bytes.buffer.byteLength / 2 ? bytes.slice() : bytes;
  },
};

/** Names in a directory, each with its attributes. */
export const names: Answer<Name[]> = {
  name: "NAME",
  type: 104,
  read(fields) {
    const found: Name[] = [];
    for (let left = fields.uint32(); left > 0; left--) {
      const name = fields.string();
      // A line as of ls(1).
      fields.string();
      found.push({ name, attributes: readAttributes(fields) });
    }
    return found;
  },
};

/** What REALPATH is answered with, whose attributes say nothing. */
export const oneName: Answer<Uint8Array> = {
  ...names,
  read(fields) {
    const [only, ...others] = names.read(fields);
    if (only !== undefined && others.length === 0) return only.name;
    throw new ProtocolError("it answers with any number of names but one");
  },
};

/** Attributes of a file. */
export const attributes: Answer<Attributes> = {
  name: "ATTRS",
  type: 105,
  read: readAttributes,
};

/** What the server can do at most; 0: it does not say. */
export interface Limits {
  readonly readLength: number;
  readonly openHandles: number;
}

/** The answer to limits@openssh.com: PROTOCOL of OpenSSH, section 4.8. */
export const limits: Answer<Limits> = {
  name: "EXTENDED_REPLY",
  type: 201,
  read(fields) {
    const [_packet, readLength, _write, openHandles] = Array.from(
      { length: 4 },
      () => fields.uint64(),
    );
    return { readLength: readLength!, openHandles: openHandles! };
  },
};

/** All types of answers, by number. */
export const answerNames: ReadonlyMap<number, string> = new Map(
  [status, handle, data, names, attributes, limits]
    .map(({ type, name }) => [type, name]),
);

/** Which parts of the attributes are there. */
const flag = {
  size: 0x1,
  owner: 0x2,
  mode: 0x4,
  dates: 0x8,
  extended: 0x80000000,
} as const;

function readAttributes(fields: FieldReader): Attributes {
  const flags = fields.uint32();
  const found: { size?: number; mode?: number; mtime?: number } = {};
  if (flags & flag.size) found.size = fields.uint64();
  if (flags & flag.owner) fields.uint64();
  if (flags & flag.mode) found.mode = fields.uint32();
  if (flags & flag.dates) {
    // The date of the last access.
    fields.uint32();
    found.mtime = fields.uint32();
  }
  if (flags & flag.extended) {
    for (let left = 2 * fields.uint32(); left > 0; left--) fields.string();
  }
  return found;
}
