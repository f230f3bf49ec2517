// When an I/O worker is given up: the same request at seven looks in a row.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { BLOCK_WRITE } from "../../../../../kernel/abi/layout.js";
import { STATUS_ERROR } from "../../../../../agent/host/disk/block-store.js";
import { stuckWatch } from "../../../../../agent/host/disk/client.js";
import { DiskQueue } from "../../../../../agent/host/disk/queue.js";

const client = suite("disk client");

/** Whether a watch that sees these numbers of pieces gives the worker up. */
function givenUp(progress: (number | null)[]): boolean {
  let stuck = false;
  let at = 0;
  const look = stuckWatch({ progress: () => progress[at++]! }, () => (stuck = true));
  progress.forEach(() => look());
  return stuck;
}

client("one request for half a minute is too long; work that goes on, and idleness, are not", () => {
  assert.is(givenUp([4, 4, 4, 4, 4, 4, 4]), true);
  assert.is(givenUp([4, 4, 4, 4, 4, 4]), false, "six looks are 25 s");
  assert.is(givenUp([4, 4, 4, 5, 5, 5, 5, 5, 5]), false);
  assert.is(givenUp(Array<null>(20).fill(null)), false);
});

client("a new worker does not see what the last one never finished: it is an error", () => {
  const queue = new DiskQueue(512);
  queue.submit(3, { operation: BLOCK_WRITE, sector: 0, byteCount: 512 });
  queue.lose();
  queue.renew();
  assert.equal(queue.submitted(), []);
  assert.is(queue.finished(3), STATUS_ERROR);
  assert.is(queue.isBusy(3), false);
});

client.run();
