// Reconnecting: at once the first time, spread afterwards, and calm again only after a good link.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Backoff } from "../../../../agent/link/backoff.js";
import { Random } from "../../../support/random.js";

const test = suite("backoff");

test("the very first connection is at once, then the windows double to their cap", () => {
  const backoff = new Backoff(() => 1 - Number.EPSILON);
  const seconds = Array.from({ length: 8 }, () => Math.round(backoff.next() / 1000));
  assert.equal(seconds, [0, 30, 60, 120, 240, 300, 300, 300]);
});

test("only a link of 300 s makes the window small again", () => {
  const backoff = new Backoff(() => 1 - Number.EPSILON);
  for (let n = 0; n < 5; n++) backoff.next();
  backoff.lost(299_999);
  assert.is(Math.round(backoff.next()), 300_000);
  backoff.lost(300_000);
  assert.is(Math.round(backoff.next()), 30_000);
});

test("10,000 devices that lose their broker come back evenly over 30 s", () => {
  const random = new Random(7);
  const perSecond = new Array<number>(30).fill(0);
  for (let device = 0; device < 10_000; device++) {
    const backoff = new Backoff(() => random.u32() / 2 ** 32);
    backoff.next();
    perSecond[Math.floor(backoff.next() / 1000)]!++;
  }
  // 333 on average; five standard deviations are 90.
  assert.ok(Math.max(...perSecond) < 423, `${Math.max(...perSecond)} in one second`);
  assert.ok(Math.min(...perSecond) > 243);
});

test.run();
