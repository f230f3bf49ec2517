// The legacy transport of virtio-mmio (version 1) through the real machine.wasm. Clauses: VIRTIO 1.2 §4.2.4, §2.7.2, §3.1.2.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { RAM_BASE } from "../../../../../../kernel/abi/layout.js";
import { bareMachine, type BareMachine } from "../../../../../support/bare-machine.js";
import { MachineGuard } from "../../../../../support/machine-guard.js";
import { Random } from "../../../../../support/random.js";

const legacy = suite("virtio/legacy");
const [FEATURES, FEATURES_SEL, DRIVER_FEATURES, PAGE_SIZE, QUEUE_SEL, QUEUE_MAX, QUEUE_NUM, ALIGN, PFN] = [
  0x010, 0x014, 0x020, 0x028, 0x030, 0x034, 0x038, 0x03c, 0x040,
] as const;
const [NOTIFY, INTERRUPT, STATUS] = [0x050, 0x060, 0x070] as const;
const ENTROPY = 2;
const SIZE = 256;
const RING = RAM_BASE + 0x1_0000;
const DATA = RAM_BASE + 0x4_0000;

class LegacySlot {
  constructor(
    readonly machine: BareMachine,
    readonly base = 0x0a00_0000 + ENTROPY * 0x200,
  ) {}
  read = (offset: number): number => this.machine.read32(this.base + offset);
  write = (offset: number, value: number): void => this.machine.write32(this.base + offset, value);

  /** As a driver of before version 1 does it: no FEATURES_OK, one page number for the three parts. */
  start(size = SIZE, align = 4096): { used: number } {
    this.write(STATUS, 0);
    this.write(STATUS, 1);
    this.write(STATUS, 3);
    this.write(DRIVER_FEATURES, 0);
    this.write(PAGE_SIZE, 4096);
    this.write(QUEUE_SEL, 0);
    this.write(QUEUE_NUM, size);
    this.write(ALIGN, align);
    this.write(PFN, RING / 4096);
    this.write(STATUS, 7);
    return { used: (RING + size * 16 + 6 + size * 2 + align - 1) & ~(align - 1) };
  }

  /** Offers one buffer for the device to write into. */
  offer(length: number): void {
    this.machine.write32(RING, DATA);
    this.machine.write32(RING + 8, length);
    this.machine.write32(RING + 12, 2);
    this.machine.write16(RING + SIZE * 16 + 4, 0);
    this.machine.write16(RING + SIZE * 16 + 2, 1);
  }
}

const slotOf = (): LegacySlot => new LegacySlot(bareMachine({ legacy: true }));

legacy("§4.2.4 version 1, 32 bits of features, no VERSION_1; queues may be as large as QEMU's", () => {
  const slot = slotOf();
  assert.equal([slot.read(0), slot.read(4), slot.read(8)], [0x7472_6976, 1, 4]);
  slot.write(FEATURES_SEL, 1);
  assert.is(slot.read(FEATURES), 0);
  slot.write(FEATURES_SEL, 0);
  assert.is((slot.read(FEATURES) >>> 27) & 7, 7, "ANY_LAYOUT, INDIRECT_DESC, EVENT_IDX");
  assert.is(slot.read(QUEUE_MAX), 1024);
  slot.write(QUEUE_SEL, 9);
  assert.equal([slot.read(QUEUE_MAX), slot.read(PFN)], [0, 0]);
});

legacy("§2.7.2 the parts lie end to end from the page, the used ring at the next multiple of QueueAlign", () => {
  for (const align of [4096, 64, 4]) {
    const slot = slotOf();
    const { used } = slot.start(SIZE, align);
    assert.is(slot.read(PFN), RING / 4096);
    slot.offer(16);
    slot.machine.fillEntropy(Uint8Array.from({ length: 32 }, (_, n) => n + 1));
    slot.write(NOTIFY, 0);
    assert.equal([slot.machine.read16(used + 2), slot.machine.read32(used + 4), slot.machine.read32(used + 8)], [1, 0, 16]); // prettier-ignore
    assert.ok([...slot.machine.readRam(DATA, 16)].every((byte) => byte > 0));
    assert.is(slot.read(INTERRUPT), 1);
  }
});

legacy("§3.1.2 a queue is in use before DRIVER_OK; FEATURES_OK is not known; a zero page number takes it back", () => {
  const slot = slotOf();
  const { used } = slot.start();
  slot.write(STATUS, 0);
  slot.write(STATUS, 3 | 8);
  assert.is(slot.read(STATUS), 3);
  assert.is(slot.read(PFN), 0, "a reset has forgotten it");
  slot.write(PAGE_SIZE, 4096);
  slot.write(QUEUE_NUM, SIZE);
  slot.write(ALIGN, 4096);
  slot.write(PFN, RING / 4096);
  slot.machine.writeRam(used, new Uint8Array(64));
  slot.offer(8);
  slot.machine.fillEntropy(new Uint8Array(64).fill(9));
  slot.write(NOTIFY, 0);
  assert.is(slot.machine.read16(used + 2), 1);
  slot.write(PFN, 0);
  slot.machine.write16(RING + SIZE * 16 + 2, 2);
  slot.write(NOTIFY, 0);
  assert.is(slot.machine.read16(used + 2), 1, "nothing moves any more");
});

legacy(
  "§4.2.4 a driver that writes GuestPageSize speaks version 1, whatever the machine says; a reset forgets it",
  () => {
    const slot = new LegacySlot(bareMachine());
    assert.equal([slot.read(4), slot.read(QUEUE_MAX)], [2, 16]);
    // As kvm-unit-tests has it: no status, no features.
    slot.write(PAGE_SIZE, 4096);
    slot.write(QUEUE_SEL, 0);
    assert.equal([slot.read(4), slot.read(QUEUE_MAX), slot.read(PFN)], [1, 1024, 0]);
    slot.write(QUEUE_NUM, SIZE);
    slot.write(ALIGN, 4096);
    slot.write(PFN, RING / 4096);
    slot.offer(16);
    slot.machine.fillEntropy(new Uint8Array(32).fill(3));
    slot.write(NOTIFY, 0);
    const used = (RING + SIZE * 16 + 6 + SIZE * 2 + 4095) & ~4095;
    assert.equal([slot.machine.read16(used + 2), slot.machine.read32(used + 8)], [1, 16]);
    slot.write(STATUS, 0);
    assert.equal([slot.read(4), slot.read(PFN)], [2, 0]);
  },
);

legacy("2,000 lies about page, size and alignment reach nothing outside of RAM", () => {
  const slot = slotOf();
  const guard = new MachineGuard(slot.machine);
  const random = new Random(11);
  for (let n = 0; n < 2000; n++) {
    slot.write(STATUS, 0);
    slot.write(STATUS, 3);
    slot.write(DRIVER_FEATURES, random.u32());
    slot.write(PAGE_SIZE, random.oneIn(2) ? 4096 : random.wild());
    slot.write(QUEUE_NUM, random.oneIn(2) ? 2 ** random.below(12) : random.wild());
    slot.write(ALIGN, random.oneIn(2) ? 2 ** random.below(16) : random.wild());
    slot.write(PFN, random.oneIn(2) ? RAM_BASE / 4096 + random.below(260) : random.wild());
    slot.write(STATUS, 7);
    if (slot.machine.entropyCount === 0) slot.machine.fillEntropy(new Uint8Array(64).fill(1));
    slot.write(NOTIFY, random.oneIn(8) ? random.wild() : 0);
    guard.check(`round ${n}`);
  }
});

legacy.run();
