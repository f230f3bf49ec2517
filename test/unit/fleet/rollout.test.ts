// Roll-outs: what is decided, over many random fleets that succeed, fail and stay silent; rings that are the same in every run.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  ABORT_DONE_LEAST,
  after,
  bucketOf,
  decide,
  noted,
  ringOf,
  RINGS,
  type Rollout,
} from "../../../fleet/rollout.js";
import { Random } from "../../support/random.js";

const rollouts = suite("fleet rollout");
const HOUR = 3600;

const nameOf = (random: Random): string =>
  Array.from({ length: 4 }, () => random.u32().toString(16).padStart(8, "0")).join("");

function fresh(count: number, random: Random, id = `r${random.u32()}`): Rollout {
  const devices = Array.from({ length: count }, () => [nameOf(random), { status: "waiting", pushedAt: null }] as const);
  const rest = { ring: 0, soakingSince: null, soakSeconds: HOUR, timeoutSeconds: 24 * HOUR };
  return { id, state: "running", ...rest, devices: Object.fromEntries(devices) as Rollout["devices"] };
}

rollouts("rings grow, hold everybody at last, follow their shares, and are the same again", () => {
  const random = new Random(1);
  const rollout = fresh(5000, random, "spring");
  const rings = RINGS.map((_, ring) => ringOf(rollout, ring));
  rings.forEach((ring, at) => {
    assert.is(ring.length, Math.round(5000 * RINGS[at]!));
    if (at > 0) assert.equal(ring.slice(0, rings[at - 1]!.length), rings[at - 1]);
  });
  assert.is(rings[3]!.length, 5000);
  const backwards = { ...rollout, devices: Object.fromEntries(Object.entries(rollout.devices).reverse()) };
  assert.equal(ringOf(backwards, 1), rings[1]);
  assert.not.equal(ringOf({ ...rollout, id: "autumn" }, 1), rings[1]);
  // SHA-256("spring" ‖ 16 bytes of zero), its first four bytes, of 2^32.
  assert.is(bucketOf("spring", "00".repeat(16)), 0xde2b1869 / 2 ** 32);
});

rollouts(
  "rings have their exact share, whatever the fleet's size and the roll-out's name: rounded up, one at least",
  () => {
    for (const [count, sizes] of [
      [1, [1, 1, 1, 1]],
      [3, [1, 1, 2, 3]],
      [20, [1, 2, 10, 20]],
      [30, [1, 3, 15, 30]],
      [101, [2, 11, 51, 101]],
      [700, [7, 70, 350, 700]],
    ] as const) {
      for (let seed = 1; seed < 30; seed++) {
        const rollout = fresh(count, new Random(seed), `r${seed}`);
        assert.equal(
          RINGS.map((_, ring) => ringOf(rollout, ring).length),
          [...sizes],
        );
      }
    }
  },
);

rollouts("one device is a canary", () => {
  assert.is(ringOf(fresh(1, new Random(2)), 0).length, 1);
});

rollouts(
  "random fleets: nobody is pushed before the ring is open, none opens too early, it aborts when it must, and it ends",
  () => {
    const random = new Random(3);
    const ends = { done: 0, aborted: 0 };
    for (let round = 0; round < 150; round++) {
      let rollout = fresh(1 + random.below(120), random);
      // One device in so many fails, one in so many never answers.
      const [fails, silent] = [random.pick([0, 3, 10, 50]), random.pick([0, 10, 100])];
      let now = 1_800_000_000;
      let openedAt = now;
      for (let steps = 0; rollout.state === "running"; steps++) {
        assert.ok(steps < 5000, "it comes to an end");
        const step = decide(rollout, now);
        const next = after(rollout, step, now);
        const open = new Set(ringOf(rollout, rollout.ring));
        const all = Object.entries(rollout.devices);
        for (const [name, { status }] of all)
          assert.ok(status === "waiting" || open.has(name), "outside the open ring");
        const failed = all.filter(([, { status }]) => status === "failed").length;
        const done = failed + all.filter(([, { status }]) => status === "succeeded").length;
        if (done >= ABORT_DONE_LEAST && failed / done >= 0.05) assert.is(step.step, "abort");
        if (step.step === "push") for (const name of step.devices) assert.ok(open.has(name));
        if (step.step === "advance" || step.step === "finish") {
          const good = [...open].filter((name) => rollout.devices[name]!.status === "succeeded").length;
          assert.ok(good / open.size >= 0.95, `${good} of ${open.size}`);
          if (step.step === "advance") {
            assert.ok(now - openedAt >= HOUR, "soaked");
            assert.is(next.ring, rollout.ring + 1);
            openedAt = now;
          } else assert.is(rollout.ring, RINGS.length - 1);
        }
        rollout = next;
        if (step.step !== "wait") continue;
        // Time goes on, and some of those that were pushed answer.
        now += 60 + random.below(2 * HOUR);
        const pushed = Object.keys(rollout.devices).filter((name) => rollout.devices[name]!.status === "pushed");
        const answering = pushed.filter(
          (name) => (silent === 0 || bucketOf("silent", name) * silent >= 1) && !random.oneIn(3),
        );
        const failing = answering.filter((name) => fails > 0 && bucketOf("fails", name) * fails < 1);
        rollout = noted(
          rollout,
          answering.filter((name) => !failing.includes(name)),
          failing,
        );
      }
      ends[rollout.state as "done" | "aborted"]++;
      if (rollout.state === "done")
        assert.not(Object.values(rollout.devices).some(({ status }) => status === "waiting"));
      assert.is(decide(rollout, now).step, "wait");
    }
    assert.ok(ends.done > 10 && ends.aborted > 10, JSON.stringify(ends));
  },
);

rollouts("paused: nothing happens, whatever the time", () => {
  const rollout: Rollout = { ...fresh(50, new Random(4)), state: "paused" };
  for (const now of [0, 1e9, 1e12]) assert.equal(decide(rollout, now), { step: "wait", why: "paused" });
});

rollouts("what a device said once stays; what it was not pushed counts for nothing", () => {
  const rollout = fresh(2, new Random(5));
  const [first, second] = ringOf(rollout, 3) as [string, string];
  assert.equal(noted(rollout, [first], [second]), rollout);
  const pushed = after(rollout, { step: "push", devices: [first] }, 7);
  const good = noted(pushed, [first], []);
  assert.is(noted(good, [], [first]).devices[first]!.status, "succeeded");
});

rollouts.run();
