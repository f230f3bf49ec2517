// The block log beside its promises: how fast it writes and reads, how much it writes for each byte of its user's at 70 % full, how long a mount
// takes after a cut. On real files; the medium is whatever lies behind the temporary folder.

import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { BlockLog, FolderFiles, Seal } from "../../agent/host/index.ts";
import { Random } from "../../test/support/random.ts";
import { temporaryFolder } from "../../test/support/temporary.ts";
import { rowStart, type Measurement } from "./report.ts";

export const STORAGE_ROWS = [
  ...["storage-write", "storage-read", "storage-mount"],
  ...["storage-amplification-sequential", "storage-amplification-skew", "storage-amplification-uniform"],
];

const UNIT_BYTES = 4096;
const SPEED_UNITS = (128 << 20) / UNIT_BYTES;
/** As large as fits a run of a minute: the shares are those of a larger disk. */
const FULL_UNITS = (128 << 20) / UNIT_BYTES;
const MOUNT_UNITS = 2 ** 33 / UNIT_BYTES;
const ROUNDS = 4;
const READS = 20_000;

const key = (): Seal => new Seal(Buffer.alloc(32, 5));

/** Makes a log in a new folder, and removes it after `body`. */
function withLog<T>(unitCount: number, body: (log: BlockLog, folder: string) => T): T {
  const folder = join(temporaryFolder(), "log");
  try {
    return body(BlockLog.create(new FolderFiles(folder), key(), unitCount, 1), folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function speed(write: Measurement, read: Measurement): void {
  withLog(SPEED_UNITS, (log) => {
    const data = randomBytes(UNIT_BYTES);
    let started = performance.now();
    for (let unit = 0; unit < SPEED_UNITS; unit++) log.write(unit, data);
    log.flush();
    write.ours.push((SPEED_UNITS * UNIT_BYTES) / 1000 / (performance.now() - started));
    const random = new Random(1);
    started = performance.now();
    for (let n = 0; n < READS; n++) log.read(random.below(SPEED_UNITS));
    read.ours.push((READS * 1000) / (performance.now() - started));
    log.close();
  });
}

/** Units written to the medium for each of the user's, once the disk has been filled. */
function amplification(next: (n: number, random: Random) => number): number {
  return withLog(FULL_UNITS, (log) => {
    const data = randomBytes(UNIT_BYTES);
    const random = new Random(2);
    for (let unit = 0; unit < FULL_UNITS; unit++) log.write(unit, data);
    // The first round brings the log to its steady state.
    for (let n = 0; n < FULL_UNITS; n++) log.write(next(n, random), data);
    const { writtenUnits, userUnits } = log.figures;
    for (let n = 0; n < ROUNDS * FULL_UNITS; n++) log.write(next(n, random), data);
    log.flush();
    const now = log.figures;
    log.close();
    return (now.writtenUnits - writtenUnits) / (now.userUnits - userUnits);
  });
}

const HOT_SHARE = 0.1;
const PATTERNS: Record<string, (n: number, random: Random) => number> = {
  sequential: (n) => n % FULL_UNITS,
  // Nine of ten writes go to a tenth of the disk.
  skew: (_n, random) => {
    const hot = Math.floor(FULL_UNITS * HOT_SHARE);
    return random.below(10) > 0 ? random.below(hot) : hot + random.below(FULL_UNITS - hot);
  },
  uniform: (_n, random) => random.below(FULL_UNITS),
};

/** A disk of 8 GiB with a checkpoint and the groups of 60 MiB behind it. */
function mountMs(): number {
  return withLog(MOUNT_UNITS, (log, folder) => {
    const data = randomBytes(UNIT_BYTES);
    const random = new Random(3);
    for (let n = 0; n < (60 << 20) / UNIT_BYTES; n++) log.write(random.below(MOUNT_UNITS), data);
    log.flush();
    const files = new FolderFiles(folder, true);
    const started = performance.now();
    BlockLog.mount(files, key());
    const took = performance.now() - started;
    files.close();
    log.close();
    return took;
  });
}

export function measureStorage(runs: number): Promise<Measurement[]> {
  const rate = (name: string, what: string, target: number, unit: string): Measurement =>
    rowStart(name, unit, what, target, true);
  const write = rate("storage-write", "sequential writes of 4 KiB, authenticated and encrypted", 300, "MB/s");
  const read = rate("storage-read", "random reads of 4 KiB", 50_000, "/s");
  const mount = rowStart("storage-mount", "ms", "mount of an 8 GiB storage after a cut", 500, false);
  const limits = { sequential: 1.1, skew: 1.6, uniform: 2.2 };
  const amplifications = Object.entries(limits).map(([pattern, limit]) =>
    rowStart(`storage-amplification-${pattern}`, "×", `units written for each of the user's, ${pattern}`, limit, false),
  );
  for (let run = 0; run < runs; run++) {
    speed(write, read);
    mount.ours.push(mountMs());
  }
  // The same numbers each time: one run says all.
  amplifications.forEach((row, n) => row.ours.push(amplification(PATTERNS[Object.keys(limits)[n]!]!)));
  return Promise.resolve([write, read, mount, ...amplifications]);
}
