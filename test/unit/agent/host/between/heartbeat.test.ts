// The heartbeat: a worker that hangs is found, one that sleeps, works or was stopped together with its watch is not.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { HEARTBEAT_WORDS, Heartbeat, HeartbeatWatch } from "../../../../../agent/host/between/heartbeat.js";
import { doorbellRing } from "../../../../../agent/host/between/doorbell.js";

const heartbeat = suite("heartbeat");
const LOOKS = 5;

function pair(): { words: Int32Array; beat: Heartbeat; looks: (count: number) => boolean } {
  const words = new Int32Array(new SharedArrayBuffer(HEARTBEAT_WORDS * 4));
  const watch = new HeartbeatWatch(words);
  return {
    words,
    beat: new Heartbeat(words),
    looks: (count) => Array.from({ length: count }, () => watch.look()).some((hung) => hung),
  };
}

/** A bell that has rung already, so that nobody lies down for long. */
function nap(beat: Heartbeat, words: Int32Array): void {
  beat.sleep(Atomics.load(words, 0) - 1, 0);
}

heartbeat("who has not begun is not watched, however often its bell rings", () => {
  const { words, looks } = pair();
  doorbellRing(words);
  assert.is(looks(100), false);
});

heartbeat("who is awake and does not come round is found after so many looks, not before", () => {
  const { words, beat, looks } = pair();
  for (let n = 0; n < 10; n++) {
    beat.round();
    if (n % 3 === 0) nap(beat, words);
    assert.is(looks(LOOKS), false, `${n}: seen for the first time, and ${LOOKS - 1} times again`);
  }
  assert.is(looks(1), true);
});

heartbeat("who sleeps is not watched, until its bell rings and it does not get up", () => {
  const { words, beat, looks } = pair();
  beat.round();
  // Asleep, as another thread sees it: between the two halves of sleep().
  const asleep = Object.assign(beat, {});
  let [before, after] = [true, false];
  const wait = Atomics.wait;
  Atomics.wait = (() => {
    before = looks(100);
    doorbellRing(words);
    after = looks(LOOKS + 1);
    return "ok";
  }) as typeof Atomics.wait;
  try {
    asleep.sleep(Atomics.load(words, 0), Infinity);
  } finally {
    Atomics.wait = wait;
  }
  assert.equal([before, after], [false, true]);
});

heartbeat.run();
