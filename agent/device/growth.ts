// The first start on a card that is larger than the image: the second copy of the partition table moves to the card's end, and the partition `data`
// grows up to it.
//
// The idea. The first copy rules as long as it is whole, and the second counts when the first is torn (gpt.ts). So the new second copy is written first, to where
// the old table has nothing, and is on the disk before the first copy is touched. A cut before that leaves the old table, a cut after it either the
// new one or a torn first copy, for which the new second one stands in. Whoever finds either of the last two writes the first copy again. The
// file system grows afterwards, by its own journal, while it is mounted; until then it is merely smaller than its partition.

import { closeSync, constants, fsyncSync, openSync, readSync, writeSync } from "node:fs";
import { DeviceError } from "./failure.ts";
import { gptRead, gptWrite, SECTOR, type GptPartition } from "./gpt.ts";

/** The partition that grows: the disk's last. */
const GROWS = "data";
/** It ends at a whole MiB. */
const ALIGN = (1 << 20) / SECTOR;
/** Sectors of the second copy. */
const TAIL = 33;

/** A disk, or what stands for one. */
export interface BlockDevice {
  read(sector: number, count: number): Buffer;
  write(sector: number, bytes: Buffer): void;
  /** What was written before is on the medium when this returns. */
  sync(): void;
}

/** Brings the table of a disk of so many sectors up to its size. Returns the partition that grew; null: nothing was to be done, or only a
 *  copy of the table was repaired. Throws DEVICE_TABLE, DEVICE_LAYOUT. */
export function growTable(disk: BlockDevice, sectorCount: number): GptPartition | null {
  const found = gptRead((sector, count) => disk.read(sector, count), sectorCount);
  const last = found.partitions.reduce((a, b) => (a.last > b.last ? a : b));
  if (last.name !== GROWS) {
    const what = `the last partition of this disk is "${last.name}", not ${GROWS}: it is not one of ours`;
    throw new DeviceError("DEVICE_LAYOUT", what, "It is left as it is.");
  }
  const end = Math.floor((sectorCount - TAIL) / ALIGN) * ALIGN - 1;
  const grows = end > last.last;
  const whole = found.first && found.second && found.end === sectorCount - 1;
  if (!grows && whole) return null;
  const grown = { ...last, last: Math.max(end, last.last) };
  const partitions = found.partitions.map((each) => (each.name === GROWS ? grown : each));
  const { first, second } = gptWrite({ diskId: found.diskId, partitions }, sectorCount);
  // With the first copy torn, the second is the only one. It lies where the new one goes, or says the same already.
  if (found.first) {
    disk.write(second.sector, second.bytes);
    disk.sync();
  }
  disk.write(first.sector, first.bytes);
  disk.sync();
  if (!found.first) {
    disk.write(second.sector, second.bytes);
    disk.sync();
  }
  return grows ? grown : null;
}

/** The disk at `path`, a block device of Linux. Reads and writes go past nobody: whoever else has it open has other partitions of it. */
export function openBlockDevice(path: string): BlockDevice & { close(): void } {
  const file = openSync(path, constants.O_RDWR);
  return {
    read(sector, count) {
      const bytes = Buffer.alloc(count * SECTOR);
      for (let done = 0; done < bytes.length;) {
        const got = readSync(file, bytes, done, bytes.length - done, sector * SECTOR + done);
        if (got === 0) throw new DeviceError("DEVICE_TABLE", `${path} ends before sector ${sector + count}`);
        done += got;
      }
      return bytes;
    },
    write(sector, bytes) {
      for (let done = 0; done < bytes.length;) {
        done += writeSync(file, bytes, done, bytes.length - done, sector * SECTOR + done);
      }
    },
    sync: () => fsyncSync(file),
    close: () => closeSync(file),
  };
}
