// PL031 real-time clock, through the real machine.wasm. Clauses: Arm DDI 0224C.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MODE_DETERMINISTIC } from "../../../../../kernel/abi/layout.js";
import { bareMachine } from "../../../../support/bare-machine.js";

const pl031 = suite("pl031");
const BASE = 0x0901_0000;
const [DR, MR, LR, CR, IMSC, RIS, MIS, ICR] = [0x00, 0x04, 0x08, 0x0c, 0x10, 0x14, 0x18, 0x1c];

pl031("§3.3.1 the data register follows the host's seconds from the loaded value", () => {
  const machine = bareMachine({ hostSeconds: 1_000 });
  assert.is(machine.read32(BASE + DR), 1_000);
  machine.write32(BASE + LR, 5_000);
  machine.hostSeconds += 60;
  assert.is(machine.read32(BASE + DR), 5_060);
  assert.is(machine.read32(BASE + LR), 5_060);
  machine.write32(BASE + DR, 1);
  assert.is(machine.read32(BASE + DR), 5_060);
});

pl031("§3.3.2 an alarm that fell due while the partition was paused fires once, on resume", () => {
  const machine = bareMachine({ hostSeconds: 1_000 });
  machine.write32(BASE + MR, 1_010);
  machine.write32(BASE + IMSC, 1);
  machine.pause();
  machine.hostSeconds = 9_000;
  machine.resume();
  assert.is(machine.read32(BASE + MIS), 1);
  machine.write32(BASE + ICR, 1);
  machine.tick();
  assert.is(machine.read32(BASE + MIS), 0);
});

pl031("§3.3.2 the alarm fires in its second, not before; RIS does not need the mask, MIS and the line do", () => {
  const machine = bareMachine({ hostSeconds: 1_000 });
  machine.write32(BASE + MR, 1_003);
  machine.hostSeconds = 1_002;
  machine.tick();
  assert.is(machine.read32(BASE + RIS), 0);
  machine.hostSeconds = 1_003;
  machine.tick();
  assert.is(machine.read32(BASE + RIS), 1);
  assert.is(machine.read32(BASE + MIS), 0);
  assert.is((machine.read32(0x0800_0204) >>> 2) & 1, 0);
  machine.write32(BASE + IMSC, 1);
  assert.is((machine.read32(0x0800_0204) >>> 2) & 1, 1);
});

pl031("§3.3.2 a match with the running second fires, one with a past second does not", () => {
  const machine = bareMachine({ hostSeconds: 1_000 });
  machine.hostSeconds = 2_000;
  machine.write32(BASE + MR, 1_500);
  machine.tick();
  assert.is(machine.read32(BASE + RIS), 0);
  machine.write32(BASE + MR, 2_000);
  assert.is(machine.read32(BASE + RIS), 1);
});

pl031("the host's clock set back lets the alarm wait for its second again", () => {
  const machine = bareMachine({ hostSeconds: 5_000 });
  machine.write32(BASE + MR, 4_500);
  machine.hostSeconds = 4_000;
  machine.tick();
  assert.is(machine.read32(BASE + RIS), 0);
  machine.hostSeconds = 4_501;
  machine.tick();
  assert.is(machine.read32(BASE + RIS), 1);
});

pl031("the counter wraps at 2^32 and the alarm with it", () => {
  const machine = bareMachine({ hostSeconds: 10 });
  machine.write32(BASE + LR, 0xffff_fffe);
  machine.write32(BASE + MR, 1);
  machine.hostSeconds += 2;
  machine.tick();
  assert.is(machine.read32(BASE + DR), 0);
  assert.is(machine.read32(BASE + RIS), 0);
  machine.hostSeconds += 1;
  machine.tick();
  assert.is(machine.read32(BASE + RIS), 1);
});

pl031("the machine's deadline is the start of the alarm's second, and only when it can interrupt", () => {
  const machine = bareMachine({ hostSeconds: 1_000 });
  machine.write32(BASE + MR, 1_002);
  assert.is(machine.deadline, -1);
  machine.write32(BASE + IMSC, 1);
  assert.is(machine.deadline, 48e6);
  machine.advance(30e6);
  assert.is(machine.deadline, 18e6);
  machine.advance(18e6);
  assert.is(machine.deadline, 0, "due, and not looked at yet");
  machine.tick();
  assert.is(machine.read32(BASE + MIS), 1);
  assert.is(machine.deadline, -1);
});

pl031("a reset keeps the time of day, however long the guest ran, and drops the alarm", () => {
  for (const mode of [0, MODE_DETERMINISTIC]) {
    const machine = bareMachine({ hostSeconds: 1_000, mode });
    machine.write32(BASE + LR, 7_000);
    machine.write32(BASE + IMSC, 1);
    if (mode === 0) machine.hostSeconds += 100;
    machine.reset();
    assert.is(machine.read32(BASE + DR), mode === 0 ? 7_100 : 7_000);
    assert.is(machine.read32(BASE + IMSC), 0);
  }
});

pl031("§3.3.4 enabled for good; §3.4 identification", () => {
  const machine = bareMachine();
  machine.write32(BASE + CR, 0);
  assert.is(machine.read32(BASE + CR), 1);
  const ids = Array.from({ length: 8 }, (_, n) => machine.read32(BASE + 0xfe0 + n * 4));
  assert.equal(ids, [0x31, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1]);
});

pl031.run();
