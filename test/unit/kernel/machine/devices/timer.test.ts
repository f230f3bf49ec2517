// The generic timer as the machine sees it from outside: deadlines and interrupt lines. The registers live in CP15 c14, so tests
// set them in the state block; the guest tests reach them through MCR and MCRR. Clauses: ARM DDI 0406C.

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
