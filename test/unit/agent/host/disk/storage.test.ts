// A partition's own disk: made at its first start, found at the next, refused where something else is asked for, gone after a wipe.

import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { BLOCK_FLUSH, BLOCK_READ, BLOCK_WRITE } from "../../../../../kernel/abi/layout.js";
import { Failure } from "../../../../../agent/failure.js";
import { HandsetDisks, protectionOf } from "../../../../../agent/host/disk/handset.js";
import { DiskLocks } from "../../../../../agent/host/disk/locks.js";
import { openDisk } from "../../../../../agent/host/disk/open.js";
import { parseHandsetFile } from "../../../../../agent/handset/file.js";
import { temporaryFile, temporaryFolder } from "../../../../support/temporary.js";

const test = suite("a partition's storage");

const BYTES = 8 << 20;
const SECRET = Buffer.alloc(4096, "what work has written");

/** The partition of a file with this disk. */
function partitionWith(disk: string): Parameters<HandsetDisks["diskOf"]>[0] {
  const text = `handset: small\nboard: laptop\npartitions:\n  - { name: work, kind: work, guest: linux, ${disk} }\n`;
  return parseHandsetFile(text, "h.yaml").partitions[0]!;
}

const codeOf = (step: () => unknown): string => {
  try {
    step();
  } catch (error) {
    return error instanceof Failure ? error.code : String(error);
  }
  return "none";
};

test("what a guest flushed is there after a cut, in no file in the clear, for its owner alone", () => {
  const folder = temporaryFolder();
  const disks = new HandsetDisks(folder);
  const file = partitionWith("storage: 8M");
  const disk = disks.diskOf(file, true)!;
  assert.is(protectionOf(disk), "encrypted");
  const store = openDisk(disk);
  assert.is(store.sectors, BYTES / 512);
  assert.is(store.serve(BLOCK_WRITE, 80, SECRET.length, SECRET), 0);
  assert.is(store.serve(BLOCK_FLUSH, 0, 0, SECRET), 0);
  assert.is(store.serve(BLOCK_WRITE, 160, SECRET.length, SECRET), 0);
  // No close: the process is killed here.
  const read = Buffer.alloc(SECRET.length);
  const again = openDisk(disks.diskOf(file, true)!);
  assert.is(again.serve(BLOCK_READ, 80, read.length, read), 0);
  assert.ok(read.equals(SECRET));
  again.serve(BLOCK_READ, 160, read.length, read);
  assert.ok(read.equals(Buffer.alloc(SECRET.length)), "what was not flushed is not there");
  again.close();
  for (const name of readdirSync(disk.path)) {
    const path = join(disk.path, name);
    assert.is(statSync(path).mode & 0o777, 0o600, name);
    assert.not.ok(readFileSync(path).includes(SECRET.subarray(0, 16)), name);
  }
});

test("another size, an image instead, a damaged key: each is refused, and nothing is lost", () => {
  const folder = temporaryFolder();
  const disks = new HandsetDisks(folder);
  const storage = partitionWith("storage: 8M");
  disks.diskOf(storage, true);
  assert.is(
    codeOf(() => disks.diskOf(partitionWith("storage: 16M"), true)),
    "DISK_LOG",
  );
  assert.is(
    codeOf(() => disks.diskOf(partitionWith("storage: 4M"), true)),
    "LOG_SIZE",
  );
  const image = temporaryFile(Buffer.alloc(1 << 20));
  assert.is(
    codeOf(() => disks.diskOf(partitionWith(`disk: ${image}`), true)),
    "DISK_LAYER",
  );
  assert.is(
    codeOf(() => disks.diskOf(storage, true)),
    "none",
  );
});

test("a wipe destroys key and log; the partition gets an empty storage under a new key", () => {
  const folder = temporaryFolder();
  const disks = new HandsetDisks(folder);
  const file = partitionWith("storage: 8M");
  const disk = disks.diskOf(file, true)!;
  const store = openDisk(disk);
  store.serve(BLOCK_WRITE, 0, SECRET.length, SECRET);
  store.close();
  const key = readFileSync(join(folder, "work", "key"));
  assert.equal(disks.destroy(file, "ab", disk), { key: true, disk: "layer" });
  assert.not.equal(readFileSync(join(folder, "work", "key")), key);
  const read = Buffer.alloc(SECRET.length, 1);
  const empty = openDisk(disk);
  empty.serve(BLOCK_READ, 0, read.length, read);
  empty.close();
  assert.ok(read.equals(Buffer.alloc(SECRET.length)));
  disks.release([file]);
  assert.not.ok(existsSync(join(folder, "work", "log")));
});

test("a storage that is in use is locked against every other process", () => {
  const disks = new HandsetDisks(temporaryFolder());
  const disk = disks.diskOf(partitionWith("storage: 8M"), true)!;
  const letGo = new DiskLocks("small", true).take("work", disk);
  assert.is(
    codeOf(() => new DiskLocks("other", true).take("work", disk)),
    "LOCK_HELD",
  );
  letGo();
  new DiskLocks("other", true).take("work", disk)();
});

test("storage beside an image, in the clear, or of no size is a fault of the file", () => {
  assert.match(
    codeOf(() => partitionWith("storage: 8M, disk: /d")),
    /HANDSET/,
  );
  assert.match(
    codeOf(() => partitionWith("storage: 8M, encrypted: no")),
    /HANDSET/,
  );
  assert.match(
    codeOf(() => partitionWith("storage: 8K")),
    /HANDSET/,
  );
});

test.run();
