// Flattened device trees: writing one, and reading one that a user brings (Devicetree Specification v0.4, chapter 5).

import { ImageError } from "../../failure.ts";

export interface FdtNode {
  name: string;
  properties: Map<string, Buffer>;
  children: FdtNode[];
}

const MAGIC = 0xd00dfeed;
const HEADER_BYTES = 40;
const VERSION = 17;
const COMPATIBLE_VERSION = 16;
const BEGIN_NODE = 1;
const END_NODE = 2;
const PROPERTY = 3;
const NOP = 4;
const END = 9;
/** A tree that a user brings must be smaller and shallower than this: Linux itself maps 1 MiB for it. */
const TREE_BYTES_MAX = 1 << 20;
const DEPTH_MAX = 16;

/** A property's value: text (with its NUL), several texts, 32-bit cells, bytes, or nothing. */
export type FdtValue = string | string[] | number[] | Uint8Array | null;

/** A node with properties and children. */
export function fdtNode(name: string, properties: Record<string, FdtValue> = {}, children: FdtNode[] = []): FdtNode {
  const encoded = new Map<string, Buffer>();
  for (const [key, value] of Object.entries(properties)) encoded.set(key, fdtValue(value));
  return { name, properties: encoded, children };
}

/** Encodes a property's value. */
export function fdtValue(value: FdtValue): Buffer {
  if (value === null) return Buffer.alloc(0);
  if (typeof value === "string") return Buffer.from(`${value}\0`, "utf8");
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (value.every((item) => typeof item === "string")) {
    return Buffer.concat(value.map((text) => Buffer.from(`${text}\0`, "utf8")));
  }
  const cells = Buffer.alloc(value.length * 4);
  (value as number[]).forEach((cell, index) => cells.writeUInt32BE(cell >>> 0, index * 4));
  return cells;
}

/** The child with this name, made if it is not there. */
export function fdtChild(parent: FdtNode, name: string): FdtNode {
  let child = parent.children.find((node) => node.name === name);
  if (child === undefined) parent.children.push((child = fdtNode(name)));
  return child;
}

/** Writes the tree as a blob (§5.2 to §5.6): header, an empty reservation block, structure, strings. */
export function fdtWrite(root: FdtNode): Buffer {
  const structure: Buffer[] = [];
  const strings: Buffer[] = [];
  const stringAt = new Map<string, number>();
  let stringBytes = 0;

  const word = (value: number): void => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value >>> 0);
    structure.push(bytes);
  };
  const padded = (bytes: Buffer): void => {
    structure.push(bytes, Buffer.alloc(-bytes.length & 3));
  };
  const string = (text: string): number => {
    let at = stringAt.get(text);
    if (at === undefined) {
      const bytes = Buffer.from(`${text}\0`, "utf8");
      at = stringBytes;
      stringAt.set(text, at);
      strings.push(bytes);
      stringBytes += bytes.length;
    }
    return at;
  };
  const write = (node: FdtNode): void => {
    word(BEGIN_NODE);
    padded(Buffer.from(`${node.name}\0`, "utf8"));
    for (const [name, value] of node.properties) {
      word(PROPERTY);
      word(value.length);
      word(string(name));
      padded(value);
    }
    node.children.forEach(write);
    word(END_NODE);
  };
  write(root);
  word(END);

  const reservations = Buffer.alloc(16);
  const body = Buffer.concat(structure);
  const text = Buffer.concat(strings);
  const structureAt = HEADER_BYTES + reservations.length;
  const header = Buffer.alloc(HEADER_BYTES);
  const total = structureAt + body.length + text.length;
  [
    MAGIC,
    total,
    structureAt,
    structureAt + body.length,
    HEADER_BYTES,
    VERSION,
    COMPATIBLE_VERSION,
    0, // boot CPU
    text.length,
    body.length,
  ].forEach((value, index) => header.writeUInt32BE(value, index * 4));
  return Buffer.concat([header, reservations, body, text]);
}

/** Reads a blob. Throws ImageError for anything but a well-formed tree. Memory reservations are not carried over. */
export function fdtRead(blob: Buffer): FdtNode {
  const bad = (why: string): ImageError =>
    new ImageError("IMAGE_DEVICE_TREE", `the device tree is not usable: ${why}`, "A compiled tree (.dtb) is expected.");
  if (blob.length < HEADER_BYTES || blob.readUInt32BE(0) !== MAGIC) throw bad("no device-tree magic at its start");
  const total = blob.readUInt32BE(4);
  if (total > blob.length) throw bad(`its header says ${total} bytes, the file has ${blob.length}`);
  if (total > TREE_BYTES_MAX) throw bad(`${total} bytes are more than ${TREE_BYTES_MAX}`);
  if (blob.readUInt32BE(24) > VERSION || blob.readUInt32BE(20) < COMPATIBLE_VERSION) throw bad("its version is not 17");
  const stringsAt = blob.readUInt32BE(12);
  let at = blob.readUInt32BE(8);

  const word = (): number => {
    if (at + 4 > total) throw bad("it ends inside its structure");
    at += 4;
    return blob.readUInt32BE(at - 4);
  };
  const text = (from: number): string => {
    const end = blob.indexOf(0, from);
    if (from >= total || end < 0 || end >= total) throw bad("a name runs over its end");
    return blob.toString("utf8", from, end);
  };
  const node = (depth: number): FdtNode => {
    if (depth > DEPTH_MAX) throw bad(`nodes are nested more than ${DEPTH_MAX} deep`);
    const name = text(at);
    at += (Buffer.byteLength(name) + 4) & ~3;
    const result = fdtNode(name);
    for (;;) {
      const token = word();
      if (token === PROPERTY) {
        const length = word();
        const key = text(stringsAt + word());
        if (length > total - at) throw bad(`property ${key} runs over its end`);
        result.properties.set(key, Buffer.from(blob.subarray(at, at + length)));
        at += (length + 3) & ~3;
      } else if (token === BEGIN_NODE) result.children.push(node(depth + 1));
      else if (token === END_NODE) return result;
      else if (token !== NOP) throw bad(`unknown token ${token}`);
    }
  };
  for (;;) {
    const token = word();
    if (token === BEGIN_NODE) return node(0);
    if (token !== NOP) throw bad("it has no root node");
  }
}
