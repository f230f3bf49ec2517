// virtio balloon through the real machine.wasm. Clauses: VIRTIO 1.2 §5.5.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CONFIG_BALLOON_PAGES, VIRTIO_SLOT_BYTES, VIRTIO_STATE } from "../../../../../../kernel/abi/layout.js";
import { bareMachine } from "../../../../../support/bare-machine.js";
import { NEEDS_RESET, VirtioDriver } from "../../../../../support/virtio-driver.js";

const balloon = suite("virtio/balloon");
const DATA = 0x4001_0000;
const OWN = VIRTIO_STATE + 3 * VIRTIO_SLOT_BYTES + 0x40;

function started() {
  const machine = bareMachine();
  const driver = new VirtioDriver(machine, 3);
  const [inflate, deflate] = driver.start([
    { index: 0, size: 8 },
    { index: 1, size: 8 },
  ]);
  return { machine, driver, inflate: inflate!, deflate: deflate! };
}
const pages = (numbers: number[]) => new Uint8Array(Uint32Array.from(numbers).buffer);

balloon("§5.5.6 a changed wish is a configuration change: a new generation, an interrupt, the new number", () => {
  const { machine, driver } = started();
  assert.is(driver.read(0x100), 0);
  const generation = driver.read(0x0fc);
  machine.store32(CONFIG_BALLOON_PAGES, 100);
  assert.is(driver.read(0x100), 0, "not before the machine has looked");
  machine.tick();
  assert.is(driver.read(0x100), 100);
  assert.is.not(driver.read(0x0fc), generation);
  assert.is(driver.interruptStatus, 2);
  assert.ok(driver.line);
  driver.acknowledge();
  machine.tick();
  assert.not(driver.line, "once");
});

balloon("§5.5.4 `actual` is the guest's, num_pages is not", () => {
  const { machine, driver } = started();
  driver.write(0x104, 42);
  driver.write(0x100, 7);
  assert.is(driver.read(0x104), 42);
  assert.is(driver.read(0x100), 0);
  assert.is(machine.load32(OWN + 4), 42, "where the host reads it");
});

balloon("§5.5.6 pages in RAM count, others do not, and no guest memory changes", () => {
  const { machine, inflate, deflate } = started();
  machine.writeRam(DATA, pages([0x40010, 0x40011, 0x400ff, 0x40100, 0, 0x3ffff, 0xf_ffff, 0xffff_ffff]));
  const before = machine.readRam(DATA, 0x1000);
  inflate.offer([{ address: DATA, length: 32 }]);
  inflate.kick();
  assert.equal(inflate.used(), [{ id: 0, length: 0 }]);
  assert.is(machine.load32(OWN + 8), 3);
  deflate.offer([{ address: DATA, length: 7 }]);
  deflate.kick();
  assert.is(machine.load32(OWN + 12), 1, "half a number is no number");
  assert.equal(machine.readRam(DATA, 0x1000), before);
});

balloon("a list longer than the device's limit is refused: work is bounded", () => {
  const { driver, inflate } = started();
  inflate.offer([{ address: DATA, length: 2048 }]);
  inflate.kick();
  assert.not(driver.status & NEEDS_RESET);
  inflate.offer([{ address: DATA, length: 2049 }]);
  inflate.kick();
  assert.ok(driver.status & NEEDS_RESET);
});

balloon.run();
