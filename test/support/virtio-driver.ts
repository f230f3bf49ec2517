// The guest's side of a virtio-mmio device, for tests: negotiates, lays split rings out in guest RAM, and plays by the rules or
// breaks them, as the test likes. VIRTIO 1.2 §2.7 and §4.2.

import type { BareMachine } from "./bare-machine.js";

export const [ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK, NEEDS_RESET] = [1, 2, 4, 8, 64];
export const [F_NEXT, F_WRITE, F_INDIRECT] = [1, 2, 4];
export const INDIRECT_DESC = 1 << 28;
export const EVENT_IDX = 1 << 29;

export interface Buffer {
  address: number;
  length: number;
  write?: boolean;
}

/** One split virtqueue: descriptor table, available ring and used ring in guest RAM from `base`. */
export class DriverQueue {
  readonly table: number;
  readonly driverRing: number;
  readonly deviceRing: number;
  private nextDescriptor = 0;
  private available = 0;
  private usedSeen = 0;

  constructor(
    readonly driver: VirtioDriver,
    readonly index: number,
    readonly size: number,
    readonly base: number,
  ) {
    this.table = base;
    this.driverRing = base + size * 16;
    this.deviceRing = (this.driverRing + 6 + size * 2 + 3) & ~3;
  }

  /** Programs the queue registers and sets QueueReady. */
  enable(): void {
    const { driver } = this;
    driver.write(0x030, this.index);
    driver.write(0x038, this.size);
    driver.write(0x080, this.table);
    driver.write(0x084, 0);
    driver.write(0x090, this.driverRing);
    driver.write(0x094, 0);
    driver.write(0x0a0, this.deviceRing);
    driver.write(0x0a4, 0);
    driver.write(0x044, 1);
  }

  descriptor(n: number, address: number, length: number, flags: number, next: number, at = this.table): void {
    const { machine } = this.driver;
    machine.write32(at + n * 16, address);
    machine.write32(at + n * 16 + 4, 0);
    machine.write32(at + n * 16 + 8, length);
    machine.write16(at + n * 16 + 12, flags);
    machine.write16(at + n * 16 + 14, next);
  }

  /** Describes the buffers and makes them available, without a kick. Returns the head. */
  offer(buffers: Buffer[]): number {
    const head = this.nextDescriptor % this.size;
    buffers.forEach((buffer, n) => {
      const last = n === buffers.length - 1;
      const flags = (buffer.write ? F_WRITE : 0) | (last ? 0 : F_NEXT);
      this.descriptor((head + n) % this.size, buffer.address, buffer.length, flags, (head + n + 1) % this.size);
    });
    this.nextDescriptor += buffers.length;
    this.publish(head);
    return head;
  }

  /** The same in an indirect table at `at`. */
  offerIndirect(buffers: Buffer[], at: number): number {
    buffers.forEach((buffer, n) => {
      const last = n === buffers.length - 1;
      this.descriptor(n, buffer.address, buffer.length, (buffer.write ? F_WRITE : 0) | (last ? 0 : F_NEXT), n + 1, at);
    });
    const head = this.nextDescriptor++ % this.size;
    this.descriptor(head, at, buffers.length * 16, F_INDIRECT, 0);
    this.publish(head);
    return head;
  }

  /** Puts a head into the available ring. */
  publish(head: number): void {
    const { machine } = this.driver;
    machine.write16(this.driverRing + 4 + (this.available % this.size) * 2, head);
    this.available = (this.available + 1) & 0xffff;
    machine.write16(this.driverRing + 2, this.available);
  }

  kick(): void {
    this.driver.write(0x050, this.index);
  }

  /** Used elements since the last call. */
  used(): { id: number; length: number }[] {
    const { machine } = this.driver;
    const elements = [];
    for (; this.usedSeen !== machine.read16(this.deviceRing + 2); this.usedSeen = (this.usedSeen + 1) & 0xffff) {
      const at = this.deviceRing + 4 + (this.usedSeen % this.size) * 8;
      elements.push({ id: machine.read32(at), length: machine.read32(at + 4) });
    }
    return elements;
  }

  setUsedEvent(value: number): void {
    this.driver.machine.write16(this.driverRing + 4 + this.size * 2, value & 0xffff);
  }
  get availEvent(): number {
    return this.driver.machine.read16(this.deviceRing + 4 + this.size * 8);
  }
}

export class VirtioDriver {
  readonly base: number;

  constructor(
    readonly machine: BareMachine,
    readonly slot: number,
  ) {
    this.base = 0x0a00_0000 + slot * 0x200;
  }

  read(offset: number): number {
    return this.machine.read32(this.base + offset);
  }
  write(offset: number, value: number): void {
    this.machine.write32(this.base + offset, value);
  }
  get status(): number {
    return this.read(0x070);
  }
  set status(value: number) {
    this.write(0x070, value);
  }
  get interruptStatus(): number {
    return this.read(0x060);
  }
  acknowledge(): void {
    this.write(0x064, this.interruptStatus);
  }
  /** The device's interrupt line, as the GIC sees it (level-sensitive after reset). */
  get line(): boolean {
    return ((this.machine.read32(0x0800_0204) >>> (16 + this.slot)) & 1) === 1;
  }
  get deviceFeatures(): number {
    this.write(0x014, 0);
    return this.read(0x010);
  }

  /** Reset, then negotiation up to FEATURES_OK. `features` are taken as far as they are offered, all by default. */
  negotiate(features = ~0): void {
    this.status = 0;
    this.status = ACKNOWLEDGE;
    this.status = ACKNOWLEDGE | DRIVER;
    const offered = this.deviceFeatures;
    this.write(0x024, 0);
    this.write(0x020, offered & features);
    this.write(0x024, 1);
    this.write(0x020, 1);
    this.status = ACKNOWLEDGE | DRIVER | FEATURES_OK;
    if (!(this.status & FEATURES_OK)) throw new Error("the device refused FEATURES_OK");
  }

  /** Negotiates, enables `queues` of {index, size} one after the other from `base` in guest RAM, and sets DRIVER_OK. */
  start(queues: { index: number; size: number }[], features = ~0, base = 0x4000_0000): DriverQueue[] {
    this.negotiate(features);
    const made = queues.map(({ index, size }, n) => new DriverQueue(this, index, size, base + n * 0x2000));
    for (const queue of made) queue.enable();
    this.status = ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK;
    return made;
  }
}
