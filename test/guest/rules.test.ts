// The rules of a handset file: what they may do, and that a rule that throws, loops, grows or hangs harms nobody.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { KEYS_GUEST, withHandset } from "../support/handset-process.js";
import type { HandsetView } from "../../agent/view.js";

const rules = suite("rules");

type View = HandsetView;

const HOSTILE = `rules:
  - { name: throws, on: [state], run: "throw new Error('\\\\x1b[2J no')" }
  - { name: loops, on: [state], run: "for (;;) {}" }
  - { name: grows, on: [state], run: "const a = []; for (;;) a.push('xxxxxxxx'.repeat(100))" }
  - { name: hangs, on: [state], run: "Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1)" }
  - { name: oversteps, on: [state], allow: [resume], run: "pause(event.partition)" }
  - name: guard
    on: [state]
    allow: [resume]
    run: |
      // Whoever is paused runs again; the rules above it do not keep it from that.
      if (event.kind === "paused" && event.partition === "work") resume(event.partition);
`;

rules(
  "a rule that throws, loops, grows, hangs in a built-in or oversteps is reported; the others and the partitions go on",
  async () => {
    await withHandset(HOSTILE, async ({ call, said, says }) => {
      const view = async (): Promise<View> => JSON.parse((await call(["ls", "--json"])).stdout) as View;
      await says(/rule hangs: stopped: it hung in a built-in function/);
      await says(/rule throws: Error: \\x1b\[2J no/);
      await says(/rule loops: stopped: it took too long/);
      await says(/rule grows: stopped: it (used too much memory|took too long)/);
      await says(/rule oversteps: ReferenceError: 'pause' is not defined/);
      const before = await view();
      assert.is((await call(["pause", "work"])).status, 0);
      await says(/work: paused[^]*work: running/);
      assert.is((await call(["pause", "home"])).status, 0);
      await says(/home: paused/);
      await says(/rule hangs: stopped 3 times in a row: it is off from now on/);
      await says(/rule loops: stopped 3 times in a row/);
      const after = await view();
      assert.equal(
        after.partitions.map(({ name, state }) => `${name} ${state}`),
        ["work running", "home paused"],
      );
      // Both partitions wait for a key in a loop: they burn what they get.
      assert.ok(after.partitions[0]!.instructions > before.partitions[0]!.instructions);
      assert.ok(!/defect|uncaught/i.test(said()), said());
    });
  },
);

const LIVING = `  - { name: thirsty, kernel: ${KEYS_GUEST}, memory: 1M, overhead: small, energy: { capacity: 20mJ } }
battery:
  level: 50%
  script:
    - { at: 1s, level: 19.5% }
    - { at: 2s, temperature: 46 }
    - { at: 3s, charge-rate: 5W, temperature: 61 }
rules:
  - { name: saver, on: [battery], allow: [pause], run: "if (event.percent < 20 && !event.charging) pause('home')" }
  - { name: cooler, on: [thermal], allow: [pause], run: "if (event.level === 'warn') pause('work')" }
  - { name: plugged, on: [battery], allow: [resume], run: "if (event.charging) resume('home')" }
  - { name: waiter, on: [exhausted], allow: [stop], run: "stop(event.partition); throw new Error(event.kind)" }
  - { name: medic, on: [fault], allow: [stop], run: "if (event.kind === 'fault') { stop(event.partition); throw new Error(event.reason) }" }
`;

rules("battery, thermal, exhausted and fault: a scripted battery and a guest that fails drive the rules", async () => {
  await withHandset(LIVING, async ({ call, says, press }) => {
    await says(/rule waiter: Error: energy-empty/);
    await says(/thirsty: stopped/);
    await says(/home: paused/);
    await says(/the handset: thermal: 46 °C, warn/);
    await says(/work: paused/);
    await says(/the handset: thermal: 61 °C, critical/);
    await says(/the handset: charging/);
    await says(/home: paused[^]*home: running/);
    await press("home", "p");
    await says(/rule medic: Error: its kernel panicked/);
    const view = JSON.parse((await call(["ls", "--json"])).stdout) as View;
    assert.equal(
      view.partitions.map(({ name, state }) => `${name} ${state}`),
      ["work paused", "home stopped", "thirsty stopped"],
    );
    assert.match(JSON.stringify(view.battery), /"percent":19.*"charging":true,"celsius":61,"note":""/);
    assert.equal(view.thermal, {
      source: "simulated",
      celsius: 61,
      level: "critical",
      warn: 45,
      critical: 60,
      note: "",
    });
    const told = view.rules.filter(({ last }) => last !== "").map(({ name, last }) => `${name} ${last}`);
    assert.equal(told, ["waiter Error: energy-empty", "medic Error: its kernel panicked"]);
    assert.match(
      (await call(["top"])).stdout,
      /charging .* simulated .* 61 .*C \(critical\)[^]*rule medic: Error: its kernel/,
    );
  });
});

const BUDGET_NS = 30e6;
const PERIOD_NS = 100e6;
const HARMFUL = `rules:
  - { name: throws, on: [state, exhausted], run: "throw new Error('no')" }
  - { name: loops, on: [state, exhausted], run: "for (;;) {}" }
  - { name: grows, on: [state, exhausted], run: "const a = []; for (;;) a.push('xxxxxxxx'.repeat(100))" }
  - { name: hangs, on: [state, exhausted], run: "Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1)" }
`;

rules("beside rules that throw, loop, grow and hang, a partition gets its budget", async () => {
  await withHandset(HARMFUL, async ({ call, says }) => {
    const view = async (): Promise<View> => JSON.parse((await call(["ls", "--json"])).stdout) as View;
    await call(["budget", "work", "--budget", "30ms", "--ceiling", "30ms"]);
    const before = await view();
    await call(["pause", "home"]);
    await call(["resume", "home"]);
    await says(/rule hangs: stopped 3 times in a row/);
    const after = await view();
    const used = after.partitions[0]!.cpu.timeNs - before.partitions[0]!.cpu.timeNs;
    const periods = (after.nowNs - before.nowNs) / PERIOD_NS;
    const stolen = (after.stolenNs - before.stolenNs) / PERIOD_NS;
    // A window that begins and ends within periods may hold one budget more. A busy host may leave less; next to nothing it does not.
    assert.ok(used <= BUDGET_NS * (periods + 1), `${used} ns in ${periods} periods`);
    assert.ok(used >= 0.6 * BUDGET_NS * (periods - stolen - 1), `${used} ns in ${periods} periods, ${stolen} stolen`);
    assert.ok(after.rules.find(({ name }) => name === "hangs")!.off);
    assert.ok(after.rules.find(({ name }) => name === "throws")!.faults > 0);
  });
});

rules.run();
