// What every verifier of ours asks before it asks a library. Libraries differ over bytes that RFC 8032 leaves open or that they do not
// look at: tweetnacl takes s + L for s, OpenSSL takes y ≥ p for y, both take keys of small order, under which one signature fits
// every message. Two verifiers that disagree are worse than either, so all of that is refused here, before both.

import { equalBytes, fromHex } from "./bytes.ts";

/** Whether `signature` (64 bytes) is that of `message` under a raw public key (32 bytes). */
export type Verify = (key: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;

/** L = 2^252 + 27742317777372353535851937790883648493, the order of the base point; little-endian. */
const ORDER = fromHex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")!;
/** y of the points whose order divides 8, less its sign bit. */
const SMALL_ORDER = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
].map((hex) => fromHex(hex)!);

/** Puts the common tests before a library's verification. */
export function strictly(verify: Verify): Verify {
  return (key, message, signature) =>
    isUsableKey(key) &&
    signature.length === 64 &&
    isUsablePoint(signature.subarray(0, 32)) &&
    below(signature.subarray(32), ORDER) &&
    verify(key, message, signature);
}

/** Whether 32 bytes can be a public key: y < p, and not of small order. Whether they lie on the curve, verification tells. */
export function isUsableKey(key: Uint8Array): boolean {
  return key.length === 32 && isUsablePoint(key);
}

function isUsablePoint(encoded: Uint8Array): boolean {
  // A copy, of whatever kind of array: slice() of Node's Buffer would be the same bytes.
  const y = new Uint8Array(encoded);
  y[31]! &= 0x7f;
  return below(y, PRIME) && !SMALL_ORDER.some((point) => equalBytes(point, y));
}

/** p = 2^255 - 19, little-endian. */
const PRIME = fromHex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")!;

/** a < b, both little-endian. */
function below(a: Uint8Array, b: Uint8Array): boolean {
  for (let at = 31; at >= 0; at--) if (a[at] !== b[at]) return a[at]! < b[at]!;
  return false;
}
