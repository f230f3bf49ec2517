// PL061 general purpose I/O and the power key on its pin 3, through the real machine.wasm. Clauses: Arm DDI 0190B.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MODE_DETERMINISTIC, MODE_SCHEDULED } from "../../../../../kernel/abi/layout.js";
import { bareMachine, type BareMachine } from "../../../../support/bare-machine.js";

const pl061 = suite("pl061");
const BASE = 0x0903_0000;
const [DIR, IS, IBE, IEV, IE, RIS, MIS, IC, AFSEL] = [
  0x400, 0x404, 0x408, 0x40c, 0x410, 0x414, 0x418, 0x41c, 0x420,
].map((offset) => BASE + offset) as [number, number, number, number, number, number, number, number, number];
const KEY = 1 << 3;
const PRESS_TICKS = 2.4e6;
/** GPIODATA for an access to these pins. */
const data = (mask: number): number => BASE + (mask << 2);

/** Whether SPI 7 is pending (IHI 0048B 4.3.7, GICD_ISPENDR1). */
function pending(machine: BareMachine): boolean {
  return ((machine.read32(0x0800_0204) >>> 7) & 1) === 1;
}

pl061("§3.3.1 GPIODATA: address bits 9:2 are the mask of a read and of a write; inputs ignore a write", () => {
  const machine = bareMachine();
  machine.write32(DIR, 0xf0);
  machine.write32(data(0xff), 0xff);
  assert.is(machine.read32(data(0xff)), 0xf0, "outputs read as written, unwired inputs are low");
  machine.write32(data(0x30), 0);
  assert.is(machine.read32(data(0xff)), 0xc0);
  assert.is(machine.read32(data(0x40)), 0x40);
  assert.is(machine.read32(data(0)), 0);
  machine.write32(DIR, 0xff);
  assert.is(machine.read32(data(0x0f)), 0x0f, "what was written to an input drives the pin that becomes an output");
});

pl061("§3.3.2 to §3.3.10 eight bits of each register are kept; all are 0 after a reset", () => {
  const machine = bareMachine();
  for (const register of [DIR, IS, IBE, IEV, IE, AFSEL]) {
    machine.write32(register, 0x1_05);
    assert.is(machine.read32(register), 0x05);
  }
  machine.write32(data(0xff), 0xff);
  machine.reset();
  for (const register of [DIR, IS, IBE, IEV, IE, RIS, MIS, AFSEL, data(0xff)]) assert.is(machine.read32(register), 0);
  machine.write32(DIR, 0xff);
  assert.is(machine.read32(data(0xff)), 0);
});

pl061("a guest that does not let the key's pin interrupt does not listen: nothing is pressed", () => {
  const machine = bareMachine();
  machine.write32(IE, 0xff & ~KEY);
  assert.not(machine.pressPowerKey());
  assert.is(machine.read32(data(0xff)), 0);
  machine.write32(IE, KEY);
  assert.ok(machine.pressPowerKey());
  assert.is(machine.read32(data(0xff)), KEY);
});

pl061(
  "§3.3.3 to §3.3.9 an edge latches, the chosen one or both, until it is cleared; MIS and the line need the mask",
  () => {
    for (const [both, event, edges] of [
      [0, KEY, [true, false]],
      [0, 0, [false, true]],
      [KEY, 0, [true, true]],
    ] as const) {
      const machine = bareMachine();
      machine.write32(IBE, both);
      machine.write32(IEV, event);
      machine.write32(IE, KEY);
      machine.pressPowerKey();
      assert.is(machine.read32(RIS), edges[0] ? KEY : 0, `both ${both}, event ${event}: down`);
      assert.is(pending(machine), edges[0]);
      machine.write32(IE, 0);
      assert.is(machine.read32(MIS), 0);
      assert.not(pending(machine));
      machine.write32(IE, KEY);
      machine.write32(IC, 0xff & ~KEY);
      assert.is(machine.read32(MIS), edges[0] ? KEY : 0, "only what is named is cleared");
      machine.write32(IC, KEY);
      assert.is(machine.read32(RIS), 0);
      machine.read32(data(KEY));
      machine.advance(PRESS_TICKS);
      machine.tick();
      assert.is(machine.read32(RIS), edges[1] ? KEY : 0, `both ${both}, event ${event}: up`);
      assert.is(pending(machine), edges[1]);
    }
  },
);

pl061("§3.3.3 a level interrupts for as long as it lasts, and is not cleared", () => {
  const machine = bareMachine();
  machine.write32(IS, KEY);
  machine.write32(IEV, KEY);
  machine.write32(IE, KEY);
  assert.not(pending(machine));
  machine.pressPowerKey();
  machine.write32(IC, 0xff);
  assert.ok(pending(machine));
  machine.write32(IEV, 0);
  assert.not(pending(machine));
  machine.read32(data(KEY));
  machine.advance(PRESS_TICKS);
  machine.tick();
  assert.ok(pending(machine), "low now");
});

pl061("a pin that is an output raises nothing, whatever the key does", () => {
  const machine = bareMachine();
  machine.write32(DIR, KEY);
  machine.write32(IEV, KEY);
  machine.write32(IE, KEY);
  assert.ok(machine.pressPowerKey());
  assert.is(machine.read32(RIS), 0);
  assert.is(machine.read32(data(KEY)), 0);
});

pl061("the key is down until the guest has read its pin, and a tenth of a second at least", () => {
  const machine = bareMachine();
  machine.write32(IE, KEY);
  machine.pressPowerKey();
  machine.read32(data(0xff & ~KEY));
  machine.advance(100 * PRESS_TICKS);
  machine.tick();
  assert.is(machine.deadline, -1, "no reading of the pin: no end");
  assert.is(machine.read32(data(KEY)), KEY, "a slow guest sees it as well");
  machine.tick();
  assert.is(machine.read32(data(KEY)), 0);

  machine.pressPowerKey();
  assert.is(machine.read32(data(KEY)), KEY);
  assert.is(machine.deadline, PRESS_TICKS);
  machine.advance(PRESS_TICKS - 1);
  machine.pressPowerKey();
  machine.tick();
  assert.is(machine.read32(data(KEY)), KEY);
  assert.is(machine.deadline, 1, "pressed while it is down, it does not last longer");
  machine.advance(1);
  machine.tick();
  assert.is(machine.read32(data(KEY)), 0);
  assert.is(machine.deadline, -1);
});

pl061("the end of a press is a deadline in virtual time too, and a reset lets go of the key", () => {
  for (const mode of [MODE_DETERMINISTIC, MODE_SCHEDULED]) {
    const machine = bareMachine({ mode });
    machine.write32(IE, KEY);
    machine.pressPowerKey();
    machine.read32(data(KEY));
    assert.ok(machine.deadline > 0 && machine.deadline <= PRESS_TICKS);
    machine.reset();
    assert.is(machine.read32(data(KEY)), 0);
    assert.is(machine.deadline, -1);
  }
});

pl061("§3.4 identification", () => {
  const machine = bareMachine();
  const ids = Array.from({ length: 8 }, (_, n) => machine.read32(BASE + 0xfe0 + n * 4));
  assert.equal(ids, [0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1]);
});

pl061.run();
