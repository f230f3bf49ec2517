// Watches what devices may never do, whatever the guest does to them: change memory that is not theirs, hand the host an offset
// outside of guest RAM, or leave a page that they wrote unmarked.

import * as assert from "uvu/assert";
import * as abi from "../../kernel/abi/layout.js";
import type { BareMachine } from "./bare-machine.js";

const PAGE = 4096;
const PAGE_DIRTY = 1;

export class MachineGuard {
  private readonly outside: { start: number; end: number; copy: Buffer }[];
  private readonly ramStart: number;
  private ramCopy: Buffer;

  constructor(readonly machine: BareMachine) {
    this.ramStart = machine.load32(abi.CONFIG_RAM_OFFSET);
    const recordsEnd = abi.STATIC_END + (machine.ramBytes / PAGE) * abi.PAGE_RECORD_BYTES;
    const networkBytes = machine.load32(abi.CONFIG_NETWORK_BYTES);
    const networkAt = networkBytes > 0 ? machine.load32(abi.CONFIG_NETWORK_OFFSET) : this.ramStart;
    const ranges: [number, number][] = [
      [0, abi.CLOCK_STATE], // the page for lost pointers, CPU, VFP
      [abi.CONFIG, abi.STATS],
      [abi.WORK_VISITS + 4, abi.GIC_STATE],
      [abi.SP805_STATE + 0x100, abi.PL061_STATE],
      [abi.PL061_STATE + 0x100, abi.NETWORK_INDEX],
      [abi.NETWORK_INDEX + 0x40, abi.VIRTIO_STATE],
      [abi.ENTROPY_POOL + 4 + abi.ENTROPY_POOL_CAPACITY, abi.CONSOLE_INPUT],
      [abi.VIRTIO_BUFFER + abi.VIRTIO_BUFFER_BYTES, abi.STATIC_DATA_END],
      [recordsEnd, networkAt],
      [networkAt + networkBytes, this.ramStart],
      [this.ramStart + machine.ramBytes, machine.bytes.length], // a page too many, to see what runs over the end
    ];
    this.outside = ranges.map(([start, end]) => ({ start, end, copy: Buffer.from(machine.bytes.slice(start, end)) }));
    this.ramCopy = this.ram();
  }

  private ram(): Buffer {
    return Buffer.from(this.machine.bytes.slice(this.ramStart, this.ramStart + this.machine.ramBytes));
  }
  private record(page: number): number {
    return abi.STATIC_END + page * abi.PAGE_RECORD_BYTES + 12;
  }

  /** From here on, changed RAM pages must be marked. Call it after the guest has written. */
  mark(): void {
    this.ramCopy = this.ram();
    for (let page = 0; page < this.machine.ramBytes / PAGE; page++) this.machine.store32(this.record(page), 0);
  }

  /** Guest RAM has changed since mark() only where `allowed` says, and only in pages marked dirty. */
  checkRam(what: string, allowed?: (offset: number) => boolean): void {
    const now = this.ram();
    for (let at = 0; at < now.length; at += PAGE) {
      if (now.compare(this.ramCopy, at, at + PAGE, at, at + PAGE) === 0) continue;
      const marked = this.machine.load32(this.record(at / PAGE)) & PAGE_DIRTY;
      assert.ok(marked, `${what}: page ${at / PAGE} changed and is not marked dirty`);
      if (!allowed) continue;
      for (let n = at; n < at + PAGE; n++) {
        if (now[n] !== this.ramCopy[n]) assert.ok(allowed(n), `${what}: RAM + 0x${n.toString(16)} was written`);
      }
    }
  }

  /** Everything else that must hold at any time. */
  check(what: string): void {
    const { machine } = this;
    for (const { start, end, copy } of this.outside) {
      const same = Buffer.from(machine.bytes.buffer, start, end - start).compare(copy) === 0;
      assert.ok(same, `${what}: [0x${start.toString(16)}, 0x${end.toString(16)}) has changed`);
    }
    assert.ok(machine.load32(abi.IRQ_LINE) <= 1, `${what}: IRQ_LINE`);
    assert.ok(machine.load32(abi.ENTROPY_POOL) <= abi.ENTROPY_POOL_CAPACITY, `${what}: entropy pool`);
    for (let port = 0; port < abi.CONSOLE_PORT_COUNT; port++) {
      const output = abi.CONSOLE_OUTPUT_INDEX + port * 8;
      const fill = (machine.load32(output) - machine.load32(output + 4)) >>> 0;
      assert.ok(fill <= abi.CONSOLE_OUTPUT_BYTES, `${what}: output ring ${port} holds ${fill}`);
      assert.ok(machine.consoleInputCount(port) <= abi.CONSOLE_INPUT_BYTES, `${what}: input ring ${port}`);
    }
    const capacity = machine.view.getBigUint64(abi.CONFIG_DISK_SECTORS_LOW, true);
    for (const request of machine.blockRequests()) {
      if (request.state === abi.BLOCK_CANCELLED) continue;
      assert.ok(request.segments.length <= abi.BLOCK_SEGMENT_MAX, `${what}: segments`);
      let bytes = 0;
      for (const { offset, length } of request.segments) {
        const inside = offset >= this.ramStart && offset + length <= this.ramStart + machine.ramBytes;
        assert.ok(inside && length > 0, `${what}: request ${request.index} points at [${offset}, +${length})`);
        bytes += length;
      }
      assert.is(bytes % 512, 0, `${what}: whole sectors`);
      const sectors = BigInt(bytes / 512 + request.sectorCount);
      assert.ok(request.sector + sectors <= capacity, `${what}: inside the disk`);
    }
  }
}

/** The host, at random: drains and fills rings, serves, fails and keeps block requests, tops up entropy, lets time pass. */
export function randomHost(machine: BareMachine, below: (count: number) => number): void {
  switch (below(machine.load32(abi.CONFIG_NETWORK_BYTES) > 0 ? 9 : 8)) {
    case 8: {
      machine.networkSent();
      const frame = new Uint8Array(abi.NETWORK_FRAME_LEAST + below(below(2) === 1 ? 65_000 : 600)).fill(0x5a);
      const header = below(2) === 1 ? Uint8Array.from({ length: 12 }, () => below(256)) : new Uint8Array(12);
      if (below(3) === 0) header[1] = below(6);
      machine.networkBring(frame, header);
      return;
    }
    case 0:
      machine.pressPowerKey();
      return;
    case 1:
      machine.consoleOutput(below(abi.CONSOLE_PORT_COUNT));
      return;
    case 2: {
      const port = below(abi.CONSOLE_PORT_COUNT);
      machine.consoleInput(
        port,
        "x".repeat(Math.min(below(300), abi.CONSOLE_INPUT_BYTES - machine.consoleInputCount(port))),
      );
      return;
    }
    case 3:
      machine.fillEntropy(
        new Uint8Array(Math.min(below(600), abi.ENTROPY_POOL_CAPACITY - machine.entropyCount)).fill(0xe7),
      );
      return;
    case 4:
      for (const { index, state } of machine.blockRequests()) {
        if (state === abi.BLOCK_PENDING && below(2)) machine.blockTake(index);
      }
      return;
    case 5:
      for (const { index, state, operation, segments } of machine.blockRequests()) {
        if (below(2)) continue;
        const status = below(4);
        if (operation === abi.BLOCK_READ && status === 0 && state !== abi.BLOCK_CANCELLED) {
          for (const { offset, length } of segments) machine.bytes.fill(0xd1, offset, offset + length);
        }
        machine.blockComplete(index, status);
      }
      return;
    case 6:
      machine.advance(below(100_000));
      machine.tick();
      return;
    default:
      machine.takeExit();
      machine.tick();
  }
}
