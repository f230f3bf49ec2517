// Every device window, at every size, with random values, by a guest that knows no rules, while the host does its work. Nothing traps,
// nothing outside the devices' own state and guest RAM changes, and the same seed gives the same memory.

import { createHash } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { bareMachine } from "../../../../support/bare-machine.js";
import { MachineGuard, randomHost } from "../../../../support/machine-guard.js";
import { Random } from "../../../../support/random.js";

const fuzz = suite("fuzz/mmio");
const OPERATIONS = 60_000;
const SEEDS = [1, 0xc0ffee, 0x7fff_ffff];

/** Registers where something happens, so that random offsets do not spend their time in reserved space. */
const BUSY: [base: number, bytes: number][] = [
  [0x0800_0000, 0x1000],
  [0x0801_0000, 0x100],
  [0x0801_1000, 4],
  [0x0900_0000, 0x50],
  [0x0901_0000, 0x20],
  [0x0903_0000, 0x424],
  [0x090d_0000, 0x20],
  [0x090d_0c00, 4],
  ...[0, 1, 2, 3, 4].map((slot): [number, number] => [0x0a00_0000 + slot * 0x200, 0x140]),
];
const WINDOWS: [base: number, bytes: number][] = [
  [0x0800_0000, 0x2_0000],
  [0x0900_0000, 0x2000],
  [0x0901_0000, 0x2000],
  [0x0903_0000, 0x2000],
  [0x090d_0000, 0x2000],
  [0x0a00_0000, 0x2000],
];

/** Plays one seed and returns a hash of the whole memory. */
function play(seed: number): string {
  const random = new Random(seed);
  const machine = bareMachine({
    ramBytes: 1 << 18,
    diskSectors: 64n,
    consolePorts: 1 + random.below(4),
    networkBytes: 1 << 19,
  });
  let guard = new MachineGuard(machine);
  for (let n = 0; n < OPERATIONS; n++) {
    const [base, bytes] = random.pick(random.oneIn(8) ? WINDOWS : BUSY);
    const size = random.pick([1, 2, 4, 4, 4, 4]);
    const address = base + (random.below(bytes) & -size);
    const ram = 0x4000_0000 + (random.below(1 << 18) & ~15);
    const value = random.oneIn(3) ? ram : random.wild();
    if (random.oneIn(3)) machine.exports.physicalRead(address, size);
    else machine.exports.physicalWrite(address, value, size);
    if (random.oneIn(20)) randomHost(machine, (count) => random.below(count));
    if (random.oneIn(5000)) {
      guard.check(`seed ${seed}, operation ${n}`);
      machine.reset();
      guard = new MachineGuard(machine); // the CPU's reset state is its own
    }
    if (n % 1000 === 0) guard.check(`seed ${seed}, operation ${n}`);
  }
  guard.check(`seed ${seed}, end`);
  return createHash("sha256").update(machine.bytes).digest("hex");
}

for (const seed of SEEDS) {
  fuzz(`seed ${seed}: ${OPERATIONS} accesses`, () => {
    assert.is(play(seed), play(seed), "the same seed gives the same memory");
  });
}

fuzz.run();
