// The rules of a handset file: what they may do, and that a rule that throws, loops, grows or hangs harms nobody.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { withHandset } from "../support/handset-process.js";

const rules = suite("rules");

interface View {
  partitions: { name: string; state: string; instructions: number }[];
}

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
      assert.not.match(said(), /defect|uncaught/i);
    });
  },
);

rules.run();
