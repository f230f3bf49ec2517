// CFI flash through the real machine.wasm: two banks of two 16-bit chips each. JESD68.01 for the query, JEP137 command set 0001, and the commands of
// Intel's StrataFlash J3 data sheet.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  CONFIG_BANK1_OFFSET,
  CONFIG_ROM_OFFSET,
  DEVICE_FLASH,
  FLASH_WRITTEN,
} from "../../../../../kernel/abi/layout.js";
import { RUN_IO } from "../../../../../kernel/abi/reasons.js";
import { bareMachine, type BareMachine } from "../../../../support/bare-machine.js";

const flash = suite("flash");
const BANK1 = 0x0400_0000;
const BLOCK = 0x4_0000;
const READY = 0x0080_0080;
const ERASED = 0xffff_ffff;

/** Two blocks and a half behind bank 1, erased, and 64 KiB behind bank 0. */
function machineWithFlash(): BareMachine {
  const machine = bareMachine({ romBytes: 0x1_0000, bank1Bytes: 0xa_0000, devices: DEVICE_FLASH });
  machine.bytes.fill(0xff, machine.load32(CONFIG_ROM_OFFSET), machine.load32(CONFIG_BANK1_OFFSET) + 0xa_0000);
  return machine;
}
/** A command to both chips. */
const both = (command: number): number => (command << 16) | command;
const command = (machine: BareMachine, value: number, at = BANK1): void => machine.write32(at, both(value) >>> 0);

function program(machine: BareMachine, at: number, value: number, status = READY): void {
  command(machine, 0x40, at);
  machine.write32(at, value);
  assert.is(machine.read32(at), status, "status follows");
  command(machine, 0xff, at);
}

flash("without the device the window is ROM: stores do nothing, and there is no second bank", () => {
  const machine = bareMachine({ romBytes: 0x1_0000, devices: 0 });
  machine.write32(0, both(0x90));
  assert.is(machine.read32(0), 0);
  assert.not(machine.faulted);
  machine.read32(BANK1);
  assert.ok(machine.faulted);
});

flash("JESD68.01: 98 at any address, then QRY, command set 0001, geometry; FF reads the array again", () => {
  const machine = machineWithFlash();
  command(machine, 0x98, BANK1 + 0x55 * 4);
  const word = (index: number): number => machine.read32(BANK1 + index * 4);
  assert.equal([0x10, 0x11, 0x12].map(word), [both(0x51), both(0x52), both(0x59)]);
  assert.equal([word(0x13), word(0x15)], [both(1), both(0x31)]);
  assert.is(word(0x27), both(25), "32 MiB a chip");
  // One region: 256 blocks of 512 × 256 bytes a chip.
  assert.equal([0x2c, 0x2d, 0x2e, 0x2f, 0x30].map(word), [both(1), ERASED & both(0xff), 0, 0, both(2)]);
  assert.equal([0x31, 0x32, 0x33].map(word), [both(0x50), both(0x52), both(0x49)]);
  command(machine, 0xff);
  assert.is(word(0x10), ERASED);
});

flash("90 gives manufacturer, device, and a block's lock", () => {
  const machine = machineWithFlash();
  command(machine, 0x90);
  assert.equal([machine.read32(BANK1), machine.read32(BANK1 + 4)], [both(0x89), both(0x18)]);
  assert.is(machine.read32(BANK1 + BLOCK + 8), 0);
  command(machine, 0x60, BANK1 + BLOCK);
  command(machine, 0x01, BANK1 + BLOCK);
  command(machine, 0x90);
  assert.equal([machine.read32(BANK1 + 8), machine.read32(BANK1 + BLOCK + 8)], [0, both(1)]);
});

flash("40 programs: bits become 0 and none becomes 1; 20 D0 erases the block, and only it", () => {
  const machine = machineWithFlash();
  program(machine, BANK1 + 0x100, 0x1234_5678);
  assert.is(machine.read32(BANK1 + 0x100), 0x1234_5678);
  program(machine, BANK1 + 0x100, 0xff00_ff00);
  assert.is(machine.read32(BANK1 + 0x100), 0x1200_5600);
  program(machine, BANK1 + BLOCK, 0);
  command(machine, 0x20, BANK1 + 0x40);
  command(machine, 0xd0, BANK1 + 0x40);
  assert.is(machine.read32(BANK1), READY);
  command(machine, 0xff);
  assert.equal([machine.read32(BANK1 + 0x100), machine.read32(BANK1 + BLOCK)], [ERASED, 0]);
});

flash("E8 writes a buffer: so many words, in any order inside it, D0 at the end", () => {
  const machine = machineWithFlash();
  const at = BANK1 + 0x800;
  command(machine, 0xe8, at);
  assert.is(machine.read32(at), READY, "the buffer is free");
  machine.write32(at, both(2));
  [at, at + 8, at + 4].forEach((address, n) => machine.write32(address, 0x1111_1111 * (n + 1)));
  command(machine, 0xd0, BANK1 + BLOCK);
  assert.is(machine.read32(at), READY, "confirmed at any address");
  command(machine, 0xff, at);
  assert.equal([0, 4, 8, 12].map((offset) => machine.read32(at + offset)), [0x1111_1111, 0x3333_3333, 0x2222_2222, ERASED]); // prettier-ignore
});

flash("what is wrong is in the status register until 50 clears it: sequence, lock, nothing behind the flash", () => {
  const machine = machineWithFlash();
  const status = (): number => {
    command(machine, 0x70);
    const value = machine.read32(BANK1);
    command(machine, 0x50);
    command(machine, 0xff);
    return value;
  };
  command(machine, 0x20);
  command(machine, 0x40);
  assert.is(status(), both(0xb0), "20 without D0: SR.5 and SR.4");
  command(machine, 0xe8);
  machine.write32(BANK1, both(200));
  assert.is(status(), both(0xb0), "more words than the buffer has");
  command(machine, 0xe8);
  machine.write32(BANK1, both(0));
  machine.write32(BANK1, 0);
  command(machine, 0x55);
  assert.is(status(), both(0xb0), "no confirmation");
  command(machine, 0x60);
  command(machine, 0x01);
  program(machine, BANK1, 0, both(0x92));
  assert.is(status(), both(0x92), "SR.4 and SR.1: locked");
  assert.is(machine.read32(BANK1), ERASED);
  command(machine, 0x60);
  command(machine, 0xd0);
  program(machine, BANK1, 0);
  assert.equal([status(), machine.read32(BANK1)], [READY, 0]);
  program(machine, BANK1 + 0x300_0000, 0, both(0x90));
  assert.is(status(), both(0x90), "SR.4: no memory there");
  assert.is(machine.read32(BANK1 + 0x300_0000), ERASED);
  assert.is(machine.read32(0x1_0000), ERASED, "beyond what stands behind bank 0");
});

flash("a halfword speaks to one chip; the other goes on reading its array", () => {
  const machine = machineWithFlash();
  program(machine, BANK1, 0xaaaa_5555);
  machine.write16(BANK1 + 2, 0x70);
  assert.is(machine.read32(BANK1), 0x0080_5555);
  machine.write16(BANK1 + 2, 0xff);
  assert.is(machine.read32(BANK1), 0xaaaa_5555);
});

flash("the host hears what was written when the guest is through with it; a reset keeps it, and unlocks", () => {
  const machine = machineWithFlash();
  command(machine, 0x40, BANK1 + 0x104);
  machine.write32(BANK1 + 0x104, 0);
  assert.is(machine.takeExit(), 0, "not before the array is read again");
  command(machine, 0xff);
  assert.is(machine.takeExit(), RUN_IO);
  assert.equal([machine.load32(FLASH_WRITTEN + 8), machine.load32(FLASH_WRITTEN + 12)], [0x104, 0x108]);
  command(machine, 0x60);
  command(machine, 0x01);
  machine.reset();
  assert.equal([machine.read32(BANK1 + 0x104), machine.load32(FLASH_WRITTEN + 12)], [0, 0x108]);
  program(machine, BANK1, 0);
  assert.is(machine.read32(BANK1), 0);
});

flash.run();
