/**
 * What relais asks of a server: nothing that writes.
 * draft-ietf-secsh-filexfer-02, section 6.
 *
 * @module
 */

import {
  type Answer,
  type Attributes,
  attributes,
  data,
  type Handle,
  handle,
  type Limits,
  limits as limitsReply,
  type Name,
  names,
  oneName,
  status,
} from "./answers.ts";
import { type Field, uint64 } from "./fields.ts";
import { toWire } from "./wire-path.ts";

/** A request, and what it is answered with, beside a status that says why not. */
export interface Request<Result> {
  readonly name: string;
  readonly type: number;
  /** Without its number. */
  readonly fields: readonly Field[];
  readonly answer: Answer<Result>;
  /** What it comes to if the server answers that the file, or the directory, is at its end. */
  readonly atEnd?: () => Result;
}

/** SSH_FXF_READ. */
const forReading = 1;

/** Attributes that say nothing. */
const noAttributes = 0;

/** Opens a file for reading. */
export function open(path: string): Request<Handle> {
  const fields = [toWire(path), forReading, noAttributes];
  return { name: "OPEN", type: 3, fields, answer: handle };
}

/** Gives a handle back, of a file or a directory. */
export function close(handle: Handle): Request<number> {
  return { name: "CLOSE", type: 4, fields: [handle], answer: status };
}

/** More bytes than `length` may come. */
export function read(
  handle: Handle,
  position: number,
  length: number,
): Request<Uint8Array<ArrayBuffer>> {
  const fields = [handle, ...uint64(position), length];
  const atEnd = () => new Uint8Array(0);
  return { name: "READ", type: 5, fields, answer: data, atEnd };
}

/** Asks for the attributes of what a path names; a link is not followed. */
export function lstat(path: string): Request<Attributes> {
  return { name: "LSTAT", type: 7, fields: [toWire(path)], answer: attributes };
}

/** Asks for the attributes of an open file. */
export function fstat(handle: Handle): Request<Attributes> {
  return { name: "FSTAT", type: 8, fields: [handle], answer: attributes };
}

/** Opens a directory. */
export function opendir(path: string): Request<Handle> {
  return { name: "OPENDIR", type: 11, fields: [toWire(path)], answer: handle };
}

/** No names at the end of the directory. */
export function readdir(handle: Handle): Request<Name[]> {
  const atEnd = () => [];
  return { name: "READDIR", type: 12, fields: [handle], answer: names, atEnd };
}

/** Asks where a path leads, from the root and through no link. */
export function realpath(path: string): Request<Uint8Array> {
  return {
    name: "REALPATH",
    type: 16,
    fields: [toWire(path)],
    answer: oneName,
  };
}

/** Asks for the attributes of what a path leads to. */
export function stat(path: string): Request<Attributes> {
  return { name: "STAT", type: 17, fields: [toWire(path)], answer: attributes };
}

/** The extension by which a server tells its limits. */
export const limitsExtension = "limits@openssh.com";

/** Asks for the limits of a server that has the extension. */
export function limits(): Request<Limits> {
  const fields = [limitsExtension];
  return { name: "EXTENDED", type: 200, fields, answer: limitsReply };
}
