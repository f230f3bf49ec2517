// SP805 watchdog through the real machine.wasm. Clauses: Arm DDI 0270B.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { RUN_WATCHDOG } from "../../../../../kernel/abi/reasons.js";
import { type BareMachine, bareMachine } from "../../../../support/bare-machine.js";

const sp805 = suite("sp805");
const BASE = 0x090d_0000;
const [LOAD, VALUE, CONTROL, INTCLR, RIS, MIS, LOCK] = [0x000, 0x004, 0x008, 0x00c, 0x010, 0x014, 0xc00];
const UNLOCK = 0x1acce551;
const read = (machine: BareMachine, offset: number) => machine.read32(BASE + offset);
const write = (machine: BareMachine, offset: number, value: number) => machine.write32(BASE + offset, value);
const line = (machine: BareMachine) => (machine.read32(0x0800_0204) >>> 10) & 1;
/** Lets time pass, then looks. One tick more than asked, for the nanosecond rounding. */
function wait(machine: BareMachine, ticks: number): void {
  machine.advance(ticks + 1);
  machine.tick();
}

sp805("§3.2 reset values and identification", () => {
  const machine = bareMachine();
  assert.is(read(machine, LOAD), 0xffff_ffff);
  assert.is(read(machine, VALUE), 0xffff_ffff);
  assert.is(read(machine, CONTROL), 0);
  assert.is(read(machine, LOCK), 0);
  const ids = Array.from({ length: 8 }, (_, n) => read(machine, 0xfe0 + n * 4));
  assert.equal(ids, [0x05, 0x18, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1]);
});

sp805("§3.3.2 the value runs down at 24 MHz while INTEN is set, and stands still otherwise", () => {
  const machine = bareMachine();
  write(machine, LOAD, 100_000);
  machine.advance(500);
  assert.is(read(machine, VALUE), 100_000);
  write(machine, CONTROL, 1);
  machine.advance(40_000);
  assert.ok(Math.abs(read(machine, VALUE) - 60_000) <= 1);
  write(machine, CONTROL, 0);
  const stopped = read(machine, VALUE);
  machine.advance(500_000);
  assert.is(read(machine, VALUE), stopped);
  write(machine, CONTROL, 1);
  assert.is(read(machine, VALUE), 100_000, "§3.3.3: enabled again, it starts from WDOGLOAD");
});

sp805("§2.2 the first expiry interrupts, an unanswered second one resets; never before its time", () => {
  const machine = bareMachine();
  write(machine, LOAD, 24_000);
  write(machine, CONTROL, 3);
  wait(machine, 23_900);
  assert.is(line(machine), 0);
  wait(machine, 100);
  assert.is(line(machine), 1);
  assert.is(read(machine, RIS), 1);
  assert.is(read(machine, MIS), 1);
  assert.is(machine.takeExit(), 0);
  wait(machine, 23_900);
  assert.is(machine.takeExit(), 0);
  wait(machine, 200);
  assert.is(machine.takeExit(), RUN_WATCHDOG);
});

sp805("§3.3.4 WDOGINTCLR answers: the line falls and a whole period begins", () => {
  const machine = bareMachine();
  write(machine, LOAD, 24_000);
  write(machine, CONTROL, 3);
  for (let n = 0; n < 5; n++) {
    wait(machine, 24_100);
    assert.is(line(machine), 1);
    write(machine, INTCLR, 0x5555);
    assert.is(line(machine), 0);
    assert.is(read(machine, VALUE), 24_000);
  }
  assert.is(machine.takeExit(), 0);
});

sp805("§3.3.3 without RESEN a second expiry does nothing more", () => {
  const machine = bareMachine();
  write(machine, LOAD, 24_000);
  write(machine, CONTROL, 1);
  for (let n = 0; n < 4; n++) wait(machine, 25_000);
  assert.is(line(machine), 1);
  assert.is(machine.takeExit(), 0);
});

sp805("a partition that was paused for an hour is interrupted, not reset, and has a whole period to answer", () => {
  const machine = bareMachine();
  write(machine, LOAD, 24_000);
  write(machine, CONTROL, 3);
  machine.pause();
  machine.hostSeconds += 3600;
  machine.resume();
  assert.is(machine.takeExit(), 0);
  assert.is(line(machine), 1);
  wait(machine, 23_900);
  assert.is(machine.takeExit(), 0);
  wait(machine, 200);
  assert.is(machine.takeExit(), RUN_WATCHDOG);
});

sp805("§3.3.7 the lock: only 0x1acce551 opens it; closed, registers are read-only", () => {
  const machine = bareMachine();
  write(machine, LOCK, 0);
  assert.is(read(machine, LOCK), 1);
  write(machine, LOAD, 5);
  write(machine, CONTROL, 3);
  assert.is(read(machine, LOAD), 0xffff_ffff);
  assert.is(read(machine, CONTROL), 0);
  write(machine, LOCK, UNLOCK);
  assert.is(read(machine, LOCK), 0);
  write(machine, LOAD, 5);
  assert.is(read(machine, LOAD), 5);
});

sp805("the machine's deadline is the end of the period", () => {
  const machine = bareMachine();
  assert.is(machine.deadline, -1);
  write(machine, LOAD, 24_000);
  write(machine, CONTROL, 1);
  assert.is(machine.deadline, 24_000);
  machine.advance(23_000);
  assert.ok(Math.abs(machine.deadline - 1000) <= 1);
  machine.advance(2000);
  assert.is(machine.deadline, 0, "due, and not looked at yet");
});

sp805("§3.3.1 a load value of zero interrupts at once and does no harm", () => {
  const machine = bareMachine();
  write(machine, LOAD, 0);
  write(machine, CONTROL, 1);
  machine.tick();
  assert.is(line(machine), 1);
  assert.is(read(machine, VALUE), 0);
});

sp805("a reset stops it", () => {
  const machine = bareMachine();
  write(machine, LOAD, 100);
  write(machine, CONTROL, 3);
  machine.reset();
  wait(machine, 1000);
  assert.is(line(machine), 0);
  assert.is(machine.deadline, -1);
});

sp805.run();
