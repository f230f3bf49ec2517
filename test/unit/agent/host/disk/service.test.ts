// Block requests from the machine's table to a disk and back, served in place and by an I/O worker's turn.

import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  BLOCK_CANCELLED,
  BLOCK_FREE,
  BLOCK_PENDING,
  BLOCK_READ,
  BLOCK_REQUESTS,
  BLOCK_REQUEST_BYTES,
  BLOCK_REQUEST_OPERATION,
  BLOCK_REQUEST_SECTOR_LOW,
  BLOCK_REQUEST_SEGMENTS,
  BLOCK_REQUEST_SEGMENT_COUNT,
  BLOCK_REQUEST_STATE,
  BLOCK_TAKEN,
  BLOCK_WRITE,
  BLOCK_WRITE_ZEROES,
  BLOCK_REQUEST_SECTOR_COUNT,
} from "../../../../../kernel/abi/layout.js";
import { BlockStore, STATUS_ERROR, STATUS_OK, STATUS_UNSUPPORTED } from "../../../../../agent/host/disk/block-store.js";
import { DiskQueue } from "../../../../../agent/host/disk/queue.js";
import { DiskService } from "../../../../../agent/host/disk/service.js";
import type { Machine } from "../../../../../agent/host/machine/machine.js";
import { Generator } from "../../../../support/generator.js";
import { scriptedMachine } from "../../../../support/scripted-machine.js";
import { temporaryFile } from "../../../../support/temporary.js";

const RAM = 0x40000;
type Segment = [offset: number, length: number];

function request(machine: Machine, slot: number, operation: number, sector: number, segments: Segment[]): void {
  const at = BLOCK_REQUESTS + slot * BLOCK_REQUEST_BYTES;
  machine.setWord(at + BLOCK_REQUEST_OPERATION, operation);
  machine.setWord(at + BLOCK_REQUEST_SECTOR_LOW, sector);
  machine.setWord(at + BLOCK_REQUEST_SEGMENT_COUNT, segments.length);
  segments.slice(0, 34).forEach(([offset, length], n) => {
    machine.setWord(at + BLOCK_REQUEST_SEGMENTS + n * 8, offset);
    machine.setWord(at + BLOCK_REQUEST_SEGMENTS + n * 8 + 4, length);
  });
  machine.setWord(at + BLOCK_REQUEST_STATE, BLOCK_PENDING);
}

/** A machine that notes completions and frees their entries, as the device does. */
function machineWithDisk(): { machine: Machine; completed: [number, number][] } {
  const completed: [number, number][] = [];
  const machine = scriptedMachine({
    run: () => 0,
    blockComplete: (index, status) => {
      completed.push([index, status]);
      machine.setWord(BLOCK_REQUESTS + index * BLOCK_REQUEST_BYTES + BLOCK_REQUEST_STATE, BLOCK_FREE);
    },
  });
  return { machine, completed };
}

/** What the I/O worker's loop does with what was submitted. */
function ioWorkerTurn(queue: DiskQueue, store: BlockStore): void {
  for (const { slot, piece } of queue.submitted()) {
    queue.complete(slot, store.serve(piece.operation, piece.sector, piece.byteCount, queue.data(slot)));
  }
}

const disk = suite("disk-service");

for (const where of ["in place", "by the I/O worker"]) {
  disk(`random segments are written and read back whole, ${where}`, () => {
    const generator = new Generator(5);
    const path = temporaryFile(Buffer.alloc(1 << 20));
    const store = new BlockStore(path, false);
    const queue = new DiskQueue(4096);
    const { machine, completed } = machineWithDisk();
    const service = new DiskService(machine, where === "in place" ? { store } : { queue });
    const finish = (): void => {
      service.takeRequests();
      while (service.busy) {
        ioWorkerTurn(queue, store);
        service.takeCompletions();
      }
    };
    for (let round = 0; round < 100; round++) {
      const lengths = Array.from({ length: 1 + generator.below(6) }, () => 1 + generator.below(20_000));
      const total = lengths.reduce((sum, length) => sum + length, 0);
      lengths.push((512 - (total % 512)) % 512);
      const bytes = generator.bytes(total + lengths.at(-1)!);
      let at = RAM;
      const segments = lengths.map((length): Segment => [(at += length + 3) - length, length]);
      let taken = 0;
      for (const [offset, length] of segments) machine.bytes.set(bytes.subarray(taken, (taken += length)), offset);
      const sector = generator.below(1500);
      request(machine, 3, BLOCK_WRITE, sector, segments);
      finish();
      assert.ok(
        readFileSync(path)
          .subarray(sector * 512, sector * 512 + bytes.length)
          .equals(bytes),
      );
      machine.bytes.fill(0, RAM);
      request(machine, 3, BLOCK_READ, sector, segments);
      finish();
      const read = Buffer.concat(segments.map(([offset, length]) => machine.bytes.slice(offset, offset + length)));
      assert.ok(read.equals(bytes));
      assert.equal(completed.splice(0), [
        [3, STATUS_OK],
        [3, STATUS_OK],
      ]);
    }
    store.close();
  });
}

disk(
  "bad requests complete with a status and touch nothing: unknown operation, segments outside of memory, half sectors",
  () => {
    const store = new BlockStore(temporaryFile(Buffer.alloc(1 << 20)), false);
    const { machine, completed } = machineWithDisk();
    const service = new DiskService(machine, { store });
    request(machine, 0, 77, 0, [[RAM, 512]]);
    request(machine, 1, BLOCK_READ, 0, [[0xfffff000, 0x2000]]);
    request(machine, 2, BLOCK_READ, 0, [[RAM, 100]]);
    request(
      machine,
      3,
      BLOCK_READ,
      0,
      Array.from({ length: 35 }, (): Segment => [RAM, 512]),
    );
    request(machine, 4, BLOCK_WRITE, 4000, [[RAM, 512]]);
    service.takeRequests();
    assert.equal(completed, [
      [0, STATUS_UNSUPPORTED],
      [1, STATUS_ERROR],
      [2, STATUS_ERROR],
      [3, STATUS_ERROR],
      [4, STATUS_ERROR],
    ]);
    store.close();
  },
);

disk(
  "a request that the device cancelled while it was under way is dropped: no data, and the entry is handed back",
  () => {
    const store = new BlockStore(temporaryFile(Buffer.alloc(4096, 0xee)), false);
    const queue = new DiskQueue(4096);
    const { machine, completed } = machineWithDisk();
    const service = new DiskService(machine, { queue });
    request(machine, 0, BLOCK_READ, 0, [[RAM, 512]]);
    service.takeRequests();
    assert.is(machine.word(BLOCK_REQUESTS + BLOCK_REQUEST_STATE), BLOCK_TAKEN);
    machine.setWord(BLOCK_REQUESTS + BLOCK_REQUEST_STATE, BLOCK_CANCELLED);
    ioWorkerTurn(queue, store);
    assert.is(service.takeCompletions(), false);
    // The device makes nothing of it but a free entry.
    assert.equal(completed, [[0, STATUS_OK]]);
    assert.equal([machine.bytes[RAM], service.busy], [0, false]);
    store.close();
  },
);

disk("a machine that goes waits for nobody; the next one's requests wait for what is still under way", () => {
  const store = new BlockStore(temporaryFile(Buffer.alloc(4096)), false);
  const queue = new DiskQueue(4096);
  const { machine, completed } = machineWithDisk();
  const service = new DiskService(machine, { queue });
  request(machine, 0, BLOCK_WRITE, 0, [[RAM, 512]]);
  service.takeRequests();
  service.abandon();
  assert.equal([completed.length, service.busy, service.settling], [0, false, true]);
  assert.is(machine.word(BLOCK_REQUESTS + BLOCK_REQUEST_STATE), BLOCK_FREE, "a reset would take it for cancelled");
  // The same machine after a reset, and a new one on the same queue.
  const next = machineWithDisk();
  for (const [each, on] of [
    [service, machine],
    [new DiskService(next.machine, { queue }), next.machine],
  ] as const) {
    request(on, 1, BLOCK_READ, 0, [[RAM, 512]]);
    assert.is(each.takeRequests(), false);
    assert.equal([each.busy, each.settling], [false, true]);
  }
  ioWorkerTurn(queue, store);
  assert.is(service.settling, false);
  service.takeRequests();
  assert.is(service.busy, true);
  ioWorkerTurn(queue, store);
  assert.is(service.takeCompletions(), true);
  assert.equal(completed, [[1, STATUS_OK]]);
  store.close();
});

disk("what the I/O worker worked is billed, and nothing more is handed over before the partition has paid", () => {
  const store = new BlockStore(temporaryFile(Buffer.alloc(1 << 16)), false);
  const queue = new DiskQueue(512);
  const { machine, completed } = machineWithDisk();
  const bills: number[] = [];
  let paid = true;
  const service = new DiskService(
    machine,
    { queue },
    {
      ...{ charge: () => "now", lost: () => undefined },
      ...{ spent: (nanoseconds) => void bills.push(nanoseconds), paid: () => paid },
    },
  );
  request(machine, 0, BLOCK_WRITE, 0, [[RAM, 2048]]);
  service.takeRequests();
  for (let piece = 1; piece <= 4; piece++) {
    ioWorkerTurn(queue, store);
    queue.spend(7000 + piece);
    paid = false;
    assert.is(service.takeCompletions(), piece === 4);
    assert.equal(bills.splice(0), [7000 + piece]);
    if (piece === 4) break;
    assert.is(service.owing, true);
    service.release();
    assert.is(queue.progress(), null, "nothing is under way while it owes");
    paid = true;
    service.release();
    assert.is(service.owing, false);
  }
  assert.equal(completed, [[0, STATUS_OK]]);
  // A new request waits too.
  paid = false;
  request(machine, 2, BLOCK_READ, 0, [[RAM, 512]]);
  service.takeRequests();
  assert.equal([service.busy, service.owing], [false, true]);
  paid = true;
  service.release();
  service.takeRequests();
  assert.is(service.busy, true);
  store.close();
});

disk("zeroes are written in pieces that are billed one by one", () => {
  const store = new BlockStore(temporaryFile(Buffer.alloc(1 << 20, 7)), false);
  const queue = new DiskQueue(512);
  const { machine, completed } = machineWithDisk();
  const service = new DiskService(machine, { queue });
  request(machine, 0, BLOCK_WRITE_ZEROES, 0, []);
  machine.setWord(BLOCK_REQUESTS + BLOCK_REQUEST_SECTOR_COUNT, 2048);
  service.takeRequests();
  let turns = 0;
  for (; completed.length === 0; turns++) {
    ioWorkerTurn(queue, store);
    service.takeCompletions();
  }
  assert.is(turns, 4);
  store.close();
});

disk(
  "a request that is held back stays pending, and those behind it; each is charged once, and none is passed over for ever",
  () => {
    for (const where of ["in place", "by the I/O worker"]) {
      const generator = new Generator(9);
      const store = new BlockStore(temporaryFile(Buffer.alloc(1 << 20)), false);
      const queue = new DiskQueue(512);
      const { machine, completed } = machineWithDisk();
      let tokens = 0;
      const charged: number[] = [];
      const charge = (bytes: number): "now" | "later" => {
        if (tokens < 1) return "later";
        tokens--;
        charged.push(bytes);
        return "now";
      };
      const backend = where === "in place" ? { store } : { queue };
      const service = new DiskService(machine, backend, {
        ...{ charge, lost: () => undefined, spent: () => undefined, paid: () => true },
      });
      const waiting = new Map<number, { bytes: number; round: number }>();
      let asked = 0;
      for (let round = 0; round < 400; round++) {
        const slot = generator.below(16);
        if (!waiting.has(slot)) {
          const bytes = 512 * (1 + generator.below(5));
          request(machine, slot, BLOCK_WRITE, 0, [[RAM, bytes]]);
          waiting.set(slot, { bytes, round });
          asked++;
        }
        tokens += generator.below(2);
        const held = tokens === 0;
        service.takeRequests();
        if (held) assert.is(completed.length, 0, "nothing passes without a token, however often it is looked at");
        service.release();
        service.takeRequests();
        while (service.busy) {
          ioWorkerTurn(queue, store);
          service.takeCompletions();
        }
        for (const [done, status] of completed.splice(0)) {
          assert.is(status, STATUS_OK);
          assert.ok(
            round - waiting.get(done)!.round < 100,
            `entry ${done} waited ${round - waiting.get(done)!.round} rounds`,
          );
          waiting.delete(done);
        }
      }
      assert.is(charged.length, asked - waiting.size, "each that passed was charged once, whole");
      assert.ok(charged.length > 150);
      store.close();
    }
  },
);

disk.run();
