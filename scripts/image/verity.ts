// The hash tree of dm-verity (Linux Documentation/admin-guide/device-mapper/verity.rst), format 1 without a superblock: what the superblock
// would say stands on the kernel's command line, beside the root hash that has to stand there anyway.
//
// The idea. Every block of data has a hash, the hashes fill blocks that have hashes themselves, and so on up to one block, whose hash is the root. The
// kernel (boards/device/stage1 has its table) checks each block that it reads against its hash, up to a block that it has checked before. On the disk the levels lie from the top down.

import { createHash } from "node:crypto";

export const VERITY_BLOCK = 4096;
const DIGEST_BYTES = 32;
const PER_BLOCK = VERITY_BLOCK / DIGEST_BYTES;

export interface Verity {
  tree: Buffer;
  rootHash: string;
  blockCount: number;
}

/** The tree over `data`, whose length is a multiple of VERITY_BLOCK. */
export function verityTree(data: Uint8Array, salt: Uint8Array): Verity {
  if (data.length === 0 || data.length % VERITY_BLOCK !== 0) throw new RangeError("verity needs whole blocks");
  const levels: Buffer[] = [];
  let below: Buffer = Buffer.from(data.buffer, data.byteOffset, data.length);
  while (below.length > VERITY_BLOCK) {
    below = levelOver(below, salt);
    levels.push(below);
  }
  const rootHash = hashOf(below, salt).toString("hex");
  return { tree: Buffer.concat(levels.reverse()), rootHash, blockCount: data.length / VERITY_BLOCK };
}

function levelOver(below: Uint8Array, salt: Uint8Array): Buffer {
  const count = below.length / VERITY_BLOCK;
  const level = Buffer.alloc(Math.ceil(count / PER_BLOCK) * VERITY_BLOCK);
  for (let index = 0; index < count; index++) {
    const block = below.subarray(index * VERITY_BLOCK, (index + 1) * VERITY_BLOCK);
    hashOf(block, salt).copy(level, index * DIGEST_BYTES);
  }
  return level;
}

function hashOf(block: Uint8Array, salt: Uint8Array): Buffer {
  return createHash("sha256").update(salt).update(block).digest();
}
