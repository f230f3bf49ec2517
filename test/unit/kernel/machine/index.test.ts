// debugStep(): one instruction, whatever interrupt is pending.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  CPU_CONTROL,
  CPU_PC,
  CPU_STATE,
  MODE_REALTIME,
  RAM_BASE,
  STATS_INTERRUPTS,
  WORK_OWED,
} from "../../../../kernel/abi/layout.js";
import { bareMachine, type BareMachine } from "../../../support/bare-machine.js";

const DISTRIBUTOR = 0x0800_0000;
const CPU_INTERFACE = 0x0801_0000;
/** GICD_SGIR: to the requester itself (IHI 0048B 4.3.15), interrupt 3. */
const SGI = (2 << 24) | 3;
const ADD = 0xe2800001; // add r0, r0, #1
const ACKNOWLEDGE = 0xe5912000; // ldr r2, [r1]
const UNMASKED = 0x13;

/** A CPU with interrupts on, at code that counts in r0, and an interrupt that is pending. */
function interrupted(code: number[]): BareMachine {
  const machine = bareMachine();
  code.forEach((word, n) => machine.write32(RAM_BASE + 4 * n, word));
  machine.write32(DISTRIBUTOR, 1);
  machine.write32(CPU_INTERFACE, 1);
  machine.write32(CPU_INTERFACE + 4, 0xff);
  machine.store32(CPU_CONTROL, UNMASKED);
  machine.store32(CPU_STATE + 4, CPU_INTERFACE + 0xc);
  machine.write32(DISTRIBUTOR + 0xf00, SGI);
  assert.ok(machine.irqLine);
  return machine;
}

const steps = suite("debugStep");

steps("leaves a pending interrupt pending, and run() takes it", () => {
  const machine = interrupted(Array<number>(8).fill(ADD));
  for (let n = 1; n <= 5; n++) {
    machine.exports.debugStep();
    assert.equal([machine.load32(CPU_STATE), machine.load32(CPU_PC)], [n, RAM_BASE + 4 * n]);
    assert.ok(machine.irqLine, "it is pending as before");
    assert.is(machine.load32(CPU_CONTROL), UNMASKED, "and the guest sees no mask");
  }
  assert.is(machine.load32(STATS_INTERRUPTS), 0);
  machine.exports.run(1);
  assert.equal([machine.load32(STATS_INTERRUPTS), machine.load32(CPU_STATE)], [1, 5]);
});

steps("a debugger's looks and steps cost the guest nothing, and its next instruction is the next step", () => {
  const machine = bareMachine({ mode: MODE_REALTIME });
  [ADD, 0xe59f1000, ACKNOWLEDGE, CPU_INTERFACE].forEach((word, n) => machine.write32(RAM_BASE + 4 * n, word));
  assert.is(machine.load32(WORK_OWED), 0, "a machine that has just been made owes nothing");
  for (let n = 1; n <= 3; n++) {
    machine.exports.debugAddress(RAM_BASE + 0x4000 * n);
    assert.is(machine.load32(WORK_OWED), 0);
    machine.exports.debugStep();
    assert.is(machine.instructions, BigInt(n));
    assert.is(machine.load32(WORK_OWED), 0);
  }
  assert.is(machine.work, 0n);
});

steps("an instruction that takes the interrupt from the GIC has taken it", () => {
  const machine = interrupted([ACKNOWLEDGE, ADD]);
  machine.exports.debugStep();
  assert.is(machine.load32(CPU_STATE + 8) & 0x3ff, 3, "GICC_IAR");
  assert.not(machine.irqLine);
});

steps.run();
