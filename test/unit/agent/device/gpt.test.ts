// The partition table (UEFI 2.10 §5.3), as sgdisk reads it where it is installed, and with each of its sectors damaged.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { crc32 } from "../../../../agent/device/crc32.js";
import { gptRead, gptWrite, SECTOR, TYPE_ESP, TYPE_LINUX, type Gpt } from "../../../../agent/device/gpt.js";

const SECTORS = 8192;
const GPT: Gpt = {
  diskId: "00112233-4455-8677-8899-aabbccddeeff",
  partitions: [
    { name: "esp", type: TYPE_ESP, id: "10112233-4455-8677-8899-aabbccddeeff", first: 2048, last: 4095 },
    { name: "data", type: TYPE_LINUX, id: "20112233-4455-8677-8899-aabbccddeeff", first: 4096, last: 6143 },
  ],
};

function disk(sectors = SECTORS): Buffer {
  const bytes = Buffer.alloc(sectors * SECTOR);
  const { first, second } = gptWrite(GPT, SECTORS);
  for (const { sector, bytes: piece } of [first, second]) piece.copy(bytes, sector * SECTOR);
  return bytes;
}

const reader =
  (bytes: Buffer) =>
  (sector: number, count: number): Buffer =>
    bytes.subarray(sector * SECTOR, (sector + count) * SECTOR);

const test = suite("device/gpt");

test("the check value of CRC-32 (ISO 3309)", () => assert.is(crc32(Buffer.from("123456789")), 0xcbf43926));

test("what is written is read", () => {
  const { diskId, partitions, first, second, end } = gptRead(reader(disk()), SECTORS);
  assert.equal({ diskId, partitions }, GPT);
  assert.equal([first, second, end], [true, true, SECTORS - 1]);
});

test("fields lie where §5.3.2 and §5.3.3 have them, GUIDs with their first three groups swapped", () => {
  const bytes = disk();
  const header = bytes.subarray(SECTOR, 2 * SECTOR);
  assert.is(header.toString("latin1", 0, 8), "EFI PART");
  assert.equal([header.readUInt32LE(8), header.readUInt32LE(12)], [0x10000, 92]);
  assert.equal(
    [24, 32, 40, 48, 72].map((at) => Number(header.readBigUInt64LE(at))),
    [1, 8191, 34, 8158, 2],
  );
  assert.is(header.toString("hex", 56, 72), "33221100554477868899aabbccddeeff");
  assert.is(bytes.toString("hex", 1024, 1040), "28732ac11ff8d211ba4b00a0c93ec93b");
  assert.is(bytes.readUInt16LE(510), 0xaa55);
  assert.is(bytes[450], 0xee);
});

test("with any one sector of the table torn, the other copy is read, and the same", () => {
  const { first, second } = gptWrite(GPT, SECTORS);
  const places = [first, second].flatMap(({ sector, bytes }) =>
    Array.from({ length: bytes.length / SECTOR }, (_, index) => sector + index),
  );
  for (const sector of places.filter((each) => each > 0)) {
    const bytes = disk();
    bytes.fill(0x5a, sector * SECTOR, (sector + 1) * SECTOR);
    const found = gptRead(reader(bytes), SECTORS);
    assert.equal(found.partitions, GPT.partitions, `sector ${sector}`);
    assert.ok(found.first !== found.second);
  }
});

test("on a larger disk the second copy is found where the first says", () => {
  const found = gptRead(reader(disk(2 * SECTORS)), 2 * SECTORS);
  assert.equal([found.first, found.second, found.end], [true, true, SECTORS - 1]);
});

test("without a whole copy there is no table", () => {
  assert.throws(() => gptRead(reader(Buffer.alloc(SECTORS * SECTOR)), SECTORS), /neither copy/);
});

test("partitions that overlap, or reach into a copy, are not written", () => {
  const [esp, data] = GPT.partitions;
  const write = (first: number, last: number) => (): unknown =>
    gptWrite({ ...GPT, partitions: [esp!, { ...data!, first, last }] }, SECTORS);
  assert.throws(write(4095, 5000), /begins inside/);
  assert.throws(write(5000, SECTORS - 33), /ends behind/);
  assert.throws(write(5000, 4999), /ends behind/);
  assert.throws(write(5000, SECTORS - 1), /ends behind/);
});

test.run();
