// Virtio rings full of lies: random, looping, overlapping and huge descriptors, indirect tables, rings anywhere, impossible queue
// sizes, resets in mid-transfer, a host that completes late. Devices write to nothing but used rings and writable buffers, use up no more
// chains in a kick than the queue has entries, hand the host only offsets in guest RAM, and work again after a reset.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { BLOCK_CANCELLED, RAM_BASE, VIRTIO_SLOT_BYTES, VIRTIO_STATE } from "../../../../../kernel/abi/layout.js";
import { type BareMachine, bareMachine } from "../../../../support/bare-machine.js";
import { MachineGuard, randomHost } from "../../../../support/machine-guard.js";
import { Random } from "../../../../support/random.js";
import {
  ACKNOWLEDGE,
  DRIVER,
  DRIVER_OK,
  DriverQueue,
  FEATURES_OK,
  F_INDIRECT,
  F_NEXT,
  F_WRITE,
  VirtioDriver,
} from "../../../../support/virtio-driver.js";

const fuzz = suite("fuzz/virtio");
const ROUNDS = 1000;
const RAM_BYTES = 1 << 18;
const NETWORK_BYTES = 1 << 19;
/** What a virtio-net driver may take together: checksums and segments both ways (VIRTIO 1.2 §5.1.3.1). */
const NETWORK_OFFLOAD = 0x1983;
/** RAM by use: descriptor tables and available rings, used rings, buffers, and what no descriptor names. */
const TABLES = { start: 0x00000, end: 0x10000 };
const USED = { start: 0x10000, end: 0x20000 };
const BUFFERS = { start: 0x20000, end: 0x38000 };
const SLOTS = [
  { slot: 0, queues: [0], size: 128 },
  { slot: 1, queues: [0, 1, 2, 3, 4, 5], size: 64 },
  { slot: 2, queues: [0], size: 16 },
  { slot: 3, queues: [0, 1], size: 64 },
  { slot: 4, queues: [0, 1], size: 128 },
];

const inside = (zone: { start: number; end: number }, random: Random, length: number) =>
  RAM_BASE + zone.start + random.below(Math.max(1, zone.end - zone.start - length));

/** One descriptor. Kept to the rules in `tame` rounds as far as zones go; a wild round points anywhere. */
function descriptor(queue: DriverQueue, random: Random, tame: boolean, n: number, count: number, table: number): void {
  const write = random.oneIn(2) ? F_WRITE : 0;
  let length = random.pick([0, 1, 4, 8, 16, 512, 513, 1024, random.below(9000)]);
  let address = inside(write || random.oneIn(2) ? BUFFERS : TABLES, random, length);
  if (!tame || (!write && random.oneIn(6))) {
    if (random.oneIn(3)) length = random.wild();
    if (random.oneIn(3)) address = random.oneIn(2) ? random.wild() : RAM_BASE + RAM_BYTES - random.below(600);
  } else if (random.oneIn(40)) {
    address = RAM_BASE + BUFFERS.end - 4; // across the end of RAM, if it is long enough
    length = 0xffff_fff0;
  }
  let flags = write | (random.oneIn(2) ? F_NEXT : 0);
  if (random.oneIn(6)) {
    flags = F_INDIRECT | (random.oneIn(10) ? F_NEXT : 0);
    address = inside(TABLES, random, 2048) & ~15;
    length = 16 * random.below(24) + (random.oneIn(20) ? 8 : 0);
    if (random.oneIn(2)) {
      for (let entry = 0; entry < Math.min(length >>> 4, 24); entry++) {
        const last = entry === (length >>> 4) - 1 && !random.oneIn(8);
        const kind = (entry > 1 || random.oneIn(3) ? F_WRITE : 0) | (last ? 0 : F_NEXT);
        queue.descriptor(
          entry,
          inside(BUFFERS, random, 1024),
          random.pick([1, 16, 512, 1024]),
          kind,
          entry + 1,
          address,
        );
      }
    }
  }
  const next = random.oneIn(12) ? random.wild() & 0xffff : random.oneIn(3) ? random.below(count) : (n + 1) % count;
  queue.descriptor(n, address, length, flags, next, table);
}

/** Chains that keep to the rules: readable buffers, then writable ones, each descriptor in one chain. Returns the heads. */
function honestChains(queue: DriverQueue, random: Random): number[] {
  const heads: number[] = [];
  for (let n = 0; n < queue.size;) {
    const length = Math.min(1 + random.below(4), queue.size - n);
    const writable = random.below(length + 1);
    heads.push(n);
    for (let left = length; left > 0; left--, n++) {
      const flags = (left <= writable ? F_WRITE : 0) | (left > 1 ? F_NEXT : 0);
      const bytes = random.pick([1, 4, 8, 16, 16, 512, 1024, random.below(6000)]);
      queue.descriptor(n, inside(BUFFERS, random, bytes), bytes, flags, n + 1);
    }
  }
  return heads;
}

/** Writes something like a request into the buffers, so that some chains get past the first check. */
function requests(machine: BareMachine, random: Random): void {
  for (let n = 0; n < 24; n++) {
    const at = RAM_BASE + BUFFERS.start + (random.below(BUFFERS.end - BUFFERS.start - 32) & ~3);
    machine.write32(at, random.pick([0, 0, 1, 1, 4, 8, 11, 13, random.wild()]));
    machine.write32(at + 4, random.oneIn(3) ? random.wild() : random.below(8) | (1 << 16));
    machine.write32(at + 8, random.oneIn(4) ? random.wild() : random.below(70));
    machine.write32(at + 12, random.oneIn(8) ? random.wild() : 0);
  }
}

function play(seed: number, tame: boolean): { served: number; refused: number } {
  const random = new Random(seed);
  const machine = bareMachine({ ramBytes: RAM_BYTES, diskSectors: 64n, consolePorts: 2, networkBytes: NETWORK_BYTES });
  const guard = new MachineGuard(machine);
  const drivers = SLOTS.map(({ slot }) => new VirtioDriver(machine, slot));
  let served = 0;
  let refused = 0;

  for (let round = 0; round < ROUNDS; round++) {
    const what = `seed ${seed}, round ${round}`;
    const kind = random.below(SLOTS.length);
    const driver = drivers[kind]!;
    driver.negotiate(random.oneIn(3) ? random.u32() | (driver.slot === 4 ? NETWORK_OFFLOAD : 0) : ~0);
    const queues = SLOTS[kind]!.queues.map((index) => {
      const max = SLOTS[kind]!.size;
      const size = random.oneIn(12)
        ? random.pick([0, 3, 65_535, 65_536, 0xffff_ffff, random.wild()])
        : 2 ** random.below(Math.log2(max) + 1);
      const valid = size > 0 && size <= max && (size & (size - 1)) === 0;
      const queue = new DriverQueue(driver, index, valid ? size : max, RAM_BASE + TABLES.start + index * 0x1000);
      driver.write(0x030, index);
      driver.write(0x038, size);
      const used = RAM_BASE + USED.start + index * 0x1000;
      const wildRing = () => (random.oneIn(25) ? random.wild() : undefined);
      driver.write(0x080, tame ? queue.table : (wildRing() ?? queue.table));
      driver.write(0x090, tame ? queue.driverRing : (wildRing() ?? queue.driverRing));
      driver.write(0x0a0, tame ? used : (wildRing() ?? used));
      if (random.oneIn(40)) driver.write(random.pick([0x084, 0x094, 0x0a4]), random.wild());
      if (!random.oneIn(30)) machine.write16(queue.driverRing + 2, 0); // what an earlier round left there is a lie too
      driver.write(0x044, 1);
      const taken = driver.read(0x044) === 1;
      if (taken) assert.ok(valid, `${what}: size ${size} was taken`);
      else refused++;
      return { queue, taken };
    });
    driver.status = ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK;

    for (let step = random.below(6); step >= 0; step--) {
      requests(machine, random);
      const { queue, taken } = random.pick(queues);
      const state = VIRTIO_STATE + driver.slot * VIRTIO_SLOT_BYTES + 0x1c0 + queue.index * 0x38;
      const [available, used] = [state + 0x20, state + 0x24];
      let heads: number[] = [];
      if (random.oneIn(2)) heads = honestChains(queue, random);
      else for (let n = 0; n < queue.size; n++) descriptor(queue, random, tame, n, queue.size, queue.table);
      // On offer: a few more, mostly; or an index out of the blue.
      const offered = machine.load32(available);
      const more = heads.length ? random.below(heads.length + 1) : random.below(queue.size + 2);
      for (let n = 0; n < more; n++) {
        const head = heads[n] ?? (random.oneIn(30) ? random.wild() : random.below(queue.size));
        machine.write16(queue.driverRing + 4 + ((offered + n) % queue.size) * 2, head);
      }
      machine.write16(queue.driverRing + 2, random.oneIn(20) ? random.wild() : (offered + more) & 0xffff);
      guard.mark();
      const before = machine.load32(used);
      queue.kick();
      const given = (machine.load32(used) - before) & 0xffff;
      assert.ok(given <= queue.size, `${what}: ${given} chains in one kick of a queue of ${queue.size}`);
      if (taken) served += given;
      if (random.oneIn(3)) randomHost(machine, (count) => random.below(count));
      if (random.oneIn(15)) driver.status = 0;
      // In tame rounds no writable buffer overlaps a table, so what the device may write is known beforehand.
      const allowed = (at: number) => (at >= USED.start && at < USED.end) || (at >= BUFFERS.start && at < BUFFERS.end);
      guard.checkRam(what, tame ? allowed : undefined);
      guard.check(what);
    }
  }
  return { served, refused };
}

for (const seed of [3, 0xdecade]) {
  fuzz(`seed ${seed}: ${ROUNDS} rounds of lies inside known zones`, () => {
    const { served, refused } = play(seed, true);
    assert.ok(served > ROUNDS / 2, `${served} chains were served: the test reaches past the first check`);
    assert.ok(refused > ROUNDS / 20, `${refused} queues were refused`);
  });
  fuzz(`seed ${seed}: ${ROUNDS} rounds with buffers and rings anywhere`, () => {
    assert.ok(play(seed, false).refused > ROUNDS / 20);
  });
}

fuzz("every device works again after a reset, whatever came before", () => {
  const random = new Random(77);
  for (let n = 0; n < 40; n++) {
    const machine = bareMachine({ ramBytes: RAM_BYTES, diskSectors: 64n });
    const driver = new VirtioDriver(machine, 0);
    const [queue] = driver.start([{ index: 0, size: 16 }]);
    for (let entry = 0; entry < 16; entry++) descriptor(queue!, random, false, entry, 16, queue!.table);
    machine.write16(queue!.driverRing + 2, random.below(16));
    queue!.kick();
    for (const { index } of machine.blockRequests()) machine.blockTake(index);
    driver.status = 0;
    for (const { index, state } of machine.blockRequests()) {
      assert.is(state, BLOCK_CANCELLED);
      machine.blockComplete(index, 0);
    }
    machine.writeRam(RAM_BASE, new Uint8Array(0x4000));
    const [fresh] = driver.start([{ index: 0, size: 16 }]);
    machine.write32(RAM_BASE + BUFFERS.start, 4);
    fresh!.offer([
      { address: RAM_BASE + BUFFERS.start, length: 16 },
      { address: RAM_BASE + BUFFERS.start + 64, length: 1, write: true },
    ]);
    fresh!.kick();
    machine.blockComplete(machine.blockRequests()[0]!.index, 0);
    assert.equal(fresh!.used(), [{ id: 0, length: 1 }]);
  }
});

fuzz("§2.7.5.3.1 the longest work of one kick: every entry a whole indirect table", () => {
  // 64 chains of 64 buffers: the bound is size × size descriptors, once, and the next kick finds nothing.
  const machine = bareMachine();
  const driver = new VirtioDriver(machine, 1);
  const [, transmit] = driver.start([
    { index: 0, size: 64 },
    { index: 1, size: 64 },
  ]);
  const table = 0x4008_0000;
  for (let n = 0; n < 64; n++) transmit!.descriptor(n, 0x4009_0000, 1, n < 63 ? F_NEXT : 0, n + 1, table);
  for (let n = 0; n < 64; n++) {
    transmit!.descriptor(n, table, 64 * 16, F_INDIRECT, 0);
    transmit!.publish(n);
  }
  transmit!.kick();
  assert.is(transmit!.used().length, 64);
  assert.is(machine.consoleOutput(1).length, 64 * 64);
  transmit!.kick();
  assert.is(transmit!.used().length, 0);
});

fuzz.run();
