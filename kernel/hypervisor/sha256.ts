// SHA-256 of exactly one 64-byte block: FIPS 180-4. The audit chain needs no more, and its message is always 64 bytes: the hash of the
// record before and the first half of this one. The padding is a second block that is always the same.

import { AUDIT_RING } from "../abi/hypervisor";

/** FIPS 180-4 §4.2.2 */
const K: StaticArray<u32> = [
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
  0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
  0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
  0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
  0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
  0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
  0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
  0xc67178f2,
];
/** §5.3.3 */
const INITIAL: StaticArray<u32> = [
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
];

/** Scratch below the audit ring, no state: W 64 words, the working variables, and the block. */
const W: u32 = AUDIT_RING - 0x400;
const HASH: u32 = W + 256;

/** The hash of the 64 bytes at `block`, into the 32 bytes at `out`. */
export function sha256Block(block: u32, out: u32): void {
  for (let index: u32 = 0; index < 8; index++) store<u32>(HASH + (index << 2), unchecked(INITIAL[index]));
  for (let index: u32 = 0; index < 16; index++) store<u32>(W + (index << 2), bswap(load<u32>(block + (index << 2))));
  compress();
  // §5.1.1: one bit, zeroes, and the length in bits.
  memory.fill(W, 0, 64);
  store<u32>(W, 0x8000_0000);
  store<u32>(W, 512, 60);
  compress();
  for (let index: u32 = 0; index < 8; index++) store<u32>(out + (index << 2), bswap(load<u32>(HASH + (index << 2))));
}

/** §6.2.2 */
function compress(): void {
  for (let at = W + 64; at < W + 256; at += 4) {
    const w15 = load<u32>(at - 60);
    const w2 = load<u32>(at - 8);
    const s0 = rotr(w15, 7) ^ rotr(w15, 18) ^ (w15 >>> 3);
    const s1 = rotr(w2, 17) ^ rotr(w2, 19) ^ (w2 >>> 10);
    store<u32>(at, load<u32>(at - 64) + s0 + load<u32>(at - 28) + s1);
  }
  let a = load<u32>(HASH);
  let b = load<u32>(HASH, 4);
  let c = load<u32>(HASH, 8);
  let d = load<u32>(HASH, 12);
  let e = load<u32>(HASH, 16);
  let f = load<u32>(HASH, 20);
  let g = load<u32>(HASH, 24);
  let h = load<u32>(HASH, 28);
  for (let index: u32 = 0; index < 64; index++) {
    const s1 = rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25);
    const t1 = h + s1 + ((e & f) ^ (~e & g)) + unchecked(K[index]) + load<u32>(W + (index << 2));
    const s0 = rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22);
    const t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + t1;
    d = c;
    c = b;
    b = a;
    a = t1 + t2;
  }
  add(0, a);
  add(4, b);
  add(8, c);
  add(12, d);
  add(16, e);
  add(20, f);
  add(24, g);
  add(28, h);
}

function add(at: u32, value: u32): void {
  store<u32>(HASH + at, load<u32>(HASH + at) + value);
}
