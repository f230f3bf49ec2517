// What a partition is charged (SPECIFICATION.md: overhead ≤ 4 MiB by default, 1 MiB when asked, beside 64 MiB of RAM).

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DiskQueue } from "../../../../../agent/host/disk/queue.js";
import { Handset } from "../../../../../agent/host/monitor/handset.js";
import { CACHE_SIZES, checkRamBytes, memoryText, partitionMemory } from "../../../../../agent/host/machine/memory.js";
import { assertFails } from "../../../../support/failure.js";

const memory = suite("partition-memory");

for (const [kind, limit] of [
  ["normal", 4 << 20],
  ["small", 1 << 20],
] as const) {
  memory(`${kind}: 64 MiB of RAM with a disk stay within ${limit >> 20} MiB of overhead`, () => {
    const caches = CACHE_SIZES[kind];
    const shared = Handset.sharedBytes + new DiskQueue(caches.diskPieceBytes).buffer.byteLength;
    const result = partitionMemory(64 << 20, 0, caches, shared);
    assert.ok(result.overheadBytes <= limit, memoryText(result));
    const items = result.overhead.reduce((sum, item) => sum + item.bytes, 0);
    assert.is(items, result.overheadBytes);
    // All of the linear memory is RAM or an item: nothing is left out.
    assert.is(result.pages * 65536 + shared, result.ramBytes + result.overheadBytes);
  });
}

memory("RAM below 1 MiB, above 2 GiB or off the 64 KiB grid is refused", () => {
  for (const bytes of [0, 65536, (1 << 20) + 4096, 2 ** 31 + 65536, -65536, NaN]) {
    assertFails("USAGE_MEMORY", () => checkRamBytes(bytes));
  }
  checkRamBytes(1 << 20);
  checkRamBytes(2 ** 31);
});

memory.run();
