// The block log behind virtio's requests (VIRTIO 1.2 §5.2.6): random requests at any sector do what they do on a plain array of bytes.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  BLOCK_DISCARD,
  BLOCK_FLUSH,
  BLOCK_READ,
  BLOCK_WRITE,
  BLOCK_WRITE_ZEROES,
} from "../../../../../kernel/abi/layout.js";
import { BlockLog } from "../../../../../agent/host/block-log/log.js";
import { Seal } from "../../../../../agent/host/block-log/seal.js";
import { STATUS_ERROR, STATUS_OK, STATUS_UNSUPPORTED } from "../../../../../agent/host/disk/block-store.js";
import { LogStore } from "../../../../../agent/host/disk/log-store.js";
import { FailingMedium } from "../../../../support/failing-medium.js";
import { Random } from "../../../../support/random.js";

const test = suite("a block log as a disk");

const KEY = Buffer.alloc(32, 3);
const UNITS = 64;
const SECTORS = UNITS * 8;

test("random requests, with a power cut after each flush now and then, agree with an array of bytes", () => {
  const random = new Random(11);
  let medium = new FailingMedium();
  let store = new LogStore("log", BlockLog.create(medium, new Seal(KEY), UNITS, 0), false);
  const model = Buffer.alloc(SECTORS * 512);
  for (let n = 0; n < 4000; n++) {
    const sector = random.below(SECTORS);
    const count = 1 + random.below(Math.min(40, SECTORS - sector));
    const bytes = count * 512;
    const at = sector * 512;
    const data = Buffer.alloc(bytes);
    const operation = random.pick([
      BLOCK_READ,
      BLOCK_WRITE,
      BLOCK_WRITE,
      BLOCK_DISCARD,
      BLOCK_WRITE_ZEROES,
      BLOCK_FLUSH,
    ]);
    if (operation === BLOCK_WRITE) for (let each = 0; each < bytes; each += 4) data.writeUInt32LE(random.u32(), each);
    if (operation === BLOCK_WRITE) data.copy(model, at);
    if (operation === BLOCK_WRITE_ZEROES) model.fill(0, at, at + bytes);
    assert.is(store.serve(operation, sector, bytes, data), STATUS_OK);
    if (operation === BLOCK_READ) assert.ok(data.equals(model.subarray(at, at + bytes)), `request ${n}`);
    if (operation === BLOCK_DISCARD) {
      // What a discarded sector reads as is the device's own affair: it is what it says from now on.
      const now = Buffer.alloc(bytes);
      store.serve(BLOCK_READ, sector, bytes, now);
      now.copy(model, at);
    }
    if (operation === BLOCK_FLUSH && random.oneIn(10)) {
      medium = medium.copy();
      store = new LogStore("log", BlockLog.mount(medium, new Seal(KEY), UNITS, 0), false);
    }
  }
});

test("requests beyond the end, of no kind, and to a disk that may only be read are refused", () => {
  const medium = new FailingMedium();
  const log = BlockLog.create(medium, new Seal(KEY), UNITS, 0);
  const store = new LogStore("log", log, false);
  const data = Buffer.alloc(1024);
  assert.is(store.serve(BLOCK_WRITE, SECTORS - 1, 1024, data), STATUS_ERROR);
  assert.is(store.serve(BLOCK_READ, 2 ** 53, 512, data), STATUS_ERROR);
  assert.is(store.serve(BLOCK_READ, 0, 100, data), STATUS_ERROR);
  assert.is(store.serve(99, 0, 512, data), STATUS_UNSUPPORTED);
  const fixed = new LogStore("log", log, true);
  assert.is(fixed.serve(BLOCK_WRITE, 0, 512, data), STATUS_ERROR);
  assert.is(fixed.serve(BLOCK_DISCARD, 0, 512, data), STATUS_ERROR);
  assert.is(fixed.serve(BLOCK_READ, 0, 512, data), STATUS_OK);
});

test("a medium that takes nothing is an error of the request, and not the end", () => {
  const medium = new FailingMedium();
  const store = new LogStore("log", BlockLog.create(medium, new Seal(KEY), UNITS, 0), false);
  const data = Buffer.alloc(4096, 5);
  assert.is(store.serve(BLOCK_WRITE, 0, 4096, data), STATUS_OK);
  medium.powerSteps = 0;
  assert.is(store.serve(BLOCK_FLUSH, 0, 0, data), STATUS_ERROR);
  medium.powerSteps = Infinity;
  assert.is(store.serve(BLOCK_FLUSH, 0, 0, data), STATUS_OK);
  const again = new LogStore("log", BlockLog.mount(medium.copy(), new Seal(KEY), UNITS, 0), true);
  const read = Buffer.alloc(4096);
  assert.is(again.serve(BLOCK_READ, 0, 4096, read), STATUS_OK);
  assert.ok(read.equals(data));
});

test.run();
