// Power cuts at every step of programs of writes, discards, flushes and snapshots, with each unsynced sector kept, lost or torn: what was flushed is
// there, nothing is torn, and no key and nonce are used twice. POCKETVISOR_CUTS asks for more cuts than the 1,200 of a usual run.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { UNIT_BYTES } from "../../../../../agent/host/block-log/format.js";
import { BlockLog } from "../../../../../agent/host/block-log/log.js";
import { Seal } from "../../../../../agent/host/block-log/seal.js";
import { FailingMedium, randomFate } from "../../../../support/failing-medium.js";
import { Random } from "../../../../support/random.js";

const power = suite("block log: power cuts");

const UNITS = 64;
const KEY = Buffer.alloc(32, 7);
/** More unsynced sectors than this are drawn, not gone through. */
const EXHAUSTIVE_MAX = 8;

/** A seal that remembers every key and unit that it closed with. */
class WatchedSeal extends Seal {
  static readonly used = new Set<string>();

  override close(key: Buffer, unit: number, address: number, plain: Uint8Array, target: Buffer): Buffer {
    const pair = `${key.toString("base64")} ${unit}`;
    assert.not.ok(WatchedSeal.used.has(pair), "a key and nonce were used twice");
    WatchedSeal.used.add(pair);
    return super.close(key, unit, address, plain, target);
  }
}

/** What a disk may hold: for each unit the value that the last flush made safe, and those written since. */
class Model {
  private readonly allowed: Set<number>[];
  private readonly latest: number[] = Array<number>(UNITS).fill(0);

  /** Empty, or as another. */
  constructor(other?: Model) {
    this.allowed = Array.from({ length: UNITS }, (_, unit) => new Set(other?.allowed[unit] ?? [0]));
  }

  write(unit: number, value: number): void {
    this.latest[unit] = value;
    this.allowed[unit]!.add(value);
  }

  flushed(): void {
    this.allowed.forEach((values, unit) => {
      values.clear();
      values.add(this.latest[unit]!);
    });
  }

  /** What is there now is what is safe. */
  check(log: BlockLog, what: string): void {
    for (let unit = 0; unit < UNITS; unit++) {
      const bytes = log.read(unit);
      const value = bytes.readUInt32LE(0);
      assert.ok(this.allowed[unit]!.has(value), `${what}: unit ${unit} holds ${value}`);
      assert.ok(bytes.equals(unitOf(value)), `${what}: unit ${unit} is torn`);
      this.latest[unit] = value;
    }
    this.flushed();
  }
}

function unitOf(value: number): Buffer {
  const bytes = Buffer.alloc(UNIT_BYTES);
  for (let at = 0; at < UNIT_BYTES; at += 4) bytes.writeUInt32LE(value, at);
  return bytes;
}

let nextValue = 1;

/** Random steps on a log, until the power goes. */
function work(log: BlockLog, model: Model, random: Random, steps: number): void {
  for (let n = 0; n < steps; n++) {
    const what = random.below(20);
    const unit = random.below(UNITS);
    if (what < 12) {
      const value = nextValue++;
      model.write(unit, value);
      log.write(unit, unitOf(value));
    } else if (what < 14) {
      const count = Math.min(UNITS - unit, 1 + random.below(8));
      for (let each = unit; each < unit + count; each++) model.write(each, 0);
      log.discard(unit, count);
    } else if (what < 18) {
      log.flush();
      model.flushed();
    } else if (what === 18 && log.snapshots.length < 2) {
      log.snapshot(`s${nextValue++}`, 0);
      model.flushed();
    } else {
      log.tidy();
    }
  }
}

const isPower = (error: unknown): boolean => (error as { code?: string }).code === "EPOWER";
const mounted = (medium: FailingMedium): BlockLog => BlockLog.mount(medium, new WatchedSeal(KEY), UNITS, 0);

/** All fates of few sectors, a dozen drawn ones of many. */
function* fates(outstanding: number, random: Random): Generator<(n: number) => number> {
  if (outstanding > EXHAUSTIVE_MAX) {
    yield () => 0;
    yield () => 1;
    for (let n = 0; n < 10; n++) yield randomFate(random);
    return;
  }
  for (let bits = 0; bits < 2 ** outstanding; bits++) yield (n) => (n < 0 ? bits : (bits >> n) & 1);
}

power("whatever a cut leaves, the log mounts, and holds what was flushed", () => {
  const cutMax = Number(process.env["POCKETVISOR_CUTS"] ?? 1200);
  const random = new Random(2026);
  for (let cuts = 0; cuts < cutMax;) {
    let medium = new FailingMedium();
    let log = BlockLog.create(medium, new WatchedSeal(KEY), UNITS, 0);
    const model = new Model();
    // Several lives of one disk, each ended by a cut.
    for (let life = 0; life < 4; life++) {
      medium.powerSteps = random.below(60);
      try {
        work(log, model, random, 40);
      } catch (error) {
        if (!isPower(error)) throw error;
      }
      const next: FailingMedium[] = [];
      for (const fate of fates(medium.outstanding, random)) {
        const branch = medium.fork();
        branch.cut(fate);
        new Model(model).check(mounted(branch), `cut ${cuts}`);
        next.push(branch);
        if (++cuts % 3 === 0) {
          // One image mounted twice and written differently: no pair of key and nonce repeats (close() checks).
          for (const image of [branch.copy(), branch.copy()]) {
            const twin = mounted(image);
            twin.write(1, unitOf(nextValue++));
            twin.flush();
          }
        }
      }
      medium = next[random.below(next.length)]!;
      log = mounted(medium);
      model.check(log, "the life after");
    }
  }
});

power.run();
