// Growing onto a larger card, with the power cut at every step, and what was not on the disk yet kept, lost or torn (UEFI 2.10 §5.3.2).

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { gptRead, gptWrite, SECTOR, TYPE_ESP, TYPE_LINUX, type Gpt } from "../../../../agent/device/gpt.js";
import { growTable } from "../../../../agent/device/growth.js";
import { CutDisk, PowerCut } from "../../../support/cut-disk.js";
import { Random } from "../../../support/random.js";

const SMALL = 4_352;
const LARGE = 8_192;
const GPT: Gpt = {
  diskId: "00112233-4455-8677-8899-aabbccddeeff",
  partitions: [
    { name: "esp", type: TYPE_ESP, id: "10112233-4455-8677-8899-aabbccddeeff", first: 2048, last: 2303 },
    { name: "data", type: TYPE_LINUX, id: "20112233-4455-8677-8899-aabbccddeeff", first: 2304, last: 4095 },
  ],
};
const GROWN = 6_143;

/** An image of SMALL sectors on a card of LARGE ones. */
function card(sectors = LARGE, gpt = GPT): Buffer {
  const bytes = Buffer.alloc(sectors * SECTOR);
  const { first, second } = gptWrite(gpt, SMALL);
  for (const { sector, bytes: piece } of [first, second]) piece.copy(bytes, sector * SECTOR);
  return bytes;
}

function tableOf(bytes: Buffer): ReturnType<typeof gptRead> {
  return gptRead((sector, count) => bytes.subarray(sector * SECTOR, (sector + count) * SECTOR), bytes.length / SECTOR);
}

const dataEnd = (bytes: Buffer): number => tableOf(bytes).partitions.find(({ name }) => name === "data")!.last;

const test = suite("device/growth");

test("data grows to the card's last whole MiB, and both copies lie where a disk of that size has them", () => {
  const disk = new CutDisk(card());
  assert.is(growTable(disk, LARGE)!.last, GROWN);
  const found = tableOf(disk.after(() => true));
  assert.equal([found.first, found.second, found.end], [true, true, LARGE - 1]);
  assert.equal(found.partitions, [GPT.partitions[0]!, { ...GPT.partitions[1]!, last: GROWN }]);
  assert.is(growTable(disk, LARGE), null, "the second time there is nothing to do");
});

test("nothing is written to a disk that is as large as its table says", () => {
  const disk = new CutDisk(card(SMALL));
  assert.is(growTable(disk, SMALL), null);
  assert.is(disk.stepCount, 0);
});

test("wherever the power goes, and again while it is made up for, the table is the old or the new one, and gets there", () => {
  let cuts = 0;
  const random = new Random(18);
  const cut = (bytes: Buffer, depth: number): void => {
    for (let step = 0; ; step++) {
      const disk = new CutDisk(bytes);
      disk.cutAt = step;
      try {
        growTable(disk, LARGE);
        break;
      } catch (error) {
        if (!(error instanceof PowerCut)) throw error;
      }
      const ways: ((index: number) => boolean)[] = [() => true, () => false];
      const prefixes = depth === 0 ? [...Array(disk.openCount).keys()] : [1, 17];
      ways.push(
        ...prefixes.map(
          (count) =>
            (index: number): boolean =>
              index < count,
        ),
      );
      for (let sample = 0; sample < (depth === 0 ? 8 : 2); sample++) ways.push(() => random.oneIn(2));
      for (const kept of ways) {
        cuts++;
        const found = disk.after(kept);
        assert.ok([GPT.partitions[1]!.last, GROWN].includes(dataEnd(found)), `step ${step}`);
        assert.ok(found.subarray(2048 * SECTOR, 4096 * SECTOR).equals(bytes.subarray(2048 * SECTOR, 4096 * SECTOR)));
        if (depth === 0) cut(found, 1);
        const again = new CutDisk(found);
        growTable(again, LARGE);
        const { first, second, end } = tableOf(again.after(() => true));
        assert.equal([first, second, end, dataEnd(again.after(() => true))], [true, true, LARGE - 1, GROWN]);
      }
    }
  };
  cut(card(), 0);
  assert.ok(cuts > 400, `${cuts} cuts`);
});

test("a torn first copy on a disk that has grown is written again", () => {
  const disk = new CutDisk(card());
  growTable(disk, LARGE);
  const torn = disk.after(() => true);
  torn.fill(0, SECTOR, 2 * SECTOR);
  const repaired = new CutDisk(torn);
  assert.is(growTable(repaired, LARGE), null);
  assert.is(tableOf(repaired.after(() => true)).first, true);
});

test("a disk that is not one of ours is left alone", () => {
  const foreign = { ...GPT, partitions: GPT.partitions.map((each) => ({ ...each, name: `x${each.name}` })) };
  const disk = new CutDisk(card(LARGE, foreign));
  assert.throws(() => growTable(disk, LARGE), /not one of ours/);
  assert.is(disk.stepCount, 0);
});

test.run();
