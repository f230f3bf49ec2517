// Performance monitors from the guest's side: exact counts, events, privilege, overflow and its interrupt. ARM DDI 0406C chapter C12, B4.1.113
// onwards; Cortex-A7 MPCore TRM (DDI 0464F) chapter 11.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  CONFIG_ROM_OFFSET,
  CPU_STATE,
  MODE_DETERMINISTIC,
  RAM_BASE,
  STATS_UNDEFINED,
} from "../../../../../kernel/abi/layout.js";
import { a32Constant } from "../../../../isa/assembler.js";
import { bareMachine, type BareMachine } from "../../../../support/bare-machine.js";

const pmu = suite("performance monitors");
const NOP = 0xe1a00000;
const ISB = 0xf57ff06f;
const E = 1;
const CYCLES = 0x8000_0000;
const [INST_RETIRED, EXC_TAKEN, CPU_CYCLES] = [0x08, 0x09, 0x11];
const PPI = 23;

/** MRC and MCR of r0 for CP15 c9, CRm, opc2. */
const read = (crm: number, opc2: number) => (0xee190f10 | crm | (opc2 << 5)) >>> 0;
const write = (crm: number, opc2: number) => (0xee090f10 | crm | (opc2 << 5)) >>> 0;
const [PMCR, CNTENSET, CNTENCLR, OVSR, SWINC, SELR, CEID0, CEID1] = [0, 1, 2, 3, 4, 5, 6, 7].map(
  (opc2) => [12, opc2] as const,
) as unknown as readonly (readonly [number, number])[] & Record<number, readonly [number, number]>;
const [CCNTR, XEVTYPER, XEVCNTR] = [0, 1, 2].map((opc2) => [13, opc2] as const) as [Reg, Reg, Reg];
const [USERENR, INTENSET, INTENCLR, OVSSET] = [0, 1, 2, 3].map((opc2) => [14, opc2] as const) as [Reg, Reg, Reg, Reg];
type Reg = readonly [number, number];

const set = (register: Reg, value: number): number[] => [...a32Constant(0, value >>> 0), write(...register)];
const get = (machine: BareMachine, register: Reg): number => machine.execute([read(...register)]) >>> 0;

function machineWith(): BareMachine {
  const machine = bareMachine({ romBytes: 0x10000, mode: MODE_DETERMINISTIC });
  const rom = machine.load32(CONFIG_ROM_OFFSET);
  machine.store32(rom + 4, 0xe1b0f00e); // Undefined Instruction: movs pc, lr
  machine.store32(rom + 8, 0xe1a0f008); // Supervisor Call: mov pc, r8, in Supervisor mode
  machine.reset();
  return machine;
}

/** Counter `number` counts `event`, from zero, for whom `filter` leaves. */
const count = (number: number, event: number, filter = 0): number[] => [
  ...set(SELR!, number),
  ...set(XEVTYPER, (filter | event) >>> 0),
  ...set(XEVCNTR, 0),
  ...set(CNTENSET!, 1 << number),
];

pmu("C12.4 identification: PMUv2 of Arm, four counters, and which events there are", () => {
  const machine = machineWith();
  assert.is(get(machine, PMCR!), 0x4107_2000);
  assert.is(get(machine, CEID0!), (1 << 0) | (1 << INST_RETIRED) | (1 << EXC_TAKEN) | (1 << CPU_CYCLES));
  assert.is(get(machine, CEID1!), 0);
  assert.is((machine.execute([0xee100f51]) >>> 24) & 15, 2, "ID_DFR0");
});

pmu("C12.3 cycles between the PMCR writes are the instructions between them, the second write included", () => {
  for (const loops of [1, 2, 149]) {
    const machine = machineWith();
    machine.execute([...set(CNTENSET!, CYCLES), ...set(CCNTR, 0)]);
    const code = [
      ...a32Constant(2, loops),
      0xe3a00001, // mov r0, #E
      0xe3a01000, // mov r1, #0
      write(...PMCR!),
      ISB,
      0xe2522001, // 1: subs r2, r2, #1
      0xcafffffd, // bgt 1b
      write(...PMCR!) | (1 << 12), // from r1
      ISB,
    ];
    code.forEach((word, n) => machine.write32(RAM_BASE + 0x4000 + 4 * n, word));
    machine.write32(RAM_BASE + 0x4000 + 4 * code.length, 0xe12fff1e); // bx lr
    machine.execute([...a32Constant(3, RAM_BASE + 0x4000), 0xe12fff33]); // blx r3
    machine.runInstructions(code.length + 1 + 2 * (loops - 1));
    assert.is(get(machine, CCNTR), 2 + 2 * loops);
  }
});

pmu("B4.1.117 PMCR: D counts every 64th cycle, C and P reset, and the disabled count nothing", () => {
  const machine = machineWith();
  machine.execute([...set(CNTENSET!, CYCLES), ...count(1, INST_RETIRED), ...set(PMCR!, E | 8)]);
  machine.execute(Array.from({ length: 640 }, () => NOP));
  const cycles = get(machine, CCNTR);
  assert.ok(cycles === 10, `${cycles}`);
  assert.ok(get(machine, XEVCNTR) > 640);
  machine.execute(set(PMCR!, 2 | 4));
  assert.is(get(machine, PMCR!), 0x4107_2000, "C and P read as zero");
  assert.is(get(machine, CCNTR), 0);
  assert.is(get(machine, XEVCNTR), 0);
  machine.execute(set(CCNTR, 5));
  assert.is(get(machine, CCNTR), 5, "stopped");
});

pmu("C12.8.2 events: instructions, exceptions, and PMSWINC for those that count SW_INCR", () => {
  const machine = machineWith();
  machine.execute([...count(0, 0), ...count(1, INST_RETIRED), ...count(2, EXC_TAKEN), ...set(PMCR!, E)]);
  machine.execute([...set(SWINC!, 0xf), ...set(SWINC!, 1)]);
  const value = (number: number) => machine.execute([...set(SELR!, number), read(...XEVCNTR)]) >>> 0;
  assert.is(value(0), 2);
  const before = value(1);
  assert.is(value(1) - before, 6, "str, then movw, movt, mcr, mrc and what execute() adds");
  machine.execute([0xe7f000f0]); // udf
  machine.runInstructions(1);
  assert.is(value(2), 1);
  machine.execute(set(CNTENCLR!, 2));
  assert.is(value(1), value(1), "disabled");
});

pmu("B4.1.128 PMXEVTYPER leaves out PL1 or PL0, to the instruction", () => {
  const USER_CODE = 10;
  for (const filter of [0x8000_0000, 0x4000_0000]) {
    const machine = machineWith();
    machine.execute([...count(0, INST_RETIRED), ...count(1, INST_RETIRED, filter)]);
    machine.execute([
      ...set(PMCR!, E),
      0xe28f8000 | (4 * (USER_CODE + 1)), // add r8, pc, #…: behind the SVC
      0xe321f010, // msr cpsr_c, #USER
      ...Array.from({ length: USER_CODE }, () => NOP),
      0xef000000, // svc
      ...a32Constant(0, 0),
      write(...PMCR!),
    ]);
    machine.runInstructions(1); // the handler's
    const value = (number: number) => machine.execute([...set(SELR!, number), read(...XEVCNTR)]) >>> 0;
    const [all, some] = [value(0), value(1)];
    // The user's instructions and its SVC: what is left without PL1, what is missing without PL0.
    assert.is(filter === 0x8000_0000 ? some : all - some, USER_CODE + 1, `${all} and ${some}`);
  }
});

pmu("C12.5 an overflow raises PPI 23 at its instruction, however slices end", () => {
  const seen = new Set<string>();
  for (const fuel of [1, 7, 1000]) {
    const machine = machineWith();
    machine.write32(0x0800_0000, 1); // GICD_CTLR
    machine.write32(0x0800_0100, 1 << PPI); // GICD_ISENABLER0
    machine.write32(0x0801_0000, 1); // GICC_CTLR
    machine.write32(0x0801_0004, 0xff); // GICC_PMR
    machine.execute([...count(3, CPU_CYCLES), ...set(XEVCNTR, -200), ...set(INTENSET, 8), ...set(PMCR!, E)]);
    // IRQ: mov r9, lr ; b .
    const rom = machine.load32(CONFIG_ROM_OFFSET);
    machine.store32(rom + 0x18, 0xe1a0900e);
    machine.store32(rom + 0x1c, 0xeafffffe);
    for (let n = 0; n < 400; n++) machine.write32(RAM_BASE + 0x4000 + 4 * n, NOP);
    machine.execute([...a32Constant(3, RAM_BASE + 0x4000), 0xf1080080, 0xe12fff13]); // cpsie i ; bx r3
    for (let left = 300; left > 0; left -= fuel) machine.exports.run(Math.min(fuel, left));
    seen.add((machine.load32(CPU_STATE + 36) - RAM_BASE).toString(16));
  }
  assert.is(seen.size, 1, [...seen].join());
  // 200 instructions behind the PMCR write: execute()'s two, four to get here, and of the nops the rest; LR is one behind the next.
  assert.is([...seen][0], (0x4000 + 4 * (200 - 2 - 4) + 4).toString(16));
});

pmu("B4.1.122 the interrupt follows flag, enable and PMCR.E", () => {
  for (const fuel of [1, 1000]) {
    const machine = machineWith();
    machine.write32(0x0800_0000, 1);
    machine.write32(0x0800_0100, 1 << PPI);
    machine.write32(0x0801_0000, 1);
    machine.write32(0x0801_0004, 0xff);
    machine.execute([...count(3, CPU_CYCLES), ...set(XEVCNTR, -200), ...set(INTENSET, 8), ...set(PMCR!, E)]);
    for (let left = 1000; left > 0; left -= fuel) machine.exports.run(fuel);
    machine.tick();
    assert.ok(machine.irqLine);
    assert.is(get(machine, OVSR!), 8);
    machine.execute(set(OVSR!, 8));
    assert.not(machine.irqLine);
    machine.execute(set(OVSSET, 8));
    assert.ok(machine.irqLine, "PMOVSSET");
    machine.execute(set(INTENCLR, 8));
    assert.not(machine.irqLine);
  }
});

pmu("B4.1.124 user mode has them when PMUSERENR.EN is set, and never the interrupts", () => {
  const undefinedOf = (enabled: number, words: number[]): number => {
    const machine = machineWith();
    machine.execute(set(USERENR, enabled));
    machine.execute([0xe321f010]);
    const before = machine.view.getBigUint64(STATS_UNDEFINED, true);
    machine.execute(words);
    return Number(machine.view.getBigUint64(STATS_UNDEFINED, true) - before);
  };
  assert.is(undefinedOf(0, [read(...USERENR)]), 0);
  assert.is(undefinedOf(0, [read(...CCNTR)]), 1);
  assert.is(undefinedOf(1, [read(...CCNTR)]), 0);
  assert.is(undefinedOf(1, [write(...PMCR!)]), 0);
  assert.is(undefinedOf(1, [read(...INTENSET)]), 1);
  assert.is(undefinedOf(1, [write(...USERENR)]), 1);
});

pmu.run();
