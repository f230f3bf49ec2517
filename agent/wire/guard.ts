// What stands before every decoder of bytes from outside. It walks the heads of a CBOR item once, from left to right, and believes no
// length before it has seen that so many bytes are there: a header that promises 2^32 - 1 items costs what its five bytes cost.
// A container is refused by its count, not by its contents; what is open is kept in a table of `depthMax` numbers.

import { WireError } from "./error.ts";

export interface GuardLimits {
  bytesMax: number;
  /** Containers inside each other; an item without a container has depth 0. */
  depthMax: number;
  /** Items of an array, pairs of a map. */
  itemsMax: number;
  /** Data items altogether, keys too: what bounds a decoder's memory. */
  totalMax: number;
}

/** RFC 8949 §3: major types. */
const enum Major {
  bytes = 2,
  text = 3,
  array = 4,
  map = 5,
  tag = 6,
  simple = 7,
}
const FALSE = 20;
const TRUE = 21;

/** Throws WIRE_SHAPE unless the bytes hold exactly one well-formed item (RFC 8949 Appendix C) without tags, floats, null, undefined and
 *  indefinite lengths, within the limits. Returns how many data items it saw. */
export function guard(bytes: Uint8Array, limits: GuardLimits): number {
  if (bytes.length > limits.bytesMax) refuse(`${bytes.length} bytes, ${limits.bytesMax} at most`);
  const open = new Float64Array(limits.depthMax);
  let depth = 0;
  let total = 0;
  let at = 0;
  do {
    if (at >= bytes.length) refuse("it ends too early");
    if (++total > limits.totalMax) refuse(`more than ${limits.totalMax} items`);
    const head = bytes[at++]!;
    const [major, information] = [head >> 5, head & 31];
    if (information > 27) refuse(information === 31 ? "indefinite length" : "reserved additional information");
    let argument = information;
    if (information >= 24) {
      const size = 1 << (information - 24);
      if (at + size > bytes.length) refuse("it ends too early");
      argument = 0;
      for (let count = 0; count < size; count++) argument = argument * 256 + bytes[at++]!;
    }
    if (depth > 0) open[depth - 1]!--;
    switch (major) {
      case Major.bytes:
      case Major.text:
        if (argument > bytes.length - at) refuse("it ends too early");
        at += argument;
        break;
      case Major.array:
      case Major.map:
        if (argument > limits.itemsMax) refuse(`${argument} items in one container, ${limits.itemsMax} at most`);
        if (depth === limits.depthMax) refuse(`more than ${limits.depthMax} containers inside each other`);
        open[depth++] = major === Major.map ? 2 * argument : argument;
        break;
      case Major.tag:
        refuse(`tag ${argument}`);
        break;
      case Major.simple:
        if (information !== FALSE && information !== TRUE) refuse("a float, null, undefined or unknown simple value");
    }
    while (depth > 0 && open[depth - 1] === 0) depth--;
  } while (depth > 0);
  if (at !== bytes.length) refuse(`${bytes.length - at} bytes behind its end`);
  return total;
}

function refuse(what: string): never {
  throw new WireError("WIRE_SHAPE", what);
}
