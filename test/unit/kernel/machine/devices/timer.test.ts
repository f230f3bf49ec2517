// The generic timer. Its registers live in CP15 c14, so that the tests of registers execute MCR, MRC, MCRR and MRRC; the tests of lines
// and deadlines set the state block. Clauses: ARM DDI 0406C.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CLOCK_STATE, MODE_DETERMINISTIC, TIMER_STATE } from "../../../../../kernel/abi/layout.js";
import { type BareMachine, bareMachine } from "../../../../support/bare-machine.js";

const timer = suite("timer");
const ISPENDR = 0x0800_0200;
const VIRTUAL = 27;
const PHYSICAL = 30;
const pending = (machine: BareMachine, intid: number) => (machine.read32(ISPENDR) >>> intid) & 1;

function setTimer(machine: BareMachine, which: "physical" | "virtual", compare: number, control: number): void {
  const physical = which === "physical";
  machine.view.setBigUint64(TIMER_STATE + (physical ? 0 : 8), BigInt(compare), true);
  machine.store32(TIMER_STATE + (physical ? 16 : 20), control);
}

// CP15 c14 (B4.1, table B3-39): the opc2 and CRm of each 32-bit register, the opc1 of each 64-bit one.
const [CNTFRQ, CNTKCTL, CNTP_TVAL, CNTP_CTL, CNTV_TVAL, CNTV_CTL] = [0x00, 0x01, 0x02, 0x12, 0x03, 0x13].map(
  (code) => ((code >>> 4) << 5) | (code & 15),
) as [number, number, number, number, number, number];
const [CNTPCT, CNTVCT, CNTP_CVAL, CNTV_CVAL] = [0, 1, 2, 3];

/** movw and movt of a constant. */
function constant(register: number, value: number): number[] {
  const half = (opcode: number, bits: number) =>
    (opcode | ((bits >>> 12) << 16) | (register << 12) | (bits & 0xfff)) >>> 0;
  return [half(0xe300_0000, value & 0xffff), half(0xe340_0000, value >>> 16)];
}
const read = (machine: BareMachine, register: number) => machine.execute([(0xee1e_0f10 | register) >>> 0]);
const write = (machine: BareMachine, register: number, value: number) =>
  machine.execute([...constant(0, value), (0xee0e_0f10 | register) >>> 0]);
function read64(machine: BareMachine, register: number): bigint {
  const low = machine.execute([(0xec52_0f0e | (register << 4)) >>> 0]); // mrrc p15, n, r0, r2, c14
  const high = machine.execute([0xe1a0_0002]); // mov r0, r2
  return (BigInt(high) << 32n) | BigInt(low);
}
const write64 = (machine: BareMachine, register: number, value: bigint) =>
  machine.execute([
    ...constant(0, Number(value & 0xffff_ffffn)),
    ...constant(2, Number(value >> 32n)),
    (0xec42_0f0e | (register << 4)) >>> 0,
  ]);

timer("B8.1.1 CNTFRQ is 24 MHz, whatever is written to it, and the counter runs at that rate", () => {
  const machine = bareMachine();
  assert.is(read(machine, CNTFRQ), 24_000_000);
  write(machine, CNTFRQ, 62_500_000);
  assert.is(read(machine, CNTFRQ), 24_000_000);
  const before = read64(machine, CNTVCT);
  machine.advance(1000);
  const passed = Number(read64(machine, CNTVCT) - before);
  assert.ok(Math.abs(passed - 1000) <= 1, `${passed} ticks`);
});

timer("B8.1.2, B8.1.3 both counters are one: CNTVOFF is zero", () => {
  const machine = bareMachine();
  machine.advance(0x1_2345_6789);
  const physical = read64(machine, CNTPCT);
  assert.ok(physical - 0x1_2345_6789n <= 1n && physical >= 0x1_2345_6788n);
  assert.is(read64(machine, CNTVCT), physical);
});

timer("B8.1.4 CVAL is 64 bits wide, and TVAL is its signed distance from the counter", () => {
  for (const [tval, cval, count] of [
    [CNTP_TVAL, CNTP_CVAL, CNTPCT],
    [CNTV_TVAL, CNTV_CVAL, CNTVCT],
  ] as const) {
    const machine = bareMachine();
    machine.advance(1_000_000);
    write64(machine, cval, 0xfedc_ba98_7654_3210n);
    assert.is(read64(machine, cval), 0xfedc_ba98_7654_3210n);
    const now = read64(machine, count);
    write(machine, tval, 5000);
    assert.is(read64(machine, cval), now + 5000n);
    machine.advance(2000);
    const left = read(machine, tval);
    assert.ok(Math.abs(left - 3000) <= 1, `${left} left`);
    write(machine, tval, 0xffff_fff6); // -10
    assert.is(read64(machine, cval), read64(machine, count) - 10n);
    assert.is(read(machine, tval), 0xffff_fff6);
  }
});

timer(
  "B4.1 (CNTP_CTL, CNTV_CTL) ISTATUS is live, ignores IMASK, is zero while disabled; a write moves the line at once",
  () => {
    for (const [control, tval, intid] of [
      [CNTP_CTL, CNTP_TVAL, PHYSICAL],
      [CNTV_CTL, CNTV_TVAL, VIRTUAL],
    ] as const) {
      const machine = bareMachine();
      write(machine, tval, 100);
      write(machine, control, 0xffff_fffb); // ENABLE, IMASK; ISTATUS is read-only
      assert.is(read(machine, control), 3);
      machine.advance(101);
      assert.is(read(machine, control), 7);
      assert.is(pending(machine, intid), 0);
      write(machine, control, 1);
      assert.is(pending(machine, intid), 1);
      assert.is(read(machine, control), 5);
      write(machine, tval, 100);
      assert.is(pending(machine, intid), 0);
      assert.is(read(machine, control), 1);
      write(machine, tval, 0xffff_ffff);
      assert.is(pending(machine, intid), 1, "a compare value in the past fires at once");
      write(machine, control, 0);
      assert.is(pending(machine, intid), 0);
      assert.is(read(machine, control), 0);
    }
  },
);

timer("B4.1 (CNTKCTL) holds its defined bits", () => {
  const machine = bareMachine();
  write(machine, CNTKCTL, 0xffff_ffff);
  assert.is(read(machine, CNTKCTL), 0x3ff);
});

timer("B8.1 the condition is counter >= compare; each timer has its own PPI", () => {
  for (const [which, intid, other] of [
    ["physical", PHYSICAL, VIRTUAL],
    ["virtual", VIRTUAL, PHYSICAL],
  ] as const) {
    const machine = bareMachine();
    setTimer(machine, which, 24_000, 1);
    machine.tick();
    assert.is(pending(machine, intid), 0);
    machine.advance(23_999);
    machine.tick();
    assert.is(pending(machine, intid), 0);
    machine.advance(2);
    machine.tick();
    assert.is(pending(machine, intid), 1);
    assert.is(pending(machine, other), 0);
    setTimer(machine, which, 1_000_000, 1);
    machine.tick();
    assert.is(pending(machine, intid), 0, "a later compare value lowers the line");
  }
});

timer("B4.1 (CNTV_CTL) a masked or disabled timer raises nothing and sets no deadline", () => {
  for (const control of [0, 2, 3]) {
    const machine = bareMachine();
    setTimer(machine, "virtual", 1000, control);
    assert.is(machine.deadline, -1);
    machine.advance(2000);
    machine.tick();
    assert.is(pending(machine, VIRTUAL), 0);
  }
});

timer(
  "the deadline is the nearest compare value; 0 once it has come, until a look has raised the line; then the next",
  () => {
    const machine = bareMachine();
    setTimer(machine, "virtual", 5000, 1);
    setTimer(machine, "physical", 3000, 1);
    assert.is(machine.deadline, 3000);
    machine.advance(1200);
    const left = machine.deadline;
    assert.ok(Math.abs(left - 1800) <= 1, `1800 left, got ${left}`);
    machine.advance(1900);
    assert.is(machine.deadline, 0, "a host that asks late does not sleep through it");
    machine.tick();
    assert.ok(Math.abs(machine.deadline - 1900) <= 1);
    machine.advance(2000);
    assert.is(machine.deadline, 0);
    machine.tick();
    assert.is(machine.deadline, -1);
  },
);

timer("compare values are unsigned: 2^64 - 1 never comes", () => {
  const machine = bareMachine();
  machine.view.setBigUint64(TIMER_STATE + 8, 2n ** 64n - 1n, true);
  machine.store32(TIMER_STATE + 20, 1);
  machine.advance(24e6 * 3600);
  machine.tick();
  assert.is(pending(machine, VIRTUAL), 0);
  assert.ok(machine.deadline > 1e18);
});

timer("deterministic: the counter is a function of the instruction count alone", () => {
  const machine = bareMachine({ mode: MODE_DETERMINISTIC });
  setTimer(machine, "virtual", 24, 1);
  machine.advance(1e6);
  machine.tick();
  assert.is(pending(machine, VIRTUAL), 0, "host time does not count");
  machine.view.setBigUint64(CLOCK_STATE, 99n, true);
  machine.tick();
  assert.is(pending(machine, VIRTUAL), 0);
  machine.view.setBigUint64(CLOCK_STATE, 100n, true);
  machine.tick();
  assert.is(pending(machine, VIRTUAL), 1, "100 instructions are 24 ticks");
});

timer.run();
