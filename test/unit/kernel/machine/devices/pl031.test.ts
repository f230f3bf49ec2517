// PL031 real-time clock, through the real machine.wasm. Clauses: Arm DDI 0224C.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { bareMachine } from "../../../../support/bare-machine.js"; // a machine with no guest, and a clock that the test turns

const pl031 = suite("pl031");
const BASE = 0x0901_0000;
const [DR, MR, LR, IMSC, MIS, ICR] = [0x00, 0x04, 0x08, 0x10, 0x18, 0x1c];

pl031("§3.3.1 the data register follows the host's seconds from the loaded value", () => {
  const machine = bareMachine({ hostSeconds: 1_000 });
  machine.write32(BASE + LR, 5_000);
  machine.hostSeconds += 60;
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

pl031.run();
