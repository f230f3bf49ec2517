// The token bucket before the shell's checks: 8 at once, then one a second.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ENVELOPE_BURST, EnvelopeBucket } from "../../../../agent/shell/verify-bucket.js";
import { Random } from "../../../support/random.js";

const bucket = suite("envelope bucket");

bucket("a burst of 10,000 gets 8, and then one for each second", () => {
  let now = 0;
  const envelopes = new EnvelopeBucket(() => now);
  const taken = (): number => Array.from({ length: 10_000 }, () => envelopes.take()).filter(Boolean).length;
  assert.is(taken(), 8);
  now += 999;
  assert.is(taken(), 0);
  assert.is(envelopes.waitMs(), 1);
  now += 1;
  assert.is(envelopes.waitMs(), 0);
  assert.is(taken(), 1);
  now += 3600_000;
  assert.is(taken(), 8, "it never holds more");
});

bucket("over any time, no more than 8 and one a second, and whoever waits as told gets one", () => {
  const random = new Random(8);
  let now = 0;
  const envelopes = new EnvelopeBucket(() => now);
  const taken: number[] = [];
  for (let count = 0; count < 5000; count++) {
    now += random.below(1500);
    if (random.oneIn(5)) now += envelopes.waitMs();
    const wait = envelopes.waitMs();
    assert.is(envelopes.take(), wait === 0);
    if (wait === 0) taken.push(now);
  }
  for (const [index, from] of taken.entries()) {
    const last = taken[index + 100];
    if (last !== undefined) assert.ok(101 <= ENVELOPE_BURST + (last - from) / 1000 + 1);
  }
});

bucket("a clock that goes back gives nothing, and takes nothing for ever", () => {
  let now = 1000_000;
  const envelopes = new EnvelopeBucket(() => now);
  while (envelopes.take());
  now = 0;
  assert.is(envelopes.take(), false);
  now = 1000;
  assert.is(envelopes.take(), true);
});

bucket.run();
