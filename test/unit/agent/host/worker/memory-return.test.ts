// When the memory of partitions that ended is asked back: never while somebody's turn is near, unless it has waited long enough.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryReturn } from "../../../../../agent/host/worker/memory-return.js";

const test = suite("agent/host/memory-return");
const MILLISECOND = 1e6;

function counted(): { memory: MemoryReturn; collections: () => number } {
  let collections = 0;
  return { memory: new MemoryReturn(() => void collections++), collections: () => collections };
}

test("nothing is collected when nothing ended", () => {
  const { memory, collections } = counted();
  memory.look(5e9, Infinity);
  memory.settle();
  assert.is(collections(), 0);
});

test("it waits for a quiet moment, and collects once for all that ended", () => {
  const { memory, collections } = counted();
  memory.owe(0);
  memory.owe(1);
  memory.look(2, 1 * MILLISECOND);
  assert.is(collections(), 0);
  memory.look(3, 50 * MILLISECOND);
  memory.look(4, 50 * MILLISECOND);
  assert.is(collections(), 1);
});

test("among partitions that never sleep it waits a second, counted from the first that ended", () => {
  const { memory, collections } = counted();
  memory.owe(0);
  memory.owe(900 * MILLISECOND);
  memory.look(999 * MILLISECOND, 0);
  assert.is(collections(), 0);
  memory.look(1000 * MILLISECOND, 0);
  assert.is(collections(), 1);
});

test("memory that is owed comes back before new memory is asked for", () => {
  const { memory, collections } = counted();
  memory.owe(0);
  memory.settle();
  assert.is(collections(), 1);
});

test("the collector that V8 gives is there", () => {
  const memory = new MemoryReturn();
  memory.owe(0);
  memory.settle();
});

test.run();
