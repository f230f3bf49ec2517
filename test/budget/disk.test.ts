// Disks under limits: what a guest asks of its disk passes at its rate and is paid from its reserve, once; what must wait waits alone. The
// guest of test/guest/bare/disk.S asks all the time ("r" reads, "w" writes, "f" flushes …, asleep until it is done; "p" spins).

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { BlockStore } from "../../agent/host/disk/block-store.js";
import { DiskQueue } from "../../agent/host/disk/queue.js";
import {
  BOARD,
  bringUp,
  consoleOf,
  diskPartitionOf,
  partitionOf,
  playHandset,
  type Played,
  type Scripted,
} from "../support/handset.js";
import { temporaryFile } from "../support/temporary.js";
import type { IoContract, RateLimit } from "../../agent/handset/contracts.js";
import type { PartitionSnapshot } from "../../agent/view.js";
import type { LoadedSpec } from "../../agent/host/between/messages.js";

const REQUEST_BYTES = 4096;
const END_MS = 2_000;
const FREE: IoContract = { blockOperations: null, blockBytes: null, consoleBytes: null };
const image = (): string => temporaryFile(Buffer.alloc(256 << 10, 0x5a));

const disk = suite("disks under limits");

interface Backend {
  name: string;
  spec(change: Partial<LoadedSpec>): LoadedSpec;
  play(script: Scripted[], endMs?: number): Played;
}

/** A disk that the loop serves itself, and one that an I/O worker serves, played by hand. */
function backends(): Backend[] {
  const path = image();
  const queue = new DiskQueue(1024);
  const store = new BlockStore(path, false);
  const turn = (): boolean => {
    const pieces = queue.submitted();
    for (const { slot, piece } of pieces) {
      queue.complete(slot, store.serve(piece.operation, piece.sector, piece.byteCount, queue.data(slot)));
    }
    return pieces.length > 0;
  };
  return [
    {
      name: "served in place",
      spec: (change) => diskPartitionOf("disk", path, change),
      play: (script, endMs = END_MS) => playHandset(script, endMs),
    },
    {
      name: "served by a queue",
      spec: (change) => diskPartitionOf("disk", path, change, queue),
      play: (script, endMs = END_MS) => playHandset(script, endMs, BOARD, { round: turn }),
    },
  ];
}

const of = (played: Played, name: string): PartitionSnapshot =>
  played.snapshot.partitions.find((each) => each.name === name)!;
const used = (partition: PartitionSnapshot): { operations: number; bytes: number } => ({
  operations: partition.io[0]!.used,
  bytes: partition.io[1]!.used,
});

function within(actual: number, least: number, most: number, what: string): void {
  assert.ok(actual >= least && actual <= most, `${what}: ${actual} is not from ${least} to ${most}`);
}

/** What has passed is the rate, within one burst, and the guest slept while it waited. */
function keepsRate(played: Played, passed: number, { rate, burst }: RateLimit, what: string): void {
  const due = (rate * played.snapshot.nowNs) / 1e9;
  within(passed, due - burst, due + burst, what);
  assert.ok(of(played, "disk").cpu.timeNs < played.snapshot.nowNs / 100, `${what}: it sleeps meanwhile`);
}

for (const { name, spec, play } of backends()) {
  disk(`${name}: operations and bytes pass at their rates within one burst, though everybody sleeps`, () => {
    for (const key of ["r", "w"]) {
      const operations = { rate: 50, burst: 5 };
      const slowly = play(bringUp(0, spec({ io: { ...FREE, blockOperations: operations } }), key));
      const slow = of(slowly, "disk");
      keepsRate(slowly, used(slow).operations, operations, `operations, ${key}`);
      assert.is(used(slow).bytes, used(slow).operations * REQUEST_BYTES);

      const bytes = { rate: 300_000, burst: 3 * REQUEST_BYTES };
      const thinly = play(bringUp(0, spec({ io: { ...FREE, blockBytes: bytes } }), key));
      const thin = of(thinly, "disk");
      keepsRate(thinly, used(thin).bytes, bytes, `bytes, ${key}`);
      // A request is refused once and then passes: it is not asked for again and again.
      const refused = thin.io[1]!.throttledTotal;
      assert.ok(refused <= used(thin).operations + 1, `${refused} refusals for ${used(thin).operations} requests`);
    }
  });

  disk(`${name}: energy spent is operations and bytes at their cost and nothing else, at the tap's rate`, () => {
    const rate = 200;
    const energy = { capacity: 50_000_000n, rate, share: 0 };
    const played = play(bringUp(0, spec({ energy }), "r"));
    const partition = of(played, "disk");
    const { operations, bytes } = used(partition);
    const { blockOperation, blockByte, instruction, consoleByte } = BOARD.costs;
    const expected =
      operations * blockOperation +
      bytes * blockByte +
      (partition.instructions + partition.work) * instruction +
      partition.io[2]!.used * consoleByte;
    assert.is(partition.energy.spent, expected);
    assert.is(played.snapshot.energyDrained, partition.energy.spent + partition.energy.level, "nothing is lost");
    const filled = (played.snapshot.nowNs * rate) / 1000;
    within(partition.energy.spent, filled - Number(energy.capacity), filled, "the tap pays for all");
    assert.ok(operations > 150, `${operations} operations`);
  });

  disk(`${name}: a neighbour's share is what it is beside a guest without a disk`, () => {
    const limits = { ...FREE, blockOperations: { rate: 200, burst: 1 } };
    const work = partitionOf("work", {
      cpu: { class: "guaranteed", budget: 60_000, period: 100_000, ceiling: 60_000, weight: 0 },
    });
    const beside = (io: IoContract, key: string): number => {
      const played = play([...bringUp(0, work, "s"), ...bringUp(1, spec({ io }), key)], 1_000);
      return of(played, "work").cpu.timeNs / played.snapshot.nowNs;
    };
    // The last slice may lie before or behind the end.
    for (const key of ["r", "p"]) within(beside(limits, key), 0.5995, 0.6005, `beside "${key}"`);
  });

  disk(`${name}: a guest that spins while its request waits runs on`, () => {
    const limits = { ...FREE, blockOperations: { rate: 10, burst: 1 } };
    const played = play(bringUp(0, spec({ io: limits }), "p"), 500);
    const partition = of(played, "disk");
    within(used(partition).operations, 4, 6, "operations");
    within(partition.cpu.timeNs / played.snapshot.nowNs, 0.95, 1, "share");
  });

  disk(`${name}: flushes and discards are operations without bytes; zeroes are written`, () => {
    const io = { ...FREE, blockOperations: { rate: 100, burst: 1 } };
    for (const [key, bytes] of [
      ["f", 0],
      ["d", 0],
      ["z", REQUEST_BYTES],
    ] as const) {
      const partition = of(play(bringUp(0, spec({ io }), key), 1_000), "disk");
      within(used(partition).operations, 99, 101, `operations of ${key}`);
      assert.is(used(partition).bytes, used(partition).operations * bytes, key);
    }
  });

  disk(`${name}: a request that its reserve can never hold is an I/O error, and told`, () => {
    const small = spec({ energy: { capacity: 2_100_000n, rate: 100_000, share: 0 } });
    const played = play(bringUp(0, small, "r"), 500);
    assert.match(consoleOf(small), /error/);
    const told = played.messages.filter((message) => message.kind === "event" && message.event.kind === "disk-error");
    assert.is(told.length, 1);
    assert.equal(used(of(played, "disk")), { operations: 0, bytes: 0 });
  });

  disk(`${name}: what waits for energy that no tap brings goes on with the next contract`, () => {
    const { cpu, io } = spec({});
    const contract = (rate: number): Scripted[1] => {
      return { op: "budget", partition: 1, cpu, energy: { capacity: 50_000_000n, rate, share: 0 }, io };
    };
    // Its neighbour moves the clock.
    const script = (more: Scripted[]): Scripted[] => [
      ...bringUp(0, partitionOf("clock"), "s"),
      ...bringUp(1, spec({ energy: { capacity: 50_000_000n, rate: 100_000, share: 0 } }), "r"),
      [500, contract(0)],
      ...more,
    ];
    const operations = (more: Scripted[], endMs: number): number =>
      used(of(play(script(more), endMs), "disk")).operations;
    const before = operations([], 800);
    assert.ok(before > 0);
    assert.is(operations([], 1_500), before, "without energy nothing passes");
    assert.ok(operations([[1_500, contract(100_000)]], 2_000) > before);
  });
}

disk("the same script is the same run, bit for bit, with a disk that waits", () => {
  const path = image();
  const script = (): Scripted[] => [
    ...bringUp(
      0,
      diskPartitionOf("disk", path, {
        io: { ...FREE, blockBytes: { rate: 90_000, burst: 10_000 } },
        energy: { capacity: 90_000_000n, rate: 9_000, share: 0 },
      }),
      "w",
    ),
    ...bringUp(1, partitionOf("other", { energy: { capacity: 90_000_000n, rate: 9_000, share: 0 } }), "l"),
  ];
  const [first, second] = [playHandset(script(), 1_000), playHandset(script(), 1_000)];
  assert.equal(second.snapshot, first.snapshot);
  assert.is(second.auditHash, first.auditHash);
});

disk(
  "console output that its limit holds back comes when it may, though the guest is gone to sleep or stopped for good",
  () => {
    const consoleBytes = { rate: 1_000, burst: 64 };
    const spec = partitionOf("talker", { io: { ...FREE, consoleBytes } });
    // Twenty lines fit the guest's ring: it has written them long before they may pass, and sleeps.
    const keys = "0123456789".repeat(80);
    const played = playHandset(bringUp(0, spec, `${keys}i`), 2_000);
    assert.is(consoleOf(spec), `ready\n${keys}`);
    const [partition] = played.snapshot.partitions;
    assert.is(partition!.sleeping, true);
    assert.ok(
      played.snapshot.nowNs >= (keys.length - 64) * 1e6,
      `${played.snapshot.nowNs} ns for ${keys.length} bytes`,
    );
    // Last words are never held back.
    const dying = partitionOf("dying", { io: { ...FREE, consoleBytes: { rate: 1, burst: 1 } } });
    playHandset(bringUp(0, dying, "abcq"), 10);
    assert.is(consoleOf(dying), "ready\nabc");
  },
);

disk.run();
