// zImage header and table (Linux arch/arm/boot/compressed/head.S, vmlinux.lds.S), XZ index (.xz file format 1.1.0, 4).

import { spawnSync } from "node:child_process";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { unpackZimage } from "../../../../../agent/guests/unpack.js";
import { zimageParse, zimageRecognise, zimageXzStream } from "../../../../../agent/host/loader/zimage.js";
import { programPath } from "../../../../../agent/paths.js";
import { assertFails } from "../../../../support/failure.js";
import { testUnless } from "../../../../support/skip.js";

const HEAD_BYTES = 0x100;
const TABLE_AT = 0x40;

/** A zImage around this payload: head with a false XZ magic in it, payload, unpacked size. */
function zimage(payload: Buffer, imageBytes: number): Buffer {
  const file = Buffer.concat([Buffer.alloc(HEAD_BYTES), payload, Buffer.alloc(4)]);
  const end = HEAD_BYTES + payload.length;
  file.writeUInt32LE(imageBytes, end);
  file.writeUInt32LE(0x016f2818, 0x24);
  file.writeUInt32LE(file.length, 0x2c);
  file.writeUInt32LE(0x04030201, 0x30);
  file.writeUInt32LE(0x45454545, 0x34);
  file.writeUInt32LE(TABLE_AT, 0x38);
  [5, 0x5a534c4b, end, 0x5e4d4, 0x208000, 0].forEach((word, index) => file.writeUInt32LE(word, TABLE_AT + index * 4));
  Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]).copy(file, 0x80);
  return file;
}

const zimageSuite = suite("zimage");

zimageSuite("the table gives payload, BSS and TEXT_OFFSET", () => {
  const file = zimage(Buffer.alloc(64), 1000);
  assert.is(zimageRecognise(file), true);
  assert.equal(zimageParse(file), {
    length: file.length,
    payload: { end: HEAD_BYTES + 64, imageBytes: 1000, bssBytes: 0x5e4d4, textOffset: 0x208000 },
  });
});

zimageSuite("a truncated file, a big-endian one and lengths that lie are refused", () => {
  const file = zimage(Buffer.alloc(64), 1000);
  assertFails("IMAGE_TRUNCATED", () => zimageParse(file.subarray(0, file.length - 1)));
  const swapped = Buffer.from(file);
  swapped.writeUInt32BE(0x04030201, 0x30);
  assertFails("IMAGE_ARCHITECTURE", () => zimageParse(swapped));
  const lying = Buffer.from(file);
  lying.writeUInt32LE(0xfffffff0, TABLE_AT + 8);
  assertFails("IMAGE_TRUNCATED", () => zimageParse(lying));
  const endless = Buffer.from(file);
  endless.writeUInt32LE(0xffffffff, TABLE_AT);
  assert.is(zimageParse(endless).payload, null);
});

zimageSuite("a payload that is not XZ is left alone; one that claims gigabytes is refused unread", () => {
  const file = zimage(Buffer.alloc(64), 1000);
  assert.is(zimageXzStream(file, zimageParse(file).payload!), null);
  const bomb = zimage(Buffer.concat([Buffer.alloc(62), Buffer.from("YZ")]), 0xf0000000);
  assertFails("IMAGE_TOO_LARGE", () => zimageXzStream(bomb, zimageParse(bomb).payload!));
});

const noXz = programPath("xz") === null ? "no xz program here" : null;

testUnless(
  zimageSuite,
  noXz,
  "an XZ payload with the ARM filter unpacks to its bytes; every damaged one is refused",
  async () => {
    const image = Buffer.from(Array.from({ length: 40_000 }, (_, index) => (index * index) >> 5));
    const packed = spawnSync("xz", ["--stdout", "--check=crc32", "--arm", "--lzma2=dict=64KiB"], {
      input: image,
    }).stdout;
    const file = zimage(packed, image.length);
    assert.equal(await unpackZimage(file, zimageParse(file).payload!), image);

    const lying = zimage(packed, image.length + 4);
    assertFails("IMAGE_DAMAGED", () => zimageXzStream(lying, zimageParse(lying).payload!));
    const broken = Buffer.from(file);
    broken[HEAD_BYTES + 100]! ^= 1;
    const failure = await unpackZimage(broken, zimageParse(broken).payload!).then(
      () => null,
      (error: unknown) => error,
    );
    assertFails("IMAGE_DAMAGED", () => {
      throw failure;
    });
  },
);

zimageSuite.run();
