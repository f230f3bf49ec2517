// The thread's processor time: it passes while the thread works, not while it sleeps, and one thread's is not another's.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { threadClock } from "../../../../../agent/host/between/thread-clock.js";

const clocks = suite("thread-clock");
const missing = process.platform === "linux" ? null : "only Linux is sure to have one";

clocks("it is there on Linux, and never goes back", () => {
  const clock = threadClock();
  if (missing !== null && clock === null) return;
  assert.type(clock, "function");
  let last = 0;
  for (let n = 0; n < 1000; n++) {
    const moment = clock!();
    assert.ok(moment >= last);
    last = moment;
  }
});

clocks("work counts, sleep does not", () => {
  const clock = threadClock();
  if (clock === null) return;
  const before = clock();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  const slept = clock() - before;
  // Until the clock has moved by ten times what the sleep took: if work did not count, this would not end.
  let sum = 0;
  for (const target = clock() + 10 * slept + 1e6; clock() < target;) for (let n = 0; n < 1000; n++) sum += n;
  assert.ok(slept < 100e6, `${slept} ns of 200 ms asleep`);
  assert.ok(sum > 0);
});

clocks.run();
