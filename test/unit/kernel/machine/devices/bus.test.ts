// The bus: who answers where, and who does not. Map: kernel/machine/memory-map; access rules: kernel/machine/devices/bus.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DEVICE_WATCHDOG } from "../../../../../kernel/abi/layout.js";
import { bareMachine } from "../../../../support/bare-machine.js";

const bus = suite("bus");

bus("an address outside every window faults, read or written, at every size; the next good access clears it", () => {
  const machine = bareMachine();
  for (const address of [
    0x0800_1000, 0x0801_2000, 0x0802_0000, 0x0900_1000, 0x0901_1000, 0x0903_1000, 0x090d_1000, 0x0a00_4000, 0x3f00_0000,
    0xffff_fffc,
  ]) {
    for (const access of [
      machine.read8,
      machine.read16,
      machine.read32,
      machine.write8,
      machine.write16,
      machine.write32,
    ]) {
      access.call(machine, address, 0xffff_ffff);
      assert.ok(machine.faulted, `${access.name} at 0x${address.toString(16)}`);
    }
  }
  machine.read32(0x0900_0018);
  assert.not(machine.faulted);
});

bus("an optional device that is not configured faults; a virtio slot without a device reads as DeviceID 0", () => {
  const machine = bareMachine({ devices: 0 });
  machine.read32(0x090d_0000);
  assert.ok(machine.faulted);
  machine.write32(0x090d_0000, 1);
  assert.ok(machine.faulted);
  machine.read32(0x0a00_0000 + 32 * 0x200);
  assert.ok(machine.faulted, "there is no slot 32");
  for (let slot = 0; slot < 32; slot++) {
    const base = 0x0a00_0000 + slot * 0x200;
    assert.is(machine.read32(base), 0x74726976);
    assert.is(machine.read32(base + 4), 2);
    assert.is(machine.read32(base + 8), 0);
    machine.write32(base + 0x70, 1);
    assert.is(machine.read32(base + 0x70), 0);
    assert.is(machine.read32(base + 0x100), 0);
    assert.not(machine.faulted);
  }
  assert.is(bareMachine({ devices: DEVICE_WATCHDOG }).read32(0x090d_0000), 0xffff_ffff);
});

bus("a PrimeCell's word comes by lanes; a write to an upper lane is ignored", () => {
  const machine = bareMachine();
  machine.write32(0x0901_0004, 0x1234_5678); // RTCMR
  assert.equal(
    [0, 1, 2, 3].map((n) => machine.read8(0x0901_0004 + n)),
    [0x78, 0x56, 0x34, 0x12],
  );
  assert.is(machine.read16(0x0901_0006), 0x1234);
  machine.write8(0x0901_0005, 0xff);
  assert.is(machine.read32(0x0901_0004), 0x1234_5678);
});

bus("unknown offsets inside a window read zero and ignore writes", () => {
  const machine = bareMachine();
  for (const address of [0x0800_0fa0, 0x0801_1800, 0x0900_0800, 0x0901_0800, 0x0903_0800, 0x090d_0800]) {
    machine.write32(address, 0xffff_ffff);
    assert.not(machine.faulted);
    assert.is(machine.read32(address), 0);
    assert.not(machine.faulted);
  }
});

bus("a PCIe host bridge with nothing behind it reads ones and takes writes, as on QEMU's virt", () => {
  const machine = bareMachine();
  for (const address of [0x1000_0000, 0x3eff_0000, 0x3eff_fffc]) {
    machine.write32(address, 0);
    assert.not(machine.faulted);
    assert.is(machine.read32(address), 0xffff_ffff);
    assert.is(machine.read16(address), 0xffff);
    assert.is(machine.read8(address), 0xff);
    assert.not(machine.faulted);
  }
});

bus.run();
