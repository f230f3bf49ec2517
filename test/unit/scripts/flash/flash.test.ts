// What may be flashed and what may not, on folders that look like Linux's /sys and /proc, and in which order a disk is written.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { gptWrite, SECTOR, TYPE_LINUX } from "../../../../agent/device/gpt.js";
import { readFlashImage } from "../../../../scripts/flash/source.js";
import { checkTarget, FlashError, type System } from "../../../../scripts/flash/target.js";
import { flash, HEAD_BYTES, openMedium, progressText, type Medium } from "../../../../scripts/flash/write.js";
import { temporaryFile, temporaryFolder } from "../../../support/temporary.js";

const MIB = 1 << 20;
const GIB = 1 << 30;

/** A computer with a spare USB stick, sdb, of 8 GiB with one partition, changed as the test wants. */
function computer(files: Record<string, string> = {}, proc: Record<string, string> = {}): System {
  const root = temporaryFolder();
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const stick: Record<string, string> = {
    "sdb/size": String((8 * GIB) / SECTOR),
    "sdb/removable": "1",
    "sdb/ro": "0",
    "sdb/device/model": "Stick",
    "sdb/device/serial": "S123",
    "sdb/sdb1/partition": "1",
    "sdb1/partition": "1",
    ...files,
  };
  for (const [path, text] of Object.entries(stick)) put(`sys/class/block/${path}`, text);
  for (const [path, text] of Object.entries({ mounts: "proc /proc proc rw 0 0\n", swaps: "Filename\n", ...proc }))
    put(`proc/${path}`, text);
  return { sys: join(root, "sys"), proc: join(root, "proc") };
}

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof FlashError) return error.code;
    throw error;
  }
  return "nothing";
}

const target = suite("flash: target");

target("a spare stick is taken, and known by its serial number", () => {
  const { serial, bytes, internal } = checkTarget("/dev/sdb", GIB, false, computer());
  assert.equal([serial, bytes, internal], ["S123", 8 * GIB, false]);
});

const sdb = (files: Record<string, string>, proc: Record<string, string> = {}): string =>
  refusal(() => checkTarget("/dev/sdb", GIB, false, computer(files, proc)));

target("each reason against a disk is a refusal of its own", () => {
  const refusals: [string, string][] = [
    [refusal(() => checkTarget("/dev/sdx", GIB, false, computer())), "FLASH_NO_DISK"],
    [refusal(() => checkTarget("/dev/../etc", GIB, false, computer())), "FLASH_NO_DISK"],
    [refusal(() => checkTarget("/dev/sdb1", GIB, false, computer())), "FLASH_PARTITION"],
    [sdb({ "sdb/removable": "0" }), "FLASH_FIXED"],
    [sdb({ "sdb/removable": "0", "sdb/device/type": "MMC" }), "FLASH_INTERNAL"],
    [sdb({ "sdb/ro": "1" }), "FLASH_READ_ONLY"],
    [sdb({}, { mounts: "/dev/sdb1 /media/stick vfat rw 0 0\n" }), "FLASH_MOUNTED"],
    [sdb({}, { mounts: "/dev/sdb /media/stick vfat rw 0 0\n" }), "FLASH_MOUNTED"],
    [sdb({}, { swaps: "Filename Type\n/dev/sdb1 partition 1 0 -2\n" }), "FLASH_SWAP"],
    [sdb({ "sdb/sdb1/holders/dm-0/name": "crypt" }), "FLASH_HELD"],
    [sdb({ "sdb/holders/md0/name": "" }), "FLASH_HELD"],
    [sdb({ "sdb/size": "0" }), "FLASH_EMPTY"],
    [sdb({ "sdb/size": "junk" }), "FLASH_EMPTY"],
    [sdb({ "sdb/size": String(GIB / SECTOR - 1) }), "FLASH_SMALL"],
    [sdb({ "sdb/size": String((1024 * GIB) / SECTOR) }), "FLASH_LARGE"],
  ];
  for (const [got, wanted] of refusals) assert.is(got, wanted);
});

target("a mount is seen through a link to the disk", () => {
  const link = join(temporaryFolder(), "by-id");
  const real = join(dirname(link), "sdb1");
  writeFileSync(real, "");
  symlinkSync(real, link);
  assert.is(sdb({}, { mounts: `${link} /media/stick vfat rw 0 0\n` }), "FLASH_MOUNTED");
});

target("an SD card needs no word; built-in memory needs one, and has a serial number too", () => {
  const card = computer({
    "sdb/removable": "0",
    "sdb/device/type": "SD",
    "sdb/device/serial": "",
    "sdb/device/cid": "0353",
  });
  assert.is(checkTarget("/dev/sdb", GIB, false, card).serial, "0353");
  const internal = computer({ "sdb/removable": "0", "sdb/device/type": "MMC" });
  assert.ok(checkTarget("/dev/sdb", GIB, true, internal).internal);
});

target.run();

const source = suite("flash: image");

/** An image of so many MiB with a partition table, and its description. */
function image(mebibytes: number, change: Record<string, unknown> = {}): string {
  const bytes = Buffer.alloc(mebibytes * MIB);
  for (let at = 0; at < bytes.length; at += 4096) bytes.writeUInt32LE(at, at);
  const part = { name: "data", type: TYPE_LINUX, id: TYPE_LINUX, first: 2048, last: 4095 };
  const table = gptWrite({ diskId: TYPE_LINUX, partitions: [part] }, bytes.length / SECTOR);
  table.first.bytes.copy(bytes, 0);
  table.second.bytes.copy(bytes, table.second.sector * SECTOR);
  const path = temporaryFile(bytes, "image.img");
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const description = { format: 1, board: "qemu-virt", version: "1.0.0", bytes: bytes.length, sha256, ...change };
  writeFileSync(`${path}.json`, JSON.stringify(description));
  return path;
}

source("an image is what its description says, or is refused with its own reason", () => {
  assert.is(readFlashImage(image(8)).board, "qemu-virt");
  assert.is(
    refusal(() => readFlashImage("/no/such.img")),
    "FLASH_IMAGE",
  );
  assert.is(
    refusal(() => readFlashImage(temporaryFile("xz", "image.img.xz"))),
    "FLASH_FOREIGN",
  );
  assert.is(
    refusal(() => readFlashImage(image(8, { format: 2 }))),
    "FLASH_FOREIGN",
  );
  assert.is(
    refusal(() => readFlashImage(image(8, { sha256: "no" }))),
    "FLASH_FOREIGN",
  );
  const short = image(8);
  truncateSync(short, 4 * MIB);
  assert.is(
    refusal(() => readFlashImage(short)),
    "FLASH_TRUNCATED",
  );
  const other = image(8);
  writeFileSync(other, Buffer.alloc(8 * MIB, 1));
  assert.is(
    refusal(() => readFlashImage(other)),
    "FLASH_FOREIGN",
  );
});

source.run();

const write = suite("flash: write");

class FakeMedium implements Medium {
  readonly log: string[] = [];
  readonly bytes: Buffer;
  failAt = Infinity;
  flip = -1;

  constructor(size: number) {
    this.bytes = Buffer.alloc(size, 0xaa);
  }

  write(at: number, bytes: Buffer): void {
    if (this.log.length >= this.failAt) throw new Error("EIO");
    this.log.push(at === 0 ? (bytes.every((byte) => byte === 0) ? "clear" : "head") : "rest");
    bytes.copy(this.bytes, at);
  }

  sync(): void {
    this.log.push("sync");
  }

  readBack(count: number): Promise<string> {
    if (this.flip >= 0) this.bytes[this.flip]! ^= 1;
    return Promise.resolve(createHash("sha256").update(this.bytes.subarray(0, count)).digest("hex"));
  }

  close(): void {}
}

async function failureOf(work: Promise<void>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof FlashError) return error.code;
    throw error;
  }
  return "nothing";
}

write("the first 4 MiB come last, each step on the disk before the next", async () => {
  const from = readFlashImage(image(13));
  const medium = new FakeMedium(16 * MIB);
  const heard: number[] = [];
  await flash(from, medium, (done) => heard.push(done));
  assert.equal(medium.log, ["clear", "sync", "rest", "rest", "rest", "sync", "head", "sync"]);
  assert.ok(medium.bytes.subarray(0, from.bytes).equals(readFileSync(from.path)));
  assert.is(heard.at(-1), from.bytes);
});

write("wherever it is interrupted, the table is not there before everything else is", async () => {
  const from = readFlashImage(image(13));
  for (let step = 0; step < 7; step++) {
    const medium = new FakeMedium(16 * MIB);
    medium.failAt = step;
    const code = await failureOf(flash(from, medium, () => undefined));
    if (medium.log.includes("head")) continue;
    assert.is(code, "FLASH_WRITE", `step ${step}`);
    if (step > 0) assert.ok(medium.bytes.subarray(0, HEAD_BYTES).every((byte) => byte === 0));
  }
});

write("an image that changed after its hash was taken is never made bootable", async () => {
  const from = readFlashImage(image(9));
  const medium = new FakeMedium(16 * MIB);
  const wrong = { ...from, sha256: "0".repeat(64) };
  assert.is(await failureOf(flash(wrong, medium, () => undefined)), "FLASH_SOURCE");
  assert.not(medium.log.includes("head"));
});

write("a disk that does not keep a bit is cleared and named", async () => {
  const from = readFlashImage(image(9));
  for (const flip of [0, 5 * MIB]) {
    const medium = new FakeMedium(16 * MIB);
    medium.flip = flip;
    assert.is(await failureOf(flash(from, medium, () => undefined)), "FLASH_DIFFERS");
    assert.ok(medium.bytes.subarray(0, HEAD_BYTES).every((byte) => byte === 0));
  }
});

write("a real file is written and read back past the page cache", async () => {
  const from = readFlashImage(image(9));
  const path = temporaryFile(Buffer.alloc(16 * MIB, 0x55), "disk");
  const medium = openMedium(path);
  await flash(from, medium, () => undefined);
  medium.close();
  assert.ok(readFileSync(path).subarray(0, from.bytes).equals(readFileSync(from.path)));
});

write("progress has a rate and the time that is left", () => {
  assert.is(progressText(0, 100 * MIB, 0), "0 %");
  assert.is(progressText(25 * MIB, 100 * MIB, 5000), "25 %, 5.0 MiB/s, 15 s left");
});

write.run();
