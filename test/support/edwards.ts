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

/** Extended coordinates (§5.1.4): x = X/Z, y = Y/Z, xy = T/Z; one division at the end instead of one for each addition. */
type Extended = [x: bigint, y: bigint, z: bigint, t: bigint];

const extend = ({ x, y }: Point): Extended => [x, y, 1n, mod(x * y)];

function reduce([x, y, z]: Extended): Point {
  const by = inverse(z);
  return { x: mod(x * by), y: mod(y * by) };
}

function addExtended([x1, y1, z1, t1]: Extended, [x2, y2, z2, t2]: Extended): Extended {
  const a = mod((y1 - x1) * (y2 - x2));
  const b = mod((y1 + x1) * (y2 + x2));
  const c = mod(2n * D * t1 * t2);
  const d = mod(2n * z1 * z2);
  const [e, f, g, h] = [b - a, d - c, d + c, b + a];
  return [mod(e * f), mod(g * h), mod(f * g), mod(e * h)];
}

export function add(a: Point, b: Point): Point {
  return reduce(addExtended(extend(a), extend(b)));
}

export function times(scalar: bigint, point: Point): Point {
  let result = extend(ZERO);
  for (let double = extend(point), rest = scalar; rest > 0n; rest >>= 1n, double = addExtended(double, double)) {
    if (rest & 1n) result = addExtended(result, double);
  }
  return reduce(result);
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
