// Who may use Advanced SIMD: ARM DDI 0406C B1.11.4 (CheckAdvSIMDEnabled), B4.1.40 (CPACR), B4.1.57 (FPEXC).

import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  CONFIG_CPU,
  CONFIG_ROM_OFFSET,
  CPU_WITHOUT_NEON,
  RAM_BASE,
  STATS_UNDEFINED,
} from "../../../../../../kernel/abi/layout.js";
import { bareMachine, type BareMachine } from "../../../../../support/bare-machine.js";
import { a32Constant } from "../../../../../isa/assembler.js";

const control = suite("advanced simd access");
const FULL = 0x00f0_0000;
const ASEDIS = 0x8000_0000;
const D32DIS = 0x4000_0000;
const NEON = [0xf2000150, 0xf420078f, 0xeec10b10, 0xee400b10]; // vand q0, q0, q0; vld1.32 {d0}, [r0]; vdup.8 d1, r0; vmov.8 d0[0], r0
const VFP = [0xee300b00, 0xed900b00, 0xee000b10]; // vadd.f64 d0, d0, d0; vldr d0, [r0]; vmov.32 d0[0], r0
const HIGH = [0xee700ba0, 0xedd00b00, 0xee010b90, 0xecb0eb06, 0xeef01b61]; // d16, d16, d17[0], vldm r0!, {d14-d16}, vmov d17, d17

/** Undefined instructions that `code` takes, under a CPACR and FPEXC.EN. */
function undefinedCount(machine: BareMachine, cpacr: number, enabled: boolean, code: number[]): number {
  const before = machine.view.getBigUint64(STATS_UNDEFINED, true);
  machine.execute([
    ...a32Constant(0, cpacr >>> 0),
    0xee010f50, // mcr p15, 0, r0, c1, c0, 2
    ...a32Constant(0, enabled ? 0x4000_0000 : 0),
    0xeee80a10, // vmsr fpexc, r0
    ...a32Constant(0, RAM_BASE + 0x9000),
    ...code,
  ]);
  return Number(machine.view.getBigUint64(STATS_UNDEFINED, true) - before);
}

function machineWith(cpu = 0): BareMachine {
  const machine = bareMachine({ romBytes: 0x10000 });
  const rom = machine.load32(CONFIG_ROM_OFFSET);
  machine.store32(rom + 4, 0xe1b0f00e); // Undefined Instruction: movs pc, lr
  machine.store32(CONFIG_CPU, cpu);
  machine.reset();
  return machine;
}

/** As the test's code takes one instruction more for each that is Undefined, each is run alone. */
const all = (cpacr: number, enabled: boolean, words: number[], cpu = 0): number[] =>
  words.map((word) => undefinedCount(machineWith(cpu), cpacr, enabled, [word]));

control("B1.11.4 with CP10, CP11 and FPEXC.EN everything executes", () => {
  assert.equal(
    all(FULL, true, [...NEON, ...VFP, ...HIGH]),
    [...NEON, ...VFP, ...HIGH].map(() => 0),
  );
});

control("B1.11.4 without FPEXC.EN, or without the coprocessors, all of it is Undefined", () => {
  assert.equal(
    all(FULL, false, [...NEON, ...VFP]),
    [...NEON, ...VFP].map(() => 1),
  );
  // VMSR FPEXC is Undefined as well then (B9.3.21).
  assert.equal(
    all(0, true, NEON),
    NEON.map(() => 2),
  );
});

control("B4.1.40 ASEDIS makes Advanced SIMD Undefined, and nothing of the VFP", () => {
  const cpacr = FULL | ASEDIS;
  assert.equal(
    all(cpacr, true, NEON),
    NEON.map(() => 1),
  );
  assert.equal(
    all(cpacr, true, [...VFP, ...HIGH]),
    [...VFP, ...HIGH].map(() => 0),
  );
});

control("B4.1.40 D32DIS makes D16 to D31 Undefined", () => {
  const cpacr = FULL | ASEDIS | D32DIS;
  assert.equal(
    all(cpacr, true, VFP),
    VFP.map(() => 0),
  );
  assert.equal(
    all(cpacr, true, HIGH),
    HIGH.map(() => 1),
  );
});

control(
  "B4.1.40 CPACR keeps CP10, CP11, ASEDIS and D32DIS; where Advanced SIMD is hidden ASEDIS is set for good",
  () => {
    const read = 0xee110f50; // mrc p15, 0, r0, c1, c0, 2
    const write = [...a32Constant(0, 0xffff_ffff), 0xee010f50];
    assert.is(machineWith().execute([read]), 0);
    assert.is(machineWith().execute([...write, read]), 0xc0f0_0000);
    assert.is(machineWith(CPU_WITHOUT_NEON).execute([read]), ASEDIS);
    assert.equal(
      all(FULL, true, NEON, CPU_WITHOUT_NEON),
      NEON.map(() => 1),
    );
    assert.equal(
      all(FULL, true, VFP, CPU_WITHOUT_NEON),
      VFP.map(() => 0),
    );
  },
);

control.run();
