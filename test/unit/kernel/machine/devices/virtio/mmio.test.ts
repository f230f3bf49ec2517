// virtio-mmio registers and the split ring's rules, through the real machine.wasm. Clauses: VIRTIO 1.2. The entropy device serves as
// the plainest device with a queue.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type BareMachine, bareMachine } from "../../../../../support/bare-machine.js";
import {
  ACKNOWLEDGE,
  DRIVER,
  DRIVER_OK,
  DriverQueue,
  EVENT_IDX,
  FEATURES_OK,
  F_INDIRECT,
  F_NEXT,
  F_WRITE,
  INDIRECT_DESC,
  NEEDS_RESET,
  VirtioDriver,
} from "../../../../../support/virtio-driver.js";

const mmio = suite("virtio/mmio");
const ENTROPY = 2;
const DATA = 0x4001_0000;
const TABLE = 0x4002_0000;

function started(features = ~0, size = 8): { machine: BareMachine; driver: VirtioDriver; queue: DriverQueue } {
  const machine = bareMachine();
  machine.fillEntropy(new Uint8Array(1024).fill(0xee));
  const driver = new VirtioDriver(machine, ENTROPY);
  const [queue] = driver.start([{ index: 0, size }], features);
  return { machine, driver, queue: queue! };
}
const entropyBuffer = (address = DATA, length = 16) => ({ address, length, write: true });

mmio("§4.2.2 identification of the devices, and of all 32 slots that QEMU's virt has", () => {
  const machine = bareMachine();
  const ids = Array.from({ length: 32 }, (_, slot) => {
    const driver = new VirtioDriver(machine, slot);
    assert.is(driver.read(0), 0x74726976);
    assert.is(driver.read(4), 2);
    return driver.read(8);
  });
  assert.equal(ids.slice(0, 4), [2, 3, 4, 5]);
  assert.ok(ids.slice(4).every((id) => id === 0));
  // What is written to an empty slot goes nowhere, at any register and size.
  const before = [0, 1, 2, 3].map((slot) => new VirtioDriver(machine, slot).read(0x70));
  for (let slot = 5; slot < 32; slot++) {
    const { base } = new VirtioDriver(machine, slot);
    for (let offset = 0; offset < 0x200; offset += 4) machine.write32(base + offset, ~0);
    for (let offset = 0x10; offset < 0x200; offset += 4) assert.is(machine.read32(base + offset), 0);
  }
  assert.equal(
    [0, 1, 2, 3].map((slot) => new VirtioDriver(machine, slot).read(0x70)),
    before,
  );
});

mmio("§4.2.2.2 registers are words: narrow accesses read zero and write nothing", () => {
  const machine = bareMachine();
  const driver = new VirtioDriver(machine, ENTROPY);
  assert.is(machine.read8(driver.base), 0);
  assert.is(machine.read16(driver.base), 0);
  machine.write8(driver.base + 0x70, 1);
  machine.write16(driver.base + 0x70, 1);
  assert.is(driver.status, 0);
});

mmio("§4.2.2.2 shared memory regions do not exist: length and base read -1", () => {
  const driver = new VirtioDriver(bareMachine(), ENTROPY);
  assert.equal(
    [0xb0, 0xb4, 0xb8, 0xbc].map((offset) => driver.read(offset)),
    Array(4).fill(0xffff_ffff),
  );
});

mmio("§6 VERSION_1 stands in feature word 1, nothing beyond; §2.2.2 FEATURES_OK needs it", () => {
  const driver = new VirtioDriver(bareMachine(), ENTROPY);
  driver.write(0x014, 1);
  assert.is(driver.read(0x010), 1);
  driver.write(0x014, 2);
  assert.is(driver.read(0x010), 0);
  driver.status = ACKNOWLEDGE;
  driver.status = ACKNOWLEDGE | DRIVER;
  driver.status = ACKNOWLEDGE | DRIVER | FEATURES_OK;
  assert.is(driver.status, ACKNOWLEDGE | DRIVER);
  driver.status = ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK;
  assert.is(driver.status, ACKNOWLEDGE | DRIVER, "DRIVER_OK does not stand without FEATURES_OK");
});

mmio("§2.2.1 a feature that was not offered is refused, in every word", () => {
  for (const [word, bits] of [
    [0, 1],
    [1, 3],
    [2, 1],
    [0xffff_ffff, 1],
  ] as const) {
    const driver = new VirtioDriver(bareMachine(), ENTROPY);
    driver.status = ACKNOWLEDGE | DRIVER;
    driver.write(0x024, 1);
    driver.write(0x020, 1);
    driver.write(0x024, word);
    driver.write(0x020, bits);
    driver.status = ACKNOWLEDGE | DRIVER | FEATURES_OK;
    assert.not(driver.status & FEATURES_OK, `word ${word}`);
  }
});

mmio("§2.2.1 features are fixed once FEATURES_OK stands; §2.1 the driver clears no single status bit", () => {
  const { driver } = started(0);
  driver.write(0x024, 0);
  driver.write(0x020, INDIRECT_DESC);
  driver.status = ACKNOWLEDGE;
  assert.is(driver.status, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
  driver.status = NEEDS_RESET;
  assert.not(driver.status & NEEDS_RESET, "and cannot set the device's own bit");
});

mmio("§2.7 a queue size of 0, no power of two, or above QueueNumMax is refused", () => {
  for (const size of [0, 3, 7, 32, 65_535, 65_536, 0x8000_0000, 0xffff_ffff]) {
    const driver = new VirtioDriver(bareMachine(), ENTROPY);
    driver.negotiate();
    assert.is(driver.read(0x034), 16);
    const queue = new DriverQueue(driver, 0, 8, 0x4000_0000);
    queue.enable();
    driver.write(0x044, 0);
    driver.write(0x038, size);
    driver.write(0x044, 1);
    assert.ok(driver.status & NEEDS_RESET, `size ${size}`);
    assert.is(driver.read(0x044), 0);
  }
});

mmio("§2.7 rings outside RAM, across its end, above 4 GiB or unaligned are refused", () => {
  const end = 0x4000_0000 + (1 << 20);
  const cases: [number, number][] = [
    [0x080, 0x3fff_fff0],
    [0x080, end - 16],
    [0x080, 0x4000_0008],
    [0x080, 0xffff_fff0],
    [0x084, 1],
    [0x090, 0x0900_0000],
    [0x090, end - 2],
    [0x090, 0x4000_1001],
    [0x094, 0x8000_0000],
    [0x0a0, 0],
    [0x0a0, end - 8],
    [0x0a0, 0x4000_2002],
    [0x0a4, 1],
  ];
  for (const [register, value] of cases) {
    const driver = new VirtioDriver(bareMachine(), ENTROPY);
    driver.negotiate();
    const queue = new DriverQueue(driver, 0, 8, 0x4000_0000);
    queue.enable();
    assert.not(driver.status & NEEDS_RESET);
    driver.write(0x044, 0);
    driver.write(register, value);
    driver.write(0x044, 1);
    assert.ok(driver.status & NEEDS_RESET, `0x${register.toString(16)} = 0x${value.toString(16)}`);
  }
});

mmio("§2.7 rings at the very end of RAM are fine", () => {
  const machine = bareMachine();
  machine.fillEntropy(new Uint8Array(64));
  const driver = new VirtioDriver(machine, ENTROPY);
  driver.negotiate();
  const bytes = 8 * 16 + (6 + 16) + 2 + (6 + 64);
  const queue = new DriverQueue(driver, 0, 8, (0x4010_0000 - bytes - 2) & ~15);
  queue.enable();
  driver.status = ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK;
  queue.offer([entropyBuffer()]);
  queue.kick();
  assert.is(queue.used().length, 1);
});

mmio(
  "§4.2.2.2 a queue in use is left alone by writes to its registers; a queue that is not there answers nothing",
  () => {
    const { driver, queue } = started();
    driver.write(0x038, 2);
    driver.write(0x080, 0);
    queue.offer([entropyBuffer()]);
    queue.kick();
    assert.is(queue.used().length, 1);
    driver.write(0x030, 1);
    assert.is(driver.read(0x034), 0);
    driver.write(0x044, 1);
    assert.is(driver.read(0x044), 0);
    assert.not(driver.status & NEEDS_RESET);
    for (const n of [1, 7, 0xffff_ffff]) driver.write(0x050, n);
  },
);

mmio("§2.1.2, §3.1.1 nothing is consumed before DRIVER_OK; what was offered early is served then", () => {
  const machine = bareMachine();
  machine.fillEntropy(new Uint8Array(64));
  const driver = new VirtioDriver(machine, ENTROPY);
  driver.negotiate();
  const queue = new DriverQueue(driver, 0, 8, 0x4000_0000);
  queue.enable();
  queue.offer([entropyBuffer()]);
  queue.kick();
  assert.is(queue.used().length, 0);
  driver.status = ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK;
  assert.is(queue.used().length, 1);
});

mmio("§4.2.2 InterruptStatus, InterruptACK and the line; §2.7.7 the driver's NO_INTERRUPT flag", () => {
  const { machine, driver, queue } = started(0);
  queue.offer([entropyBuffer()]);
  queue.kick();
  assert.is(driver.interruptStatus, 1);
  assert.ok(driver.line);
  driver.write(0x064, 1);
  assert.is(driver.interruptStatus, 0);
  assert.not(driver.line);
  machine.write16(queue.driverRing, 1);
  queue.offer([entropyBuffer()]);
  queue.kick();
  assert.is(queue.used().length, 2);
  assert.not(driver.line);
});

mmio(
  "§2.7.7.1, §2.7.10 EVENT_IDX: an interrupt when used_event is passed, and a kick asked for at the next entry",
  () => {
    const { driver, queue } = started(EVENT_IDX);
    const serve = (count: number) => {
      for (let n = 0; n < count; n++) queue.offer([entropyBuffer()]);
      queue.kick();
      queue.used();
      const raised = driver.interruptStatus === 1;
      driver.acknowledge();
      return raised;
    };
    queue.setUsedEvent(2); // interrupt for the third
    assert.not(serve(2));
    assert.ok(serve(1));
    assert.is(queue.availEvent, 3);
    assert.not(serve(3));
    queue.setUsedEvent(7);
    assert.ok(serve(4));
    queue.setUsedEvent(9);
    assert.ok(serve(1) === false && serve(0) === false, "10 used, the event at 9 was before");
    assert.is(queue.availEvent, 11);
  },
);

mmio("§2.7 ring indices wrap at 2^16", () => {
  const { queue } = started(0, 4);
  for (let n = 0; n < 70_000; n++) {
    queue.offer([{ address: DATA, length: 0, write: true }]);
    if (n % 4 === 3) {
      queue.kick();
      assert.is(queue.used().length, 4);
    }
  }
});

mmio(
  "§2.7.5.3 indirect tables work alone and after plain descriptors; without the feature they break the device",
  () => {
    const { machine, queue } = started();
    queue.offerIndirect([entropyBuffer(DATA, 3), entropyBuffer(DATA + 0x100, 5)], TABLE);
    queue.kick();
    assert.is(queue.used()[0]!.length, 8);
    assert.equal([...machine.readRam(DATA + 0x100, 6)], [0xee, 0xee, 0xee, 0xee, 0xee, 0]);
    queue.descriptor(0, DATA + 0x200, 4, F_WRITE | F_NEXT, 1);
    queue.descriptor(1, TABLE, 32, F_INDIRECT, 0);
    queue.publish(0);
    queue.kick();
    assert.is(queue.used()[0]!.length, 12);

    const plain = started(0);
    plain.queue.offerIndirect([entropyBuffer()], TABLE);
    plain.queue.kick();
    assert.ok(plain.driver.status & NEEDS_RESET);
  },
);

/** Each breaks one rule of §2.7; `build` prepares the rings before the kick. */
const violations: [string, (queue: DriverQueue) => void][] = [
  ["a head beyond the table", (queue) => queue.publish(8)],
  ["a head of 65535", (queue) => queue.publish(0xffff)],
  ["more chains on offer than entries", (queue) => queue.driver.machine.write16(queue.driverRing + 2, 9)],
  ["an index that ran backwards", (queue) => queue.driver.machine.write16(queue.driverRing + 2, 0xffff)],
  ["a next beyond the table", (queue) => (queue.descriptor(0, DATA, 4, F_WRITE | F_NEXT, 8), queue.publish(0))],
  [
    "a descriptor that follows itself",
    (queue) => (queue.descriptor(0, DATA, 4, F_WRITE | F_NEXT, 0), queue.publish(0)),
  ],
  [
    "a loop of empty descriptors",
    (queue) => {
      queue.descriptor(0, DATA, 0, F_WRITE | F_NEXT, 1);
      queue.descriptor(1, DATA, 0, F_WRITE | F_NEXT, 0);
      queue.publish(0);
    },
  ],
  ["a buffer below RAM", (queue) => (queue.descriptor(0, 0x3fff_ffff, 4, F_WRITE, 0), queue.publish(0))],
  ["a buffer across the end of RAM", (queue) => (queue.descriptor(0, 0x400f_fffe, 4, F_WRITE, 0), queue.publish(0))],
  ["a buffer of 4 GiB - 1", (queue) => (queue.descriptor(0, DATA, 0xffff_ffff, F_WRITE, 0), queue.publish(0))],
  [
    "a buffer above 4 GiB",
    (queue) => {
      queue.descriptor(0, DATA, 4, F_WRITE, 0);
      queue.driver.machine.write32(queue.table + 4, 1);
      queue.publish(0);
    },
  ],
  [
    "§2.7.4.2 a readable buffer after a writable one",
    (queue) => (queue.offer([entropyBuffer(), { address: DATA, length: 4 }]), undefined),
  ],
  [
    "§2.7.5.3.1 an indirect table of no entries",
    (queue) => (queue.descriptor(0, TABLE, 0, F_INDIRECT, 0), queue.publish(0)),
  ],
  [
    "an indirect table with half an entry",
    (queue) => (queue.descriptor(0, TABLE, 24, F_INDIRECT, 0), queue.publish(0)),
  ],
  [
    "an indirect table larger than the queue",
    (queue) => (queue.descriptor(0, TABLE, 9 * 16, F_INDIRECT, 0), queue.publish(0)),
  ],
  ["an indirect table outside RAM", (queue) => (queue.descriptor(0, 0x5000_0000, 16, F_INDIRECT, 0), queue.publish(0))],
  [
    "an indirect table with NEXT",
    (queue) => (queue.descriptor(0, TABLE, 16, F_INDIRECT | F_NEXT, 1), queue.publish(0)),
  ],
  [
    "an indirect table in an indirect table",
    (queue) => {
      queue.descriptor(0, TABLE, 16, F_INDIRECT, 0);
      queue.descriptor(0, TABLE, 16, F_INDIRECT, 0, TABLE);
      queue.publish(0);
    },
  ],
  [
    "an indirect table that loops",
    (queue) => {
      queue.descriptor(0, TABLE, 32, F_INDIRECT, 0);
      queue.descriptor(0, DATA, 1, F_WRITE | F_NEXT, 1, TABLE);
      queue.descriptor(1, DATA, 1, F_WRITE | F_NEXT, 0, TABLE);
      queue.publish(0);
    },
  ],
  [
    "a chain longer than the queue, by plain descriptors and an indirect table",
    (queue) => {
      for (let n = 0; n < 7; n++) queue.descriptor(n, DATA, 1, F_WRITE | F_NEXT, n + 1);
      queue.descriptor(7, TABLE, 8 * 16, F_INDIRECT, 0);
      for (let n = 0; n < 8; n++) queue.descriptor(n, DATA, 1, F_WRITE | (n < 7 ? F_NEXT : 0), n + 1, TABLE);
      queue.publish(0);
    },
  ],
  [
    "chains that share descriptors, more in one kick than the table has",
    (queue) => {
      for (let n = 0; n < 8; n++) queue.descriptor(n, DATA, 1, F_WRITE | (n < 7 ? F_NEXT : 0), n + 1);
      for (let n = 0; n < 8; n++) queue.publish(0);
    },
  ],
];

for (const [what, build] of violations) {
  mmio(`§2.7 ${what}: DEVICE_NEEDS_RESET, nothing more moves, and a reset heals`, () => {
    const { machine, driver, queue } = started();
    driver.acknowledge();
    build(queue);
    queue.kick();
    assert.ok(driver.status & NEEDS_RESET);
    assert.is(driver.interruptStatus & 2, 2, "§2.1.2: a configuration change notification");
    const used = machine.read16(queue.deviceRing + 2);
    assert.ok(used <= 1, "no chain after the lie was served");
    queue.kick();
    machine.tick();
    assert.is(machine.read16(queue.deviceRing + 2), used);
    driver.status = 0;
    assert.is(driver.status, 0);
    assert.is(driver.interruptStatus, 0);
    assert.not(driver.line);
    machine.writeRam(0x4000_0000, new Uint8Array(0x2000));
    const [fresh] = driver.start([{ index: 0, size: 8 }]);
    fresh!.offer([entropyBuffer()]);
    fresh!.kick();
    assert.is(fresh!.used().length, 1);
  });
}

mmio("§2.4 a reset of the device forgets the queues", () => {
  const { driver, queue } = started();
  driver.status = 0;
  assert.is(driver.read(0x044), 0);
  queue.offer([entropyBuffer()]);
  queue.kick();
  assert.is(queue.used().length, 0);
});

mmio.run();
