// Commands that find what they want already so: done, without an order.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { commandNamed, type CommandTarget } from "../../../agent/command.js";
import { handsetView, partitionView } from "../../support/views.js";

const command = suite("command");

for (const [name, state, orders] of [
  ["pause", "paused", []],
  ["pause", "running", ["pause"]],
  ["resume", "running", []],
  ["resume", "paused", ["resume"]],
  ["stop", "stopped", []],
  ["stop", "failed", ["stop"]],
  ["start", "running", []],
  ["start", "stopped", ["start"]],
  ["restart", "running", ["restart"]],
] as const) {
  command(`${name} of one that is ${state} orders ${orders.join() || "nothing"}`, async () => {
    const asked: string[] = [];
    const target = {
      snapshot: () => Promise.resolve(handsetView([partitionView("work", 0, {}, { state })])),
      act: (op: string) => {
        asked.push(op);
        return Promise.resolve();
      },
    } as unknown as CommandTarget;
    const answer = await commandNamed(name).run(target, { positionals: ["work"], options: {} });
    assert.equal(asked, [...orders]);
    assert.is((answer as { name: string }).name, "work");
  });
}

command.run();
