// Which of a device's events mean that it refused a policy.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { HANDSET_EVENTS, REASONS, type Reason } from "../../../agent/wire/reasons.js";
import type { EventMessage } from "../../../agent/wire/reports.js";
import { policyRefusal } from "../../../fleet/refusals.js";

const test = suite("fleet refusals");
const PUSHED = 1_800_000_000;

/** As the agent says it: its code is the reason. */
const ofAgent = (reason: Reason, kind = "pol", partition = "work", time = PUSHED + 9): EventMessage => ({
  ...{ time, sequence: 1, code: REASONS[reason], severity: 4 },
  args: new Map([
    [1, kind],
    [2, partition],
  ]),
});

/** As the handset says it, whose check counts. */
const ofHandset = (reason: Reason, kind = "pol", partition = "work", time = PUSHED + 9): EventMessage => ({
  ...{ time, sequence: 1, code: HANDSET_EVENTS["document-refused"], severity: 4 },
  args: new Map<number, number | string>([
    [1, REASONS[reason]],
    [2, kind],
    [3, partition],
  ]),
});

test("of this policy, since it was pushed, whoever of the two says it", () => {
  for (const of of [ofAgent, ofHandset]) {
    assert.is(policyRefusal([of("partition-private")], "work", PUSHED), "partition-private");
    assert.is(policyRefusal([of("signature", "cmd")], "work", PUSHED), null, "another kind");
    assert.is(policyRefusal([of("signature", "pol", "mail")], "work", PUSHED), null, "another partition");
    assert.is(policyRefusal([of("signature", "pol", "work", PUSHED - 301)], "work", PUSHED), null, "before");
    assert.is(policyRefusal([of("signature", "pol", "work", PUSHED - 299)], "work", PUSHED), "signature", "clocks");
    for (const reason of ["superseded", "rollback", "rate"] as const)
      assert.is(policyRefusal([of(reason)], "work", PUSHED), null, reason);
    assert.is(policyRefusal([of("rate"), of("storage")], "work", PUSHED), "storage");
  }
});

test("every other event is none", () => {
  for (const code of [...Object.values(HANDSET_EVENTS), 1, 512, 9999]) {
    const event = { time: PUSHED + 1, sequence: 1, code, severity: 4 } as const;
    assert.is(policyRefusal([event, { ...event, args: new Map([[1, "pol"]]) }], "work", PUSHED), null);
  }
});

test.run();
