// An orderly end, looked at by a scripted partition: no time passes.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { powerDown, type Ending, type Sight } from "../../../../../agent/host/monitor/power-down.js";

const power = suite("power-down");

interface Played extends Ending {
  waited: number;
  presses: number;
  told: number;
}

/** Plays a partition that is seen as `sight` says at each look, the first before the key is pressed. */
async function play(sight: (look: number) => Partial<Sight>, listens = true, cutAt = Infinity): Promise<Played> {
  const cut = new AbortController();
  let [looks, waited, presses, told] = [0, 0, 0, 0];
  if (cutAt === 0) cut.abort();
  const ending = await powerDown(
    {
      press: () => Promise.resolve((presses++, listens)),
      look: () => Promise.resolve({ state: "running", reason: "", instructions: 0, moved: 0, ...sight(looks++) }),
    },
    cut.signal,
    () => told++,
    (milliseconds) => {
      waited += milliseconds;
      if (waited >= cutAt) cut.abort();
      return Promise.resolve();
    },
  );
  return { ...ending, waited, presses, told };
}

power("a guest that powers itself off is not cut", async () => {
  const played = await play((look) =>
    look < 5 ? { moved: look } : { state: "stopped", reason: "powered itself off" },
  );
  assert.equal(played, { off: true, why: "powered itself off", waited: 1250, presses: 1, told: 1 });
});

power("a guest that does not listen is cut at once, and one that does not run is not asked", async () => {
  const deaf = await play(() => ({}), false);
  assert.equal([deaf.off, deaf.waited, deaf.told], [false, 0, 0]);
  assert.match(deaf.why, /does not listen/);
  const paused = await play(() => ({ state: "paused" }));
  assert.equal([paused.off, paused.presses], [false, 0]);
  assert.match(paused.why, /it was paused/);
});

power("10 s without progress are the end; what an idle guest executes is none", async () => {
  const idle = await play((look) => ({ instructions: look * 100_000 }));
  assert.equal([idle.off, idle.waited], [false, 10_000]);
  assert.match(idle.why, /no progress for 10 s/);
  const late = await play((look) => ({ moved: Math.min(look, 20) }));
  assert.is(late.waited, 15_000, "they begin anew with each sign of life");
});

power("a guest that only pretends to get on is cut after a minute", async () => {
  const busy = await play((look) => ({ instructions: look * 10_000_000 }));
  assert.equal([busy.off, busy.waited], [false, 60_000]);
  assert.match(busy.why, /not off 60 s/);
});

power("who asks for the cut gets it: before the key is pressed, or while it is waited for", async () => {
  const now = await play(() => ({}), true, 0);
  assert.equal([now.off, now.presses], [false, 0]);
  const second = await play(() => ({}), true, 1000);
  assert.equal([second.off, second.waited], [false, 1000]);
  const tooLate = await play((look) => ({ state: look < 4 ? "running" : "stopped" }), true, 1000);
  assert.ok(tooLate.off, "it was off already");
});

power("one that is paused, or fails, while it is waited for", async () => {
  const paused = await play((look) => ({ state: look < 3 ? "running" : "paused" }));
  assert.match(paused.why, /paused meanwhile/);
  const failed = await play((look) => (look < 3 ? {} : { state: "failed", reason: "its watchdog ran out" }));
  assert.equal([failed.off, failed.why], [true, "its watchdog ran out"]);
});

power.run();
