// The strict codec: RFC 8949 §4.2.1 core deterministic encoding of our subset (integers within ±2^53, byte strings, text, booleans, arrays,
// maps with integer keys). Each value has one encoding, and only that one is read. Signed documents and everything hostile pass here;
// telemetry has a faster codec of its own (telemetry.ts).

import { equalBytes } from "./bytes.ts";
import { WireError } from "./error.ts";
import { guard, type GuardLimits } from "./guard.ts";
import { decodeUtf8, encodeUtf8 } from "./utf8.ts";

/** A decoded data item. Byte strings are views of the input. */
export type Item = number | string | boolean | Uint8Array | Item[] | ItemMap;
export type ItemMap = Map<number, Item>;

const enum Major {
  unsigned = 0,
  negative = 1,
  bytes = 2,
  text = 3,
  array = 4,
  map = 5,
}
const FALSE = 0xf4;
const TRUE = 0xf5;

/** Decodes one item. Throws WIRE_SHAPE for what the guard refuses, and WIRE_CBOR for any other encoding than encode()'s. */
export function decode(bytes: Uint8Array, limits: GuardLimits): Item {
  guard(bytes, limits);
  const item = new Reader(bytes).item();
  // The reader is strict by itself. Should it ever overlook something, this does not.
  if (!equalBytes(encode(item), bytes)) refuse("not its own encoding");
  return item;
}

/** The one encoding of an item. Throws WIRE_CBOR for what the subset cannot hold: other numbers, NUL and lone surrogates in text. */
export function encode(item: Item): Uint8Array {
  const writer = new Writer();
  writer.item(item);
  return writer.result();
}

/** Reads what the guard has let pass: lengths are true, depth is bounded, and what is left of major type 7 is a boolean. */
class Reader {
  private readonly bytes: Uint8Array;
  private at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  item(): Item {
    const head = this.bytes[this.at]!;
    switch (head >> 5) {
      case Major.unsigned:
      case Major.negative:
        return this.integer();
      case Major.bytes: {
        const length = this.argument();
        return this.bytes.subarray(this.at, (this.at += length));
      }
      case Major.text: {
        const length = this.argument();
        const text = decodeUtf8(this.bytes, this.at, (this.at += length));
        if (text === null) refuse("text that is no UTF-8");
        if (text.includes("\0")) refuse("text with a NUL");
        return text;
      }
      case Major.array:
        return Array.from({ length: this.argument() }, () => this.item());
      case Major.map:
        return this.map();
      default:
        this.at++;
        return head === TRUE;
    }
  }

  private map(): ItemMap {
    const map: ItemMap = new Map();
    let last: number | null = null;
    for (let count = this.argument(); count > 0; count--) {
      if (this.bytes[this.at]! >> 5 > Major.negative) refuse("a map key that is no integer");
      const key = this.integer();
      if (last !== null && !ascending(last, key))
        refuse(map.has(key) ? `the key ${key} twice` : "map keys out of order");
      map.set(key, this.item());
      last = key;
    }
    return map;
  }

  private integer(): number {
    const negative = this.bytes[this.at]! >> 5 === Major.negative;
    const argument = this.argument();
    const value = negative ? -1 - argument : argument;
    if (!Number.isSafeInteger(value)) refuse("an integer beyond ±2^53");
    return value;
  }

  /** The head's argument, which must be in its shortest form (§4.2.1). */
  private argument(): number {
    const information = this.bytes[this.at++]! & 31;
    if (information < 24) return information;
    const size = 1 << (information - 24);
    let value = 0;
    for (let count = 0; count < size; count++) value = value * 256 + this.bytes[this.at++]!;
    if (value < (size === 1 ? 24 : 2 ** (4 * size))) refuse("a number that is not in its shortest form");
    return value;
  }
}

class Writer {
  private bytes = new Uint8Array(256);
  private length = 0;

  result(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  item(item: Item): void {
    if (typeof item === "number") {
      if (!Number.isSafeInteger(item)) refuse(`${item} is no integer within ±2^53`);
      if (item >= 0) this.head(Major.unsigned, item);
      else this.head(Major.negative, -1 - item);
    } else if (typeof item === "string") {
      const text = encodeUtf8(item);
      if (text === null) refuse("text with a lone surrogate");
      if (item.includes("\0")) refuse("text with a NUL");
      this.head(Major.text, text.length);
      this.raw(text);
    } else if (typeof item === "boolean") this.raw([item ? TRUE : FALSE]);
    else if (item instanceof Uint8Array) {
      this.head(Major.bytes, item.length);
      this.raw(item);
    } else if (Array.isArray(item)) {
      this.head(Major.array, item.length);
      for (const element of item) this.item(element);
    } else if (item instanceof Map) {
      this.head(Major.map, item.size);
      for (const key of [...item.keys()].sort((a, b) => (ascending(a, b) ? -1 : 1))) {
        this.item(key);
        this.item(item.get(key)!);
      }
    } else refuse(`${String(item)} has no encoding`);
  }

  private head(major: Major, argument: number): void {
    const size = argument < 24 ? 0 : argument < 2 ** 8 ? 1 : argument < 2 ** 16 ? 2 : argument < 2 ** 32 ? 4 : 8;
    const head = new Array<number>(1 + size);
    head[0] = (major << 5) | (size === 0 ? argument : 24 + Math.log2(size));
    let rest = argument;
    for (let at = size; at > 0; at--) {
      head[at] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    this.raw(head);
  }

  private raw(more: ArrayLike<number>): void {
    if (this.length + more.length > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + more.length));
      larger.set(this.bytes);
      this.bytes = larger;
    }
    this.bytes.set(more, this.length);
    this.length += more.length;
  }
}

/** Whether the encoding of `a` sorts before that of `b`: non-negative before negative, then by magnitude. */
function ascending(a: number, b: number): boolean {
  return a >= 0 === b >= 0 ? Math.abs(a) < Math.abs(b) : a >= 0;
}

function refuse(what: string): never {
  throw new WireError("WIRE_CBOR", what);
}
