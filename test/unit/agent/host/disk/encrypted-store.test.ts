// Encrypted disks: vectors of IEEE 1619-2007 annex B, XTS built anew from AES alone, and a plain model of a disk under random requests.

import { createCipheriv, randomBytes } from "node:crypto";
import { chmodSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  BLOCK_DISCARD,
  BLOCK_FLUSH,
  BLOCK_READ,
  BLOCK_WRITE,
  BLOCK_WRITE_ZEROES,
} from "../../../../../kernel/abi/layout.js";
import { STATUS_ERROR, STATUS_OK, STATUS_UNSUPPORTED } from "../../../../../agent/host/disk/block-store.js";
import { openDisk } from "../../../../../agent/host/disk/open.js";
import { EncryptedStore } from "../../../../../agent/host/disk/encrypted-store.js";
import { DISK_KEY_BYTES, SectorCipher } from "../../../../../agent/host/disk/sector-cipher.js";
import { assertFails } from "../../../../support/failure.js";
import { Random } from "../../../../support/random.js";
import { temporaryFolder } from "../../../../support/temporary.js";

const SECTOR = 512;
const store = suite("encrypted-store");

/** Annex B, vectors 10 to 14: XTS-AES-256, 512 bytes that count from 0, and the first block of their ciphertext. */
const VECTOR_KEY = Buffer.from(
  "27182818284590452353602874713526624977572470936999595749669676273141592653589793238462643383279502884197169399375105820974944592",
  "hex",
);
const VECTORS: [sector: number, ciphertext: string][] = [
  [0xff, "1c3b3a102f770386e4836c99e370cf9b"],
  [0xffff, "77a31251618a15e6b92d1d66dffe7b50"],
  [0xffffff, "e387aaa58ba483afa7e8eb469778317e"],
  [0xffffffff, "bf53d2dade78e822a4d949a9bc6766b0"],
  [0xffffffffff, "64497e5a831e4a932c09be3e5393376d"],
];

store("IEEE 1619 annex B, vectors 10 to 14", () => {
  const plain = Buffer.from(Array.from({ length: SECTOR }, (_, at) => at & 255));
  for (const [sector, ciphertext] of VECTORS) {
    const found = Buffer.alloc(SECTOR);
    const cipher = new SectorCipher(VECTOR_KEY);
    cipher.encrypt(sector, plain, found);
    assert.is(found.subarray(0, 16).toString("hex"), ciphertext);
    cipher.decrypt(sector, found);
    assert.equal(found, plain);
  }
});

/** §5.3.1, block by block: C = E(K1, P ⊕ T) ⊕ T, and T is multiplied by α from one block to the next. */
function xts(key: Buffer, sector: number, plain: Buffer): Buffer {
  const block = (half: Buffer, data: Buffer): Buffer => createCipheriv("aes-256-ecb", half, null).update(data);
  const unit = Buffer.alloc(16);
  unit.writeBigUInt64LE(BigInt(sector));
  const le = (bytes: Buffer): bigint => BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);
  const bytes = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(32, "0"), "hex").reverse();
  let tweak = le(block(key.subarray(32), unit));
  const parts: Buffer[] = [];
  for (let at = 0; at < plain.length; at += 16) {
    const masked = bytes(le(plain.subarray(at, at + 16)) ^ tweak);
    parts.push(bytes(le(block(key.subarray(0, 32), masked)) ^ tweak));
    tweak = ((tweak << 1n) & ((1n << 128n) - 1n)) ^ (tweak >> 127n === 1n ? 0x87n : 0n);
  }
  return Buffer.concat(parts);
}

interface Files {
  image: string;
  layer: string;
  key: Buffer;
}

/** An image with data in some places and holes in others, and an empty layer over it. */
function files(sectors: number, contents?: Buffer): Files {
  const folder = temporaryFolder();
  const [image, layer] = [join(folder, "image"), join(folder, "layer")];
  writeFileSync(image, contents ?? Buffer.alloc(sectors * SECTOR));
  writeFileSync(layer, "");
  truncateSync(layer, sectors * SECTOR);
  return { image, layer, key: randomBytes(DISK_KEY_BYTES) };
}

const openFiles = ({ image, layer, key }: Files): EncryptedStore => new EncryptedStore(image, layer, key);

store(
  "what is on the medium is XTS of what was written, each sector under its own number; the image is as it was",
  () => {
    const disk = files(64);
    const opened = openFiles(disk);
    const random = new Random(1);
    const data = Buffer.from(Array.from({ length: 5 * SECTOR }, () => random.below(256)));
    // The same contents twice: equal sectors must not look equal.
    for (const sector of [7, 40]) assert.is(opened.serve(BLOCK_WRITE, sector, data.length, data), STATUS_OK);
    assert.is(opened.serve(BLOCK_FLUSH, 0, 0, new Uint8Array()), STATUS_OK);
    opened.close();
    const medium = readFileSync(disk.layer);
    for (const sector of [7, 8, 9, 10, 11, 40, 41, 42, 43, 44]) {
      const from = ((sector - 7) % 33) * SECTOR;
      const expected = xts(disk.key, sector, data.subarray(from, from + SECTOR));
      assert.equal(medium.subarray(sector * SECTOR, (sector + 1) * SECTOR), expected, `sector ${sector}`);
    }
    assert.equal(readFileSync(disk.image), Buffer.alloc(64 * SECTOR));
  },
);

store("random writes, reads, zeroes, discards and restarts are those of a plain disk", () => {
  for (let seed = 1; seed <= 12; seed++) {
    const random = new Random(seed);
    const sectors = 300 + random.below(3000);
    const base = Buffer.alloc(sectors * SECTOR);
    for (let patch = 0; patch < 20; patch++) {
      const at = random.below(sectors) * SECTOR;
      base.fill(1 + random.below(255), at, Math.min(base.length, at + (1 + random.below(40)) * SECTOR));
    }
    const disk = files(sectors, base);
    const model = Buffer.from(base);
    let opened = openFiles(disk);
    for (let step = 0; step < 150; step++) {
      const sector = random.below(sectors);
      const length = SECTOR * (1 + random.below(Math.min(sectors - sector, random.oneIn(4) ? 3000 : 24)));
      const [from, to] = [sector * SECTOR, sector * SECTOR + length];
      switch (random.below(5)) {
        case 0: {
          const data = Buffer.alloc(length, random.below(4));
          for (let at = 0; at < length; at += SECTOR) data.writeUInt32LE(random.oneIn(3) ? 0 : random.u32(), at);
          const before = Buffer.from(data);
          assert.is(opened.serve(BLOCK_WRITE, sector, length, data), STATUS_OK);
          assert.equal(data, before, "what is written is not changed");
          data.copy(model, from);
          break;
        }
        case 1: {
          assert.is(opened.serve(BLOCK_WRITE_ZEROES, sector, length, new Uint8Array()), STATUS_OK);
          model.fill(0, from, to);
          break;
        }
        case 2: {
          // VIRTIO 1.2 §5.2.6.2: what it reads as is not said; here each sector is as it was or as the image has it.
          assert.is(opened.serve(BLOCK_DISCARD, sector, length, new Uint8Array()), STATUS_OK);
          const now = Buffer.alloc(length);
          assert.is(opened.serve(BLOCK_READ, sector, length, now), STATUS_OK);
          for (let at = 0; at < length; at += SECTOR) {
            const part = now.subarray(at, at + SECTOR);
            const either = [model, base].some((each) => each.subarray(from + at, from + at + SECTOR).equals(part));
            assert.ok(either, `seed ${seed}, step ${step}`);
          }
          now.copy(model, from);
          break;
        }
        case 3:
          if (!random.oneIn(5)) break;
          opened.close();
          opened = openFiles(disk);
          break;
        default: {
          const found = Buffer.alloc(length, 0xaa);
          assert.is(opened.serve(BLOCK_READ, sector, length, found), STATUS_OK);
          assert.ok(found.equals(model.subarray(from, to)), `seed ${seed}, step ${step}`);
        }
      }
    }
    opened.close();
    assert.ok(readFileSync(disk.image).equals(base), "nobody writes to the image");
  }
});

store("with another key, or moved to another place, a sector is noise", () => {
  const disk = files(8);
  const opened = openFiles(disk);
  const data = Buffer.alloc(SECTOR, "secret");
  opened.serve(BLOCK_WRITE, 3, SECTOR, data);
  opened.close();
  const other = openFiles({ ...disk, key: randomBytes(DISK_KEY_BYTES) });
  const found = Buffer.alloc(SECTOR);
  assert.is(other.serve(BLOCK_READ, 3, SECTOR, found), STATUS_OK);
  assert.not.equal(found, data);
  other.close();
  const medium = readFileSync(disk.layer);
  medium.copy(medium, 5 * SECTOR, 3 * SECTOR, 4 * SECTOR);
  writeFileSync(disk.layer, medium);
  const moved = openFiles(disk);
  moved.serve(BLOCK_READ, 5, SECTOR, found);
  assert.not.equal(found, data);
  moved.serve(BLOCK_READ, 3, SECTOR, found);
  assert.equal(found, data);
  moved.close();
});

store("§5.2.6: requests beyond the end, huge ones, parts of sectors and unknown ones change nothing", () => {
  const disk = files(16, Buffer.alloc(16 * SECTOR, 0xee));
  const opened = openFiles(disk);
  const data = Buffer.alloc(17 * SECTOR);
  for (const operation of [BLOCK_READ, BLOCK_WRITE, BLOCK_DISCARD, BLOCK_WRITE_ZEROES]) {
    for (const [sector, bytes] of [
      [16, 512],
      [15, 1024],
      [0, 17 * SECTOR],
      [2 ** 52, 512],
      [2 ** 63, 512],
      [0, 100],
    ] as const) {
      assert.is(opened.serve(operation, sector, bytes, data), STATUS_ERROR, `${operation} ${sector} ${bytes}`);
    }
  }
  assert.is(opened.serve(99, 0, SECTOR, data), STATUS_UNSUPPORTED);
  opened.close();
  assert.equal(readFileSync(disk.layer), Buffer.alloc(16 * SECTOR));
});

store("a key that others may read, a key or a layer that does not fit: refused", () => {
  const { image, layer } = files(8);
  const key = join(temporaryFolder(), "key");
  const open = (): unknown => openDisk({ path: image, readOnly: false, layer: { path: layer, key } });
  assertFails("DISK_KEY", open);
  writeFileSync(key, randomBytes(DISK_KEY_BYTES), { mode: 0o600 });
  openDisk({ path: image, readOnly: false, layer: { path: layer, key } }).close();
  chmodSync(key, 0o640);
  assertFails("DISK_KEY", open);
  chmodSync(key, 0o600);
  truncateSync(layer, 7 * SECTOR);
  assertFails("DISK_LAYER", open);
  truncateSync(layer, 8 * SECTOR);
  writeFileSync(key, Buffer.alloc(DISK_KEY_BYTES, 7));
  assertFails("DISK_LAYER", open);
  truncateSync(key, 63);
  assertFails("DISK_KEY", open);
});

store.run();
