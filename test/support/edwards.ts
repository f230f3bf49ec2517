// Edwards25519 in whole numbers, after RFC 8032 §5.1: slow, plain, and independent of every library. It makes the signatures that
// libraries disagree about.

import { createHash } from "node:crypto";

export const P = 2n ** 255n - 19n;
/** The order of the base point. */
export const L = 2n ** 252n + 27742317777372353535851937790883648493n;

export interface Point {
  x: bigint;
  y: bigint;
}

const mod = (value: bigint, by = P): bigint => ((value % by) + by) % by;
const D = mod(-121665n * inverse(121666n));

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let square = mod(base), rest = exponent; rest > 0n; rest >>= 1n, square = mod(square * square)) {
    if (rest & 1n) result = mod(result * square);
  }
  return result;
}

function inverse(value: bigint): bigint {
  return power(value, P - 2n);
}

/** The point with this y and the sign of x; null when there is none. y may be P or more. */
export function pointOf(y: bigint, sign: 0n | 1n): Point | null {
  const square = mod((y * y - 1n) * inverse(D * y * y + 1n));
  let x = power(square, (P + 3n) / 8n);
  if (mod(x * x) !== square) x = mod(x * power(2n, (P - 1n) / 4n));
  if (mod(x * x) !== square) return null;
  return { x: (x & 1n) === sign ? x : mod(-x), y: mod(y) };
}

export const ZERO: Point = { x: 0n, y: 1n };
export const BASE = pointOf(4n * inverse(5n), 0n)!;

export function add(a: Point, b: Point): Point {
  const product = mod(D * a.x * b.x * a.y * b.y);
  return {
    x: mod((a.x * b.y + b.x * a.y) * inverse(1n + product)),
    y: mod((a.y * b.y + a.x * b.x) * inverse(1n - product)),
  };
}

export function times(scalar: bigint, point: Point): Point {
  let result = ZERO;
  for (let double = point, rest = scalar; rest > 0n; rest >>= 1n, double = add(double, double)) {
    if (rest & 1n) result = add(result, double);
  }
  return result;
}

/** 32 bytes, the least significant first. */
export function littleEndian(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, at) => Number((value >> BigInt(8 * at)) & 255n));
}

export function fromLittleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

export function encodePoint({ x, y }: Point): Uint8Array {
  return littleEndian(y | ((x & 1n) << 255n));
}

/** The secret scalar of a seed (RFC 8032 §5.1.5). */
export function scalarOf(seed: Uint8Array): bigint {
  const bytes = new Uint8Array(createHash("sha512").update(seed).digest().subarray(0, 32));
  bytes[0]! &= 248;
  bytes[31]! = (bytes[31]! & 127) | 64;
  return fromLittleEndian(bytes);
}

/** k = SHA-512(R ‖ A ‖ M) mod L (§5.1.6). */
export function challenge(r: Uint8Array, a: Uint8Array, message: Uint8Array): bigint {
  return mod(fromLittleEndian(createHash("sha512").update(r).update(a).update(message).digest()), L);
}

/** The points whose order divides 8. */
export function smallOrderPoints(): Point[] {
  // L times any point is one of them; a point of the whole group's order gives a generator.
  for (let y = 2n; ; y++) {
    const point = pointOf(y, 0n);
    if (point === null) continue;
    const torsion = times(L, point);
    const all = Array.from({ length: 8 }, (_, count) => times(BigInt(count), torsion));
    if (new Set(all.map((each) => `${each.x} ${each.y}`)).size === 8) return all;
  }
}
