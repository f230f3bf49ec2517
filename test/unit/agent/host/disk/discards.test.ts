// Discarded ranges against a plain model of bytes: what is given back is discarded and has not been written since, whatever the order.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Discards } from "../../../../../agent/host/disk/discards.js";
import { mayGiveBack } from "../../../../../agent/host/disk/give-back.js";
import { GAVE_BACK, HEARTBEAT_WORDS } from "../../../../../agent/host/between/heartbeat.js";
import { Generator } from "../../../../support/generator.js";

const discards = suite("discards");

discards("VIRTIO 1.2 §5.2.6.2: never a byte that was written after it was discarded, and all that was not", () => {
  const generator = new Generator(3);
  for (let round = 0; round < 200; round++) {
    const model = new Uint8Array(256);
    const list = new Discards();
    for (let step = 0; step < 60; step++) {
      const start = generator.below(256);
      const end = start + generator.below(257 - start);
      const write = generator.below(2) === 0;
      model.fill(write ? 0 : 1, start, end);
      if (write) list.remove(start, end);
      else list.add(start, end);
    }
    let last = Infinity;
    for (let range = list.take(1); range !== null; range = list.take(1)) {
      assert.ok(range.end - range.start <= last, "the largest first");
      last = range.end - range.start;
      assert.ok(model.subarray(range.start, range.end).every((byte) => byte === 1));
      model.fill(0, range.start, range.end);
    }
    assert.ok(
      model.every((byte) => byte === 0),
      "nothing is forgotten while there is room",
    );
  }
});

discards("a guest that discards every other block has a bounded list, of its largest ranges", () => {
  const list = new Discards();
  list.add(1e9, 1e9 + 4096);
  for (let n = 0; n < 100_000; n++) list.add(n * 1024, n * 1024 + 512);
  assert.ok(list.count <= 512);
  assert.equal(list.take(1), { start: 1e9, end: 1e9 + 4096 });
  assert.is(list.take(513), null);
});

discards("one range a second for the whole handset", () => {
  const words = new Int32Array(new SharedArrayBuffer(HEARTBEAT_WORDS * 4));
  const turns = [1000, 1001, 1999, 2000, 2000, 5500].map((ms) => mayGiveBack(words, ms));
  assert.equal(turns, [true, false, false, true, false, true]);
  assert.is(words[GAVE_BACK], 5);
});

discards.run();
