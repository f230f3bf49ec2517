// Translation where the oracle says nothing or something else: ARM DDI 0406C B3.6 (long descriptors), B3.10.1 (TLB maintenance), B3.13
// (fault status), B4.1.112 (PAR).

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CONFIG_ROM_OFFSET, RAM_BASE, STATS_DATA_ABORTS } from "../../../../../../kernel/abi/layout.js";
import { a32Constant } from "../../../../../isa/assembler.js";
import { bareMachine, type BareMachine } from "../../../../../support/bare-machine.js";

const walk = suite("translation tables");
const EAE = 0x8000_0000;
const LEVEL_1 = RAM_BASE + 0x2_0000;
const LEVEL_2 = RAM_BASE + 0x2_1000;
const SHORT = RAM_BASE + 0x2_4000;
const [DFSR, IFSR] = [0xee150f10, 0xee150f30]; // mrc p15, 0, r0, c5, c0, 0 and 1
const TTBCR = 0xee020f50; // mcr p15, 0, r0, c2, c0, 2
const TLBIALL = 0xee080f17; // mcr p15, 0, r0, c8, c7, 0
const MMU_ON = [0xee110f10, 0xe3800001, 0xee010f10]; // SCTLR.M
const MMU_OFF = [0xee110f10, 0xe3c00001, 0xee010f10];
const NOP = 0xe1a00000;

/** A machine whose aborts go on behind the instruction. */
function machineWith(): BareMachine {
  const machine = bareMachine({ romBytes: 0x10000, ramBytes: 4 << 20 });
  const rom = machine.load32(CONFIG_ROM_OFFSET);
  machine.store32(rom + 0x0c, 0xe1b0f00e); // prefetch abort: movs pc, lr
  machine.store32(rom + 0x10, 0xe25ef004); // data abort: subs pc, lr, #4
  machine.reset();
  return machine;
}

function entry(machine: BareMachine, table: number, index: number, descriptor: bigint): void {
  machine.write32(table + 8 * index, Number(descriptor & 0xffff_ffffn));
  machine.write32(table + 8 * index + 4, Number(descriptor >> 32n));
}

/** The same, with long descriptors: all flat but the fourth GiB. */
function longMachine(): BareMachine {
  const machine = machineWith();
  for (let index = 0; index < 3; index++) entry(machine, LEVEL_1, index, (BigInt(index) << 30n) | 0x701n);
  machine.execute([
    ...a32Constant(0, EAE),
    TTBCR,
    ...a32Constant(0, LEVEL_1),
    0xe3a01000, // mov r1, #0
    0xec410f02, // mcrr p15, 0, r0, r1, c2
    TLBIALL,
    ...MMU_ON,
  ]);
  return machine;
}

/** Loads from `address`; what DFSR says, or 0 when there was no abort. */
function load(machine: BareMachine, address: number): number {
  const before = machine.view.getBigUint64(STATS_DATA_ABORTS, true);
  machine.execute([...a32Constant(2, address), 0xe5921000]); // ldr r1, [r2]
  if (machine.view.getBigUint64(STATS_DATA_ABORTS, true) === before) return 0;
  machine.runInstructions(1);
  return machine.execute([DFSR]);
}

walk("B3.13.3 table B3-24: an external abort of a walk tells the level, and the format in bit 9", () => {
  const machine = longMachine();
  const nowhere = 0x60_0000_0000n;
  assert.is(load(machine, 0xc000_0000), 0x205, "level 1: no descriptor");
  entry(machine, LEVEL_1, 3, nowhere | 3n);
  machine.execute([TLBIALL]);
  assert.is(load(machine, 0xc000_0000), 0x216, "the table of level 2");
  entry(machine, LEVEL_1, 3, BigInt(LEVEL_2) | 3n);
  entry(machine, LEVEL_2, 0, nowhere | 3n);
  machine.execute([TLBIALL]);
  assert.is(load(machine, 0xc000_0000), 0x217, "the table of level 3");
  entry(machine, LEVEL_2, 0, nowhere | 0x701n);
  machine.execute([TLBIALL]);
  assert.is(load(machine, 0xc000_0000), 0x210, "not of a walk: the output address is above all memory");
});

walk("B3.13.3 a breakpoint is a debug event in either format", () => {
  const machine = longMachine();
  machine.execute([0xe1200070, NOP]); // bkpt
  machine.runInstructions(1); // the handler's was one more
  assert.is(machine.execute([IFSR]), 0x222);
});

walk("B4.1.112 with the MMU off PAR says strongly-ordered, and outer shareable", () => {
  const machine = longMachine();
  const par = machine.execute([...MMU_OFF, ...a32Constant(0, 0x1234_5678), 0xee070f18, 0xec510f07]); // ats1cpr; mrrc
  assert.is(par >>> 0, 0x1234_5000 | 0xb00);
});

walk("B4.1.153 TTBCR keeps what its format has", () => {
  const read = 0xee120f50;
  const machine = machineWith();
  const written = (value: number) => machine.execute([...a32Constant(0, value), TTBCR, read]);
  assert.is(written(0x7fff_ffff), 0x37);
  assert.is(written(0xffff_ffff), 0xffc7_3f87);
});

walk("B3.10.1 TLBIMVA of any address of a supersection, or of a block of 1 GiB, drops all of it", () => {
  const machine = machineWith();
  for (let index = 0; index < 4096; index++) machine.write32(SHORT + 4 * index, (index << 20) | 0xc02);
  const supersection = (physical: number) => {
    for (let index = 0; index < 16; index++) machine.write32(SHORT + 4 * (0x500 + index), physical | 0x4_0c02);
  };
  supersection(RAM_BASE);
  machine.execute([
    ...a32Constant(0, SHORT),
    0xee020f10, // TTBR0
    0xe3a00001,
    0xee030f10, // DACR: client of domain 0
    TLBIALL,
    ...MMU_ON,
  ]);
  machine.write32(RAM_BASE + 0x3_0000, 0x1111_1111);
  const read = [...a32Constant(2, 0x5003_0000), 0xe5920000]; // ldr r0, [r2]
  assert.is(machine.execute(read), 0x1111_1111);
  supersection(0x4100_0000); // nothing is there
  machine.execute([...a32Constant(0, 0x50f0_0000), 0xee080f37]); // TLBIMVA, fifteen MiB on
  assert.is(load(machine, 0x5003_0000) & 0xf, 8, "an external abort");

  const long = longMachine();
  long.write32(RAM_BASE + 0x3_0000, 0x2222_2222);
  entry(long, LEVEL_1, 3, BigInt(RAM_BASE) | 0x701n);
  const high = [...a32Constant(2, 0xc003_0000), 0xe5920000];
  assert.is(long.execute(high), 0x2222_2222);
  entry(long, LEVEL_1, 3, 0n);
  long.execute([...a32Constant(0, 0xf000_0000), 0xee080f37]);
  assert.is(load(long, 0xc003_0000), 0x205);
});

walk.run();
