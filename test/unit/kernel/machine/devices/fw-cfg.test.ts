// fw_cfg through the real machine.wasm: QEMU docs/specs/fw_cfg, the MMIO interface with DMA.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CONFIG_FW_CFG_OFFSET, DEVICE_FW_CFG, RAM_BASE } from "../../../../../kernel/abi/layout.js";
import { bareMachine, type BareMachine } from "../../../../support/bare-machine.js";
import { MachineGuard } from "../../../../support/machine-guard.js";
import { Random } from "../../../../support/random.js";

const fwCfg = suite("fw-cfg");
const BASE = 0x0902_0000;
const [DATA, SELECTOR, DMA] = [BASE, BASE + 8, BASE + 16];
const DESCRIPTOR = RAM_BASE + 0x1000;
const TARGET = RAM_BASE + 0x2000;
const [ERROR, READ, SKIP, SELECT, WRITE] = [1, 2, 4, 8, 16];
const FILES: [key: number, bytes: Uint8Array][] = [
  [0x00, Buffer.from("QEMU")],
  [0x01, Uint8Array.of(3, 0, 0, 0)],
  [0x20, Uint8Array.from({ length: 70_000 }, (_, n) => (n * 7) & 255)],
];

/** The table that agent/host/loader/fw-cfg makes. */
function table(): Buffer {
  const head = Buffer.alloc(4 + FILES.length * 12);
  head.writeUInt32LE(FILES.length, 0);
  let at = head.length;
  FILES.forEach(([key, bytes], n) => {
    [key, at, bytes.length].forEach((word, part) => head.writeUInt32LE(word, 4 + n * 12 + part * 4));
    at += bytes.length;
  });
  return Buffer.concat([head, ...FILES.map(([, bytes]) => bytes)]);
}

const machineWithFiles = (): BareMachine => bareMachine({ fwCfg: table(), devices: DEVICE_FW_CFG });
const swapped = (value: number): number => Buffer.from(new Uint32Array([value]).buffer).readUInt32BE(0);

function select(machine: BareMachine, key: number): void {
  machine.write16(SELECTOR, ((key & 255) << 8) | (key >>> 8));
}

/** Hands a descriptor over; returns its control word when the machine is through. */
function transfer(machine: BareMachine, control: number, length: number, address: number, high = 0): number {
  [control >>> 0, length, high, address].forEach((word, n) => machine.write32(DESCRIPTOR + n * 4, swapped(word)));
  machine.write32(DMA, 0);
  machine.write32(DMA + 4, swapped(DESCRIPTOR));
  return swapped(machine.read32(DESCRIPTOR));
}

fwCfg("a key's bytes come one by one, however wide the access; beyond the end there are zeroes", () => {
  const machine = machineWithFiles();
  select(machine, 0);
  assert.equal(
    ["Q", "E"].map((letter) => letter.charCodeAt(0)),
    [machine.read8(DATA), machine.read8(DATA)],
  );
  assert.is(machine.read16(DATA), Buffer.from("MU").readUInt16LE(0));
  assert.is(machine.read32(DATA), 0);
  select(machine, 0);
  assert.is(machine.read32(DATA), Buffer.from("QEMU").readUInt32LE(0));
  select(machine, 0x7777);
  assert.is(machine.read32(DATA), 0, "a key that does not exist");
  select(machine, 0x4001);
  assert.is(machine.read32(DATA), 3, "bit 14 means nothing");
});

fwCfg('the DMA register reads "QEMU CFG"', () => {
  const machine = machineWithFiles();
  const text = Buffer.alloc(8);
  text.writeUInt32LE(machine.read32(DMA), 0);
  text.writeUInt32LE(machine.read32(DMA + 4), 4);
  assert.is(text.toString(), "QEMU CFG");
});

fwCfg("a DMA transfer selects, skips and reads; what is beyond the end is zero", () => {
  const machine = machineWithFiles();
  assert.is(transfer(machine, (0x20 << 16) | SELECT | READ, 60_000, TARGET), 0);
  assert.equal(Buffer.from(machine.readRam(TARGET, 60_000)), Buffer.from(FILES[2]![1].subarray(0, 60_000)));
  assert.is(transfer(machine, READ, 20_000, TARGET), 0);
  const rest = Buffer.concat([FILES[2]![1].subarray(60_000), Buffer.alloc(10_000)]);
  assert.equal(Buffer.from(machine.readRam(TARGET, 20_000)), rest);
  assert.is(transfer(machine, (0x20 << 16) | SELECT | SKIP, 3, 0), 0);
  assert.is(machine.read8(DATA), 21);
});

fwCfg("the CPU stands until a transfer is done, and its guest pays for each byte", () => {
  const machine = machineWithFiles();
  const target = RAM_BASE + 0x2_0000; // execute() uses what lies below
  [(0x20 << 16) | SELECT | READ, 64_000, 0, target].forEach((word, n) => machine.write32(DESCRIPTOR + n * 4, swapped(word))); // prettier-ignore
  const before = machine.work;
  // ldr r0, [pc, #4]; ldr r1, [pc, #4]; b over the words; str r1, [r0]; mov r0, #0
  machine.execute([0xe59f0004, 0xe59f1004, 0xea000001, DMA + 4, swapped(DESCRIPTOR), 0xe5801000, 0xe3a00000]);
  machine.runInstructions(2);
  assert.is(machine.read32(DESCRIPTOR), 0);
  assert.equal(Buffer.from(machine.readRam(target, 64_000)), Buffer.from(FILES[2]![1].subarray(0, 64_000)));
  assert.ok(Number(machine.work - before) >= 64_000 / 64, `${machine.work - before} units`);
});

fwCfg("a descriptor that leads out of RAM, and writing, are errors; a descriptor out of RAM is ignored", () => {
  const machine = machineWithFiles();
  const guard = new MachineGuard(machine);
  const end = RAM_BASE + machine.ramBytes;
  assert.is(transfer(machine, SELECT | READ, 16, end - 8), ERROR);
  assert.is(transfer(machine, SELECT | READ, 16, 0x0902_0000), ERROR);
  assert.is(transfer(machine, SELECT | READ, 0xffff_ffff, RAM_BASE), ERROR);
  assert.is(transfer(machine, SELECT | READ, 16, TARGET, 1), ERROR, "above 4 GiB");
  assert.is(transfer(machine, SELECT | WRITE, 4, TARGET), ERROR);
  machine.write32(DMA + 4, swapped(end - 8));
  machine.write32(DMA, 1);
  machine.write32(DMA + 4, swapped(DESCRIPTOR));
  guard.check("hostile descriptors");
});

fwCfg("2,000 random transfers write what they name and nothing else", () => {
  const machine = machineWithFiles();
  const guard = new MachineGuard(machine);
  const random = new Random(7);
  for (let n = 0; n < 2000; n++) {
    const control = random.oneIn(4) ? random.u32() : (random.pick([0, 1, 0x20, 0x21]) << 16) | random.below(32);
    const length = random.oneIn(8) ? random.wild() : random.below(3000);
    const address = random.oneIn(4) ? random.wild() : RAM_BASE + 0x2000 + random.below(machine.ramBytes - 0x3000);
    [control >>> 0, length, random.oneIn(20) ? 1 : 0, address].forEach((word, at) =>
      machine.write32(DESCRIPTOR + at * 4, swapped(word)),
    );
    guard.mark();
    machine.write32(DMA, random.oneIn(20) ? random.u32() : 0);
    machine.write32(DMA + 4, swapped(random.oneIn(10) ? random.wild() : DESCRIPTOR));
    guard.checkRam(`transfer ${n}`);
    guard.check(`transfer ${n}`);
    if (random.oneIn(10)) select(machine, random.below(0x1_0000));
    machine.read32(DATA + 4 * random.below(2));
  }
  const files = machine.load32(CONFIG_FW_CFG_OFFSET);
  assert.equal(Buffer.from(machine.bytes.slice(files, files + table().length)), table(), "the files are as they were");
});

fwCfg("a partition without it has nothing there", () => {
  const machine = bareMachine({ devices: 0 });
  machine.read32(DMA);
  assert.ok(machine.faulted);
});

fwCfg.run();
