// Disks as raw files: request bounds and statuses of VIRTIO 1.2 §5.2.6.

import { readFileSync, statSync, truncateSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  BLOCK_DISCARD,
  BLOCK_FLUSH,
  BLOCK_READ,
  BLOCK_WRITE,
  BLOCK_WRITE_ZEROES,
} from "../../../../../kernel/abi/layout.js";
import { BlockStore, STATUS_ERROR, STATUS_OK, STATUS_UNSUPPORTED } from "../../../../../agent/host/disk/block-store.js";
import { programPath } from "../../../../../agent/paths.js";
import { assertFails } from "../../../../support/failure.js";
import { testUnless } from "../../../../support/skip.js";
import { temporaryFile, temporaryFolder } from "../../../../support/temporary.js";

const MIB = 1 << 20;
const blockStore = suite("block-store");

blockStore("§5.2.6: what is written is read back and is in the file", () => {
  const path = temporaryFile(Buffer.alloc(8192, 0xee));
  const store = new BlockStore(path, false);
  assert.is(store.sectors, 16);
  assert.is(store.serve(BLOCK_WRITE, 3, 1024, Buffer.alloc(1024, 0x11)), STATUS_OK);
  assert.is(store.serve(BLOCK_FLUSH, 0, 0, new Uint8Array(0)), STATUS_OK);
  const target = Buffer.alloc(2048);
  assert.is(store.serve(BLOCK_READ, 2, 2048, target), STATUS_OK);
  const expected = Buffer.concat([Buffer.alloc(512, 0xee), Buffer.alloc(1024, 0x11), Buffer.alloc(512, 0xee)]);
  assert.equal(target, expected);
  assert.equal(readFileSync(path).subarray(1024, 3072), expected);
  store.close();
});

blockStore("requests beyond the end, huge ones and parts of sectors are errors, and change nothing", () => {
  const path = temporaryFile(Buffer.alloc(8192, 0xee));
  const store = new BlockStore(path, false);
  const data = Buffer.alloc(8704);
  for (const operation of [BLOCK_READ, BLOCK_WRITE, BLOCK_DISCARD, BLOCK_WRITE_ZEROES]) {
    for (const [sector, bytes] of [
      [16, 512],
      [15, 1024],
      [0, 8704],
      [2 ** 52, 512],
      [2 ** 63, 512],
      [0, 100],
    ] as const) {
      assert.is(store.serve(operation, sector, bytes, data), STATUS_ERROR);
    }
  }
  assert.is(store.serve(99, 0, 512, data), STATUS_UNSUPPORTED);
  assert.equal(readFileSync(path), Buffer.alloc(8192, 0xee));
  store.close();
});

blockStore("a read-only disk refuses every change", () => {
  const path = temporaryFile(Buffer.alloc(8192, 0xee));
  const store = new BlockStore(path, true);
  for (const operation of [BLOCK_WRITE, BLOCK_DISCARD, BLOCK_WRITE_ZEROES]) {
    assert.is(store.serve(operation, 0, 512, Buffer.alloc(512)), STATUS_ERROR);
  }
  assert.is(store.serve(BLOCK_READ, 0, 512, Buffer.alloc(512)), STATUS_OK);
  assert.equal(readFileSync(path), Buffer.alloc(8192, 0xee));
  store.close();
});

blockStore("write-zeroes reads as zeroes, and nothing beside it changes", () => {
  const path = temporaryFile(Buffer.alloc(3 * MIB, 0xee));
  const store = new BlockStore(path, false);
  assert.is(store.serve(BLOCK_WRITE_ZEROES, 1, 512, new Uint8Array(0)), STATUS_OK);
  assert.is(store.serve(BLOCK_WRITE_ZEROES, 2048, MIB, new Uint8Array(0)), STATUS_OK);
  store.close();
  const expected = Buffer.alloc(3 * MIB, 0xee);
  expected.fill(0, 512, 1024);
  expected.fill(0, MIB, 2 * MIB);
  assert.ok(readFileSync(path).equals(expected));
});

const noFallocate = programPath("fallocate") === null ? "no fallocate program here" : null;

testUnless(blockStore, noFallocate, "§5.2.6.2: a large discard gives the file's blocks back", () => {
  const path = temporaryFile(Buffer.alloc(4 * MIB, 0xee));
  const store = new BlockStore(path, false);
  store.serve(BLOCK_FLUSH, 0, 0, new Uint8Array(0));
  const before = statSync(path).blocks;
  assert.is(store.serve(BLOCK_DISCARD, 0, 2 * MIB, new Uint8Array(0)), STATUS_OK);
  store.close();
  assert.is(statSync(path).size, 4 * MIB);
  assert.ok(statSync(path).blocks <= before - 4000, `${statSync(path).blocks} of ${before} blocks are left`);
});

blockStore("a file that is cut while it is in use gives read errors", () => {
  const path = temporaryFile(Buffer.alloc(8192));
  const store = new BlockStore(path, false);
  truncateSync(path, 512);
  assert.is(store.serve(BLOCK_READ, 4, 512, Buffer.alloc(512)), STATUS_ERROR);
  store.close();
});

blockStore("what cannot be a disk is refused", () => {
  assertFails("DISK_UNREADABLE", () => new BlockStore("/nonexistent/disk", false));
  assertFails("DISK_UNREADABLE", () => new BlockStore(temporaryFolder(), false));
  assertFails("DISK_FORMAT", () => new BlockStore(temporaryFolder(), true));
  assertFails("DISK_FORMAT", () => new BlockStore(temporaryFile(""), false));
  assertFails("DISK_FORMAT", () => new BlockStore(temporaryFile(Buffer.alloc(513)), false));
  const qcow = Buffer.alloc(512);
  qcow.write("QFI\xfb", "latin1");
  assertFails("DISK_FORMAT", () => new BlockStore(temporaryFile(qcow), false));
});

blockStore.run();
