// virtio-block through the real machine.wasm, with the test as the host. Clauses: VIRTIO 1.2 §5.2.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  BLOCK_CANCELLED,
  BLOCK_DISCARD,
  BLOCK_FLUSH,
  BLOCK_FREE,
  BLOCK_PENDING,
  BLOCK_READ,
  BLOCK_REQUEST_COUNT,
  BLOCK_WRITE,
  BLOCK_WRITE_ZEROES,
  DISK_READ_ONLY,
} from "../../../../../../kernel/abi/layout.js";
import { RUN_IO } from "../../../../../../kernel/abi/reasons.js";
import { type BareMachine, type BareMachineOptions, bareMachine } from "../../../../../support/bare-machine.js";
import { MachineGuard } from "../../../../../support/machine-guard.js";
import {
  type Buffer,
  type DriverQueue,
  EVENT_IDX,
  INDIRECT_DESC,
  NEEDS_RESET,
  VirtioDriver,
} from "../../../../../support/virtio-driver.js";

const block = suite("virtio/block");
const HEADER = 0x4001_0000;
const STATUS = 0x4001_1000;
const DATA = 0x4002_0000;
const UNTOUCHED = 0xaa;
const [GET_ID, UNKNOWN] = [8, 99];
const [OK, IOERR, UNSUPP] = [0, 1, 2];

function started(options: BareMachineOptions = {}, features = ~0) {
  const machine = bareMachine(options);
  const driver = new VirtioDriver(machine, 0);
  const [queue] = driver.start([{ index: 0, size: 128 }], features);
  return { machine, driver, queue: queue! };
}

/** Writes a request header for slot `n` and returns its descriptor and that of its status byte. */
function envelope(machine: BareMachine, type: number, sector: bigint, n = 0): { header: Buffer; status: Buffer } {
  const header = new DataView(new ArrayBuffer(16));
  header.setUint32(0, type, true);
  header.setBigUint64(8, sector, true);
  machine.writeRam(HEADER + n * 16, new Uint8Array(header.buffer));
  machine.write8(STATUS + n, UNTOUCHED);
  return {
    header: { address: HEADER + n * 16, length: 16 },
    status: { address: STATUS + n, length: 1, write: true },
  };
}

function request(queue: DriverQueue, type: number, sector: bigint, data: Buffer[], n = 0): number {
  const { header, status } = envelope(queue.driver.machine, type, sector, n);
  const head = queue.offer([header, ...data, status]);
  queue.kick();
  return head;
}

/** A discard or write-zeroes range, §5.2.6. */
function range(machine: BareMachine, sector: bigint, count: number, flags: number): Buffer {
  const bytes = new DataView(new ArrayBuffer(16));
  bytes.setBigUint64(0, sector, true);
  bytes.setUint32(8, count, true);
  bytes.setUint32(12, flags, true);
  machine.writeRam(DATA, new Uint8Array(bytes.buffer));
  return { address: DATA, length: 16 };
}

block("§5.2.4 configuration: capacity, seg_max, blk_size and the limits, at any access size", () => {
  const { machine, driver } = started({ diskSectors: 0x1_2345_6789n });
  assert.is(driver.read(0x100), 0x2345_6789);
  assert.is(driver.read(0x104), 1);
  assert.is(driver.read(0x10c), 34);
  assert.is(driver.read(0x114), 512);
  assert.is(machine.read16(driver.base + 0x102), 0x2345);
  assert.is(machine.read8(driver.base + 0x103), 0x23);
  assert.is(driver.read(0x124), 0x10000);
  assert.is(driver.read(0x128), 1);
  assert.is(machine.read8(driver.base + 0x138), 1);
  driver.write(0x100, 0);
  assert.is(driver.read(0x100), 0x2345_6789);
});

block("§5.2.6 a read: an entry with offsets into guest RAM, an exit, and completion by the host", () => {
  const { machine, driver, queue } = started();
  const head = request(queue, BLOCK_READ, 5n, [
    { address: DATA, length: 512, write: true },
    { address: DATA + 0x1000, length: 1024, write: true },
  ]);
  assert.is(machine.takeExit(), RUN_IO);
  const [entry] = machine.blockRequests();
  assert.equal(entry, {
    index: 0,
    state: BLOCK_PENDING,
    operation: BLOCK_READ,
    sector: 5n,
    sectorCount: 0,
    segments: [
      { offset: machine.ramOffset(DATA), length: 512 },
      { offset: machine.ramOffset(DATA + 0x1000), length: 1024 },
    ],
  });
  machine.blockTake(0);
  const guard = new MachineGuard(machine);
  guard.mark();
  for (const { offset, length } of entry!.segments) machine.bytes.fill(0x5a, offset, offset + length);
  assert.is(queue.used().length, 0);
  assert.is(machine.read8(STATUS), UNTOUCHED);
  machine.blockComplete(0, OK);
  guard.checkRam("the pages read into, the status and the used ring are marked dirty");
  assert.is(machine.read8(STATUS), OK);
  assert.equal(queue.used(), [{ id: head, length: 512 + 1024 + 1 }]);
  assert.ok(driver.line);
  assert.is(machine.blockState(0), BLOCK_FREE);
});

block("§5.2.6 a write: the header may lie in one buffer with data, cut anywhere (§2.7.4 framing)", () => {
  const { machine, queue } = started();
  const { header, status } = envelope(machine, BLOCK_WRITE, 7n);
  queue.offer([
    { address: header.address, length: 3 },
    { address: header.address + 3, length: 13 + 100 },
    { address: DATA, length: 412 },
    status,
  ]);
  queue.kick();
  const [entry] = machine.blockRequests();
  assert.is(entry!.sector, 7n);
  assert.equal(entry!.segments, [
    { offset: machine.ramOffset(header.address + 16), length: 100 },
    { offset: machine.ramOffset(DATA), length: 412 },
  ]);
  machine.blockComplete(0, OK);
  assert.equal(queue.used(), [{ id: 0, length: 1 }]);
});

block("§5.2.6 the status byte may be the last byte of the data buffer", () => {
  const { machine, queue } = started();
  const { header } = envelope(machine, BLOCK_READ, 0n);
  queue.offer([header, { address: DATA, length: 513, write: true }]);
  queue.kick();
  assert.equal(machine.blockRequests()[0]!.segments, [{ offset: machine.ramOffset(DATA), length: 512 }]);
  machine.write8(DATA + 512, UNTOUCHED);
  machine.blockComplete(0, IOERR);
  assert.is(machine.read8(DATA + 512), IOERR);
  assert.equal(queue.used(), [{ id: 0, length: 1 }]);
});

block("§5.2.6 flush reaches the host without data", () => {
  const { machine, queue } = started();
  request(queue, BLOCK_FLUSH, 0n, []);
  assert.is(machine.blockRequests()[0]!.operation, BLOCK_FLUSH);
  assert.equal(machine.blockRequests()[0]!.segments, []);
  machine.blockComplete(0, OK);
  assert.is(machine.read8(STATUS), OK);
});

block("§5.2.6 GET_ID gives the serial, 20 bytes or as many as fit, without the host", () => {
  const { machine, queue } = started({ diskSerial: "pocket-0123456789abc" });
  request(queue, GET_ID, 0n, [{ address: DATA, length: 20, write: true }]);
  assert.is(machine.read8(STATUS), OK);
  assert.is(new TextDecoder().decode(machine.readRam(DATA, 20)), "pocket-0123456789abc");
  request(queue, GET_ID, 0n, [{ address: DATA + 64, length: 4, write: true }]);
  assert.is(new TextDecoder().decode(machine.readRam(DATA + 64, 5)), "pock\0");
  assert.equal(machine.blockRequests(), []);
  assert.is(machine.takeExit(), 0);
});

block("§5.2.6 discard and write-zeroes: one range each, with its limits", () => {
  const { machine, queue } = started({ diskSectors: 0x20000n });
  request(queue, BLOCK_DISCARD, 0n, [range(machine, 16n, 32, 0)]);
  request(queue, BLOCK_WRITE_ZEROES, 0n, [range(machine, 0x10000n, 0x10000, 1)]);
  const [discard, zeroes] = machine.blockRequests();
  assert.is(discard!.operation, BLOCK_DISCARD);
  assert.is(discard!.sector, 16n);
  assert.is(discard!.sectorCount, 32);
  assert.is(zeroes!.operation, BLOCK_WRITE_ZEROES);
  assert.is(zeroes!.sectorCount, 0x10000);
  const cases: [
    what: string,
    type: number,
    sector: bigint,
    count: number,
    flags: number,
    bytes: number,
    status: number,
  ][] = [
    ["§5.2.6.2: unmap means nothing for a discard", BLOCK_DISCARD, 0n, 8, 1, 16, UNSUPP],
    ["an unknown flag", BLOCK_WRITE_ZEROES, 0n, 8, 2, 16, UNSUPP],
    ["more than max_discard_sectors", BLOCK_DISCARD, 0n, 0x10001, 0, 16, IOERR],
    ["no sectors", BLOCK_DISCARD, 0n, 0, 0, 16, IOERR],
    ["across the end of the disk", BLOCK_DISCARD, 0x1ffffn, 2, 0, 16, IOERR],
    ["a sector that overflows", BLOCK_DISCARD, 2n ** 64n - 1n, 2, 0, 16, IOERR],
    ["two ranges", BLOCK_DISCARD, 0n, 8, 0, 32, IOERR],
    ["half a range", BLOCK_WRITE_ZEROES, 0n, 8, 0, 15, IOERR],
  ];
  for (const [what, type, sector, count, flags, length, status] of cases) {
    range(machine, sector, count, flags);
    request(queue, type, 0n, [{ address: DATA, length }]);
    assert.is(machine.read8(STATUS), status, what);
  }
  assert.is(machine.blockRequests().length, 2);
});

block("§5.2.6 what cannot succeed is answered at once and never reaches the host", () => {
  const { machine, queue } = started({ diskSectors: 100n });
  const sector = (length: number, write: boolean): Buffer[] => [{ address: DATA, length, write }];
  const cases: [string, number, bigint, Buffer[], number][] = [
    ["a read beyond the end", BLOCK_READ, 100n, sector(512, true), IOERR],
    ["a read across the end", BLOCK_READ, 99n, sector(1024, true), IOERR],
    ["a sector that overflows", BLOCK_READ, 2n ** 64n - 1n, sector(512, true), IOERR],
    ["a sector that wraps in bytes", BLOCK_WRITE, 2n ** 55n, sector(512, false), IOERR],
    ["half a sector", BLOCK_READ, 0n, sector(256, true), IOERR],
    ["a write of no data", BLOCK_WRITE, 0n, [], IOERR],
    ["an unknown type", UNKNOWN, 0n, sector(512, true), UNSUPP],
    ["35 segments", BLOCK_READ, 0n, Array.from({ length: 35 }, () => sector(512, true)[0]!), IOERR],
  ];
  for (const [what, type, at, data, status] of cases) {
    request(queue, type, at, data);
    assert.is(machine.read8(STATUS), status, what);
    assert.is(queue.used().length, 1, what);
    assert.equal(machine.blockRequests(), [], what);
  }
  assert.is(machine.takeExit(), 0);
  request(
    queue,
    BLOCK_READ,
    99n,
    Array.from({ length: 32 }, () => ({ address: DATA, length: 16, write: true })),
  );
  assert.is(machine.blockRequests().length, 1, "the last sector, in 32 pieces");
});

block("§5.2.3 read-only: RO is offered, DISCARD and WRITE_ZEROES are not, and writes fail", () => {
  const { machine, driver, queue } = started({ diskFlags: DISK_READ_ONLY });
  assert.is(driver.deviceFeatures & ((1 << 5) | (1 << 13) | (1 << 14)), 1 << 5);
  request(queue, BLOCK_WRITE, 0n, [{ address: DATA, length: 512 }]);
  assert.is(machine.read8(STATUS), IOERR);
  request(queue, BLOCK_DISCARD, 0n, [range(machine, 0n, 8, 0)]);
  assert.is(machine.read8(STATUS), UNSUPP);
  assert.equal(machine.blockRequests(), []);
  request(queue, BLOCK_READ, 0n, [{ address: DATA, length: 512, write: true }]);
  assert.is(machine.blockRequests().length, 1);
});

block("a disk that is not there fails every access", () => {
  const { machine, queue } = started();
  machine.store32(0x1000 + 40, 0);
  request(queue, BLOCK_READ, 0n, [{ address: DATA, length: 512, write: true }]);
  assert.is(machine.read8(STATUS), IOERR);
});

block("§5.2.6 a request without header or status byte breaks the device", () => {
  for (const buffers of [
    [{ address: HEADER, length: 16 }],
    [
      { address: HEADER, length: 15 },
      { address: STATUS, length: 1, write: true },
    ],
    [{ address: STATUS, length: 1, write: true }],
    [
      { address: HEADER, length: 16 },
      { address: STATUS, length: 0, write: true },
    ],
  ]) {
    const { driver, queue } = started();
    queue.offer(buffers);
    queue.kick();
    assert.ok(driver.status & NEEDS_RESET);
  }
});

block("more requests than the table holds wait in the ring and follow as entries come free, out of order too", () => {
  const { machine, queue } = started({}, INDIRECT_DESC | EVENT_IDX);
  const count = BLOCK_REQUEST_COUNT + 4;
  for (let n = 0; n < count; n++) {
    const { header, status } = envelope(machine, BLOCK_READ, BigInt(n), n);
    queue.offerIndirect([header, { address: DATA, length: 512, write: true }, status], 0x4003_0000 + n * 0x100);
  }
  queue.kick();
  assert.is(machine.blockRequests().length, BLOCK_REQUEST_COUNT);
  const served = new Set<bigint>();
  while (machine.blockRequests().length) {
    const entries = machine.blockRequests();
    const entry = entries[entries.length - 1]!;
    served.add(entry.sector);
    machine.blockTake(entry.index);
    machine.blockComplete(entry.index, OK);
  }
  assert.is(served.size, count);
  assert.is(queue.used().length, count);
  for (let n = 0; n < count; n++) assert.is(machine.read8(STATUS + n), OK);
});

block(
  "§2.4 reset in mid-transfer: what the host has is cancelled, what it has not is freed, and the guest is not touched",
  () => {
    const { machine, driver, queue } = started();
    for (let n = 0; n < 2; n++) request(queue, BLOCK_READ, 0n, [{ address: DATA, length: 512, write: true }], n);
    machine.blockTake(0);
    driver.status = 0;
    assert.is(machine.blockState(0), BLOCK_CANCELLED);
    assert.is(machine.blockState(1), BLOCK_FREE);
    machine.writeRam(0x4000_0000, new Uint8Array(0x2000));
    const [fresh] = driver.start([{ index: 0, size: 128 }]);
    request(fresh!, BLOCK_FLUSH, 0n, [], 2);
    assert.is(machine.blockState(0), BLOCK_CANCELLED, "an entry that the host holds is not given out again");
    const before = machine.readRam(0x4000_0000, machine.ramBytes);
    machine.blockComplete(0, OK);
    assert.is(machine.blockState(0), BLOCK_FREE);
    assert.equal(machine.readRam(0x4000_0000, machine.ramBytes), before);
    assert.is(machine.read8(STATUS), UNTOUCHED);
    machine.blockComplete(1, OK);
    assert.is(machine.read8(STATUS + 2), OK, "the new generation's own request completes");
  },
);

block("§4.2.2.2 QueueReady 0 and a power-on reset cancel as well", () => {
  for (const stop of [
    (driver: VirtioDriver) => (driver.write(0x030, 0), driver.write(0x044, 0)),
    (driver: VirtioDriver) => driver.machine.reset(),
  ]) {
    const { machine, driver, queue } = started();
    request(queue, BLOCK_READ, 0n, [{ address: DATA, length: 512, write: true }]);
    machine.blockTake(0);
    stop(driver);
    assert.is(machine.blockState(0), BLOCK_CANCELLED);
    machine.blockComplete(0, OK);
    assert.is(machine.read8(STATUS), UNTOUCHED);
  }
});

block("a completion that nothing awaits is ignored; a status that is none counts as unsupported", () => {
  const { machine, queue } = started();
  for (const index of [0, 15, 16, 0xffff_ffff]) machine.blockComplete(index, OK);
  assert.is(queue.used().length, 0);
  request(queue, BLOCK_FLUSH, 0n, []);
  machine.blockComplete(0, 77);
  machine.blockComplete(0, OK);
  assert.is(machine.read8(STATUS), UNSUPP);
  assert.is(queue.used().length, 1);
});

block.run();
