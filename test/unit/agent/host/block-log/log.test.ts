// The block log as a disk: what was written is read, cleaning and snapshots change nothing of it, a full medium stops nobody for good, and a flipped
// bit is an error and never wrong data.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { LogError } from "../../../../../agent/host/block-log/error.js";
import { EXTENT_BYTES, UNIT_BYTES } from "../../../../../agent/host/block-log/format.js";
import { BlockLog } from "../../../../../agent/host/block-log/log.js";
import { Seal } from "../../../../../agent/host/block-log/seal.js";
import { FailingMedium } from "../../../../support/failing-medium.js";
import { Random } from "../../../../support/random.js";

const test = suite("block log");

const KEY = Buffer.alloc(32, 9);
const UNITS = 2048;

function unitOf(value: number): Buffer {
  const bytes = Buffer.alloc(UNIT_BYTES);
  for (let at = 0; at < UNIT_BYTES; at += 4) bytes.writeUInt32LE(value, at);
  return bytes;
}

const create = (medium: FailingMedium, units = UNITS, reserve = 0): BlockLog =>
  BlockLog.create(medium, new Seal(KEY), units, reserve);
const mounted = (medium: FailingMedium, key = KEY, reserve = 0): BlockLog =>
  BlockLog.mount(medium, new Seal(key), UNITS, reserve);

/** The code of the failure that a step ends with. */
function codeOf(step: () => unknown): string {
  try {
    step();
  } catch (error) {
    if (error instanceof LogError) return error.code;
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
  return "none";
}

/** Writes at random and keeps what should be there. */
function churn(log: BlockLog, random: Random, model: number[], writes: number): void {
  for (let n = 0; n < writes; n++) {
    const unit = random.below(model.length);
    model[unit] = random.u32();
    log.write(unit, unitOf(model[unit]));
    if (random.oneIn(300)) log.flush();
  }
  log.flush();
}

function agrees(read: (unit: number) => Buffer, model: number[], what: string): void {
  model.forEach((value, unit) => assert.ok(read(unit).equals(unitOf(value)), `${what}: unit ${unit}`));
}

test("what was written is read, after many times its size, and after a mount", () => {
  const medium = new FailingMedium();
  const log = create(medium);
  const model = Array<number>(UNITS).fill(0);
  churn(log, new Random(1), model, 12 * UNITS);
  agrees((unit) => log.read(unit), model, "before");
  assert.ok(log.figures.extentCount <= 4, `${log.figures.extentCount} extents: the cleaner keeps up`);
  log.discard(100, 900);
  model.fill(0, 100, 1000);
  log.close();
  agrees((unit) => mounted(medium).read(unit), model, "after");
});

test("what nobody has flushed may be gone after a cut; a discarded disk gives its space back", () => {
  const medium = new FailingMedium();
  const log = create(medium);
  for (let unit = 0; unit < UNITS; unit++) log.write(unit, unitOf(unit));
  log.flush();
  log.write(5, unitOf(77));
  assert.ok(mounted(medium.copy()).read(5).equals(unitOf(5)));
  log.discard(0, UNITS);
  log.flush();
  while (log.tidy());
  assert.is(log.figures.liveUnits < 20, true, "pages and the top alone");
  const names = medium.list().filter((name) => name.startsWith("x"));
  assert.ok(names.length <= 2, names.join());
});

test("a snapshot stays as it is; what changed since is what a move sends", () => {
  const medium = new FailingMedium();
  const log = create(medium);
  const random = new Random(3);
  const model = Array<number>(UNITS).fill(0);
  churn(log, random, model, UNITS);
  const first = [...model];
  log.snapshot("first", 1);
  for (let unit = 10; unit < 20; unit++) log.write(unit, unitOf((model[unit] = unit + 7)));
  log.snapshot("second", 2);
  const between = [...log.openSnapshot("second").changedSince(log.openSnapshot("first"))];
  assert.equal(
    between,
    Array.from({ length: 10 }, (_, n) => 10 + n),
  );
  churn(log, random, model, 6 * UNITS);
  agrees((unit) => log.openSnapshot("first").read(unit), first, "the snapshot");
  log.close();
  const again = mounted(medium);
  assert.equal(again.snapshots, [
    { name: "first", time: 1 },
    { name: "second", time: 2 },
  ]);
  agrees((unit) => again.openSnapshot("first").read(unit), first, "the snapshot after a mount");
  agrees((unit) => again.read(unit), model, "the disk");
  assert.is(
    codeOf(() => again.snapshot("first", 3)),
    "LOG_SNAPSHOT",
  );
  again.dropSnapshot("first");
  again.dropSnapshot("second");
  while (again.tidy());
  churn(again, random, model, 4 * UNITS);
  assert.ok(again.figures.extentCount <= 4, `${again.figures.extentCount}: their extents go`);
  agrees((unit) => again.read(unit), model, "the disk without them");
});

test("a medium that is full refuses writes, loses nothing that was flushed, and takes writes again", () => {
  for (let room = 2; room < 5; room++) {
    const medium = new FailingMedium();
    const log = create(medium, UNITS, 2);
    const model = Array<number>(UNITS).fill(0);
    churn(log, new Random(5), model, UNITS);
    const used = medium.list().reduce((sum, name) => sum + medium.size(name), 0);
    medium.capacity = used + room * (1 << 20);
    const safe = [...model];
    const random = new Random(6);
    let refused = "none";
    const touched = new Set<number>();
    for (let n = 0; n < 40 * UNITS && refused === "none"; n++) {
      const unit = random.below(UNITS);
      touched.add(unit);
      refused = codeOf(() => log.write(unit, unitOf(n)));
    }
    // The cleaner may make room for ever, in the space of what was overwritten; if not, the refusal is the medium's own.
    assert.ok(refused === "none" || refused === "ENOSPC", refused);
    const after = mounted(medium.copy(), KEY, 2);
    safe.forEach((value, unit) => {
      if (!touched.has(unit)) assert.ok(after.read(unit).equals(unitOf(value)), `unit ${unit}`);
    });
    medium.capacity = Infinity;
    log.write(1, unitOf(1234));
    log.flush();
    assert.ok(mounted(medium.copy(), KEY, 2).read(1).equals(unitOf(1234)));
  }
});

test("another key, no log, a log that is too large: each its own refusal", () => {
  const medium = new FailingMedium();
  create(medium).close();
  assert.is(
    codeOf(() => mounted(medium, Buffer.alloc(32, 1))),
    "LOG_KEY",
  );
  assert.is(
    codeOf(() => BlockLog.mount(medium, new Seal(KEY), UNITS - 1)),
    "LOG_SIZE",
  );
  assert.is(
    codeOf(() => create(medium)),
    "LOG_EXISTS",
  );
  assert.is(
    codeOf(() => create(new FailingMedium(), 0)),
    "LOG_SIZE",
  );
});

test("a flipped bit anywhere is an error or nothing, never other data", () => {
  const medium = new FailingMedium();
  const log = create(medium, 256);
  const model = Array<number>(256).fill(0);
  churn(log, new Random(8), model, 400);
  log.snapshot("s", 1);
  // Behind the checkpoint, so that replay has something to follow.
  for (let unit = 0; unit < 5; unit++) log.write(unit, unitOf((model[unit] = unit + 1e6)));
  log.flush();
  log.write(9, unitOf((model[9] = 4711)));
  log.flush();
  const random = new Random(9);
  const seen: Record<string, number> = {};
  for (const name of medium.list()) {
    const size = medium.size(name);
    for (let n = 0; n < 150; n++) {
      const image = medium.copy();
      // Half of the flips hit the first bytes of a unit: magic, numbers, codes.
      const unit = random.below(Math.ceil(size / UNIT_BYTES)) * UNIT_BYTES;
      const byte = Math.min(size - 1, unit + random.below(n % 2 === 0 ? 128 : UNIT_BYTES));
      image.flip(name, byte, random.below(8));
      const outcome = codeOf(() => {
        const other = BlockLog.mount(image, new Seal(KEY), 256, 0);
        model.forEach((value, each) => {
          const code = codeOf(() => assert.ok(other.read(each).equals(unitOf(value)), `${name} ${byte}: unit ${each}`));
          assert.ok(code === "none" || code === "LOG_UNIT", `${name} ${byte}: unit ${each}: ${code}`);
        });
      });
      assert.ok(["none", "LOG_DAMAGED", "LOG_KEY"].includes(outcome), `${name} ${byte}: ${outcome}`);
      seen[outcome] = (seen[outcome] ?? 0) + 1;
    }
  }
  assert.ok((seen["none"] ?? 0) > 0 && (seen["LOG_DAMAGED"] ?? 0) > 0, JSON.stringify(seen));
});

test("an older life of an extent, put back, is not read as if it were new", () => {
  const medium = new FailingMedium();
  const log = create(medium, 256);
  for (let unit = 0; unit < 256; unit++) log.write(unit, unitOf(unit));
  log.close();
  const old = medium.copy();
  const again = BlockLog.mount(medium, new Seal(KEY), 256, 0);
  for (let round = 0; round < 40; round++)
    for (let unit = 0; unit < 256; unit++) again.write(unit, unitOf(1000 + unit));
  again.close();
  for (const name of medium.list().filter((each) => each.startsWith("x"))) {
    if (!old.list().includes(name)) continue;
    const image = medium.copy();
    image.remove(name);
    image.create(name);
    image.write(name, 0, old.read(name, 0, EXTENT_BYTES));
    const outcome = codeOf(() => {
      const other = BlockLog.mount(image, new Seal(KEY), 256, 0);
      for (let unit = 0; unit < 256; unit++) assert.ok(other.read(unit).equals(unitOf(1000 + unit)));
    });
    assert.ok(["none", "LOG_DAMAGED", "LOG_UNIT"].includes(outcome), outcome);
  }
});

test.run();
